"""Calendar months of tenants, as verbs ask for them: what is over, where, and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from orchestrator.cli.books import Books
from orchestrator.errors import PeriodRefused
from orchestrator.model.account import Account
from orchestrator.model.statement import Month

period_option = click.option(
    "--period", required=True, metavar="YYYY-MM", help="Calendar month in the tenant's time zone."
)


def month_of(typed: str) -> Month:
    """The month that `--period` names. Raises: BadParameter."""
    month = Month.of(typed)
    if month is None:
        raise click.BadParameter("a calendar month is written like 2026-10", param_hint="--period")
    return month


def everybody(books: Books, month: Month) -> Sequence[str]:
    """Tenants with entries until the month's end, wherever they are."""
    return books.store.tenants_before(max(month.ends_at(ZoneInfo("Etc/GMT+12")), month.ends_at(books.zone)))


def zone_of(books: Books, tenant: str, accounts: Mapping[str, Account]) -> ZoneInfo:
    """The tenant's; of one whose file is gone, the one it was charged in last."""
    known = books.definitions.tenants.get(tenant)
    if known is not None:
        return ZoneInfo(known.time_zone)
    account = accounts.get(tenant)
    return books.zone if account is None else ZoneInfo(account.time_zone)


def zones_of(books: Books, tenants: Iterable[str], accounts: Mapping[str, Account]) -> Mapping[str, ZoneInfo]:
    """Of some tenants, each's own."""
    return {tenant: zone_of(books, tenant, accounts) for tenant in tenants}


def check_period(
    books: Books,
    zones: Mapping[str, ZoneInfo],
    month: Month,
    now: datetime,
    hint: str,
    *,
    draft: bool = False,
) -> None:
    """A month must be over wherever it is asked for; of nobody, where the platform is.

    Args: hint: what to do of one that isn't over. draft: it needs only have begun.
    Raises: PeriodRefused.
    """
    for tenant, zone in (zones or {"the platform": books.zone}).items():
        begins_at, ends_at = month.begins_at(zone), month.ends_at(zone)
        if now < begins_at:
            raise PeriodRefused(
                f"{month} hasn't begun yet for {tenant} ({zone.key})", "name a month that is over"
            )
        if now < ends_at and not draft:
            over = ends_at.astimezone(zone)
            raise PeriodRefused(
                f"{month} isn't over for {tenant}: it ends {over:%Y-%m-%d %H:%M} {zone.key}", hint
            )


def warn_of_due(books: Books, tenant: str, account: Account | None, ends_at: datetime, now: datetime) -> None:
    """Tell of what a month lacks because nobody has charged it yet."""
    if account is not None and account.due is not None and account.due.at < min(ends_at, now):
        since = books.shown(account.due.at)
        click.echo(f"warning: {tenant}: what is due since {since} isn't charged: vpbx billing run", err=True)
