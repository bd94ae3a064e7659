"""`vpbx whatif`: a month that was charged, beside what it would cost by another tariff."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.books import Books, open_books
from orchestrator.cli.months import check_period, everybody, month_of, period_option, warn_of_due, zones_of
from orchestrator.cli.problems import problems_json, text_of
from orchestrator.cli.progress import working
from orchestrator.cli.session import json_option
from orchestrator.cli.whatif_printed import Told, print_csv, print_json, print_tables, tell_gaps
from orchestrator.definitions import show
from orchestrator.definitions.imagined import read_other_tariff
from orchestrator.errors import NotFound
from orchestrator.model.statement import Month
from orchestrator.model.tariff import Tariff
from orchestrator.model.whatif import Comparison
from orchestrator.storage.whatif import Exchange

_COLLECTED_AT = 200_000


@click.command()
@period_option
@click.option(
    "--tariff",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compute it by this tariff; by the terms of each charge by default.",
)
@click.option(
    "--tenant",
    "tenants",
    multiple=True,
    metavar="TENANT",
    help="Only this tenant; may be given more than once.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.pass_context
def whatif(
    ctx: click.Context,
    period: str,
    tariff: Path | None,
    tenants: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compute a month that is over by another tariff, side by side with the ledger. Nothing is written.

    What recurs is charged again on the dates on which it was, calls and SMS in the order in which they were
    charged: see docs/whatif.md. Without --tariff, and by the tariff in force, the sums are the ledger's.
    Exits with 1 when a tenant or a call could not be computed; stderr says which.

    \b
    Example:
        vpbx whatif --tariff tariffs/next.yaml --period 2026-10
        vpbx whatif --tariff tariffs/next.yaml --period 2026-10 --tenant acme --csv > acme.csv
    """
    month = month_of(period)
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    with open_books(bring_in=False) as books:
        new: Tariff | None = None
        if tariff is not None:
            new, problems = read_other_tariff(tariff, books.project.root)
            if problems:
                click.echo(problems_json(problems) if as_json else show(problems, text_of).rstrip("\n"))
                ctx.exit(1)
        told = Told(month, None if new is None else new.slug, _compared(books, month, new, tenants))
    if as_json:
        print_json(told)
    elif as_csv:
        print_csv(told)
    else:
        print_tables(told)
    tell_gaps(told)
    if any(each.refused or each.unpriced for each in told.tenants):
        ctx.exit(1)


def _compared(
    books: Books, month: Month, new: Tariff | None, tenants: Sequence[str]
) -> tuple[Comparison, ...]:
    """Raises: NotFound: a tenant isn't known, or wasn't charged. PeriodRefused: the month isn't over."""
    now, accounts = datetime.now(UTC), books.store.accounts()
    for tenant in tenants:
        books.check_tenant(tenant, books.store.balances(tenant))
    asked = sorted(set(tenants)) if tenants else sorted({*everybody(books, month), *accounts})
    zones = zones_of(books, asked, accounts)
    check_period(books, zones, month, now, "name a month that is over")
    for tenant, zone in zones.items():
        warn_of_due(books, tenant, accounts.get(tenant), month.ends_at(zone), now)
    exchange = Exchange(month, zones, new, books.definitions.tariffs)
    with (
        _collecting_rarely(),
        working(f"computing {month}") as shown,
        books.store.computing_again(exchange, shown) as found,
    ):
        made = tuple(found)
    charged = tuple(each for each in made if each.entries or each.whatif_kop)
    for tenant in tenants:
        if tenant not in {each.tenant for each in charged}:
            raise NotFound(
                f"{tenant} was charged nothing in {month}", "vpbx tenant status shows what is charged when"
            )
    return charged


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Entries pass by the million, none in a circle: looking for circles would take a tenth of it all."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECTED_AT, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
