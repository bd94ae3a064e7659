"""`vpbx stats`: how many inbound calls were answered, how long callers waited, who called again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import click

from orchestrator.cli.books import Books, no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.stats_printed import Told, print_csv, print_json, print_lines
from orchestrator.statistics.figures import Asked
from orchestrator.statistics.periods import NoTime, Span, hour_of, span
from orchestrator.statistics.report import Grouping, Report, report

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AGAIN = re.compile(r"([1-9][0-9]{0,3})([hd])")


@dataclass(frozen=True, slots=True)
class _Place:
    """A tenant with the span asked for in its own time zone."""

    tenant: str
    span: Span
    hour: Callable[[int], int]


@click.command()
@click.argument("tenant", required=False)
@click.option("--from", "begin", metavar="TIME", help="Begun at or after: 2026-09-22 or 2026-09-22T14:30.")
@click.option("--to", "end", metavar="TIME", help="Begun before a time, or by the end of a date.")
@click.option(
    "--by",
    type=click.Choice(["tenant", "department", "employee", "number", "hour"]),
    help="A line for each of these.",
)
@click.option(
    "--service-level",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="An answer within so many seconds is in time.",
)
@click.option(
    "--again-within",
    default="24h",
    show_default=True,
    metavar="TIME",
    help="Who calls again within this time is counted: 12h, 7d.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@no_reconcile_option
def stats(
    tenant: str | None,
    begin: str | None,
    end: str | None,
    by: Grouping | None,
    service_level: int,
    again_within: str,
    as_json: bool,
    as_csv: bool,
    no_reconcile: bool,
) -> None:
    """Show what became of inbound calls: today's, or of any span of time.

    A call counts when it is over, at the time at which it began, in its tenant's time zone. Without TENANT
    each tenant is a line. docs/statistics.md says what each figure means.

    \b
    Example:
        vpbx stats acme --from 2026-11-01 --to 2026-11-30 --by employee
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    again = _again(again_within)
    with open_books(bring_in=not no_reconcile) as books:
        places = _places(books, tenant, begin, end)
        asked = Asked(
            {each.tenant: _micros(each.span.since) for each in places},
            service_level,
            again // timedelta(microseconds=1),
        )
        found = _report(books, places, by or ("tenant" if tenant is None else "hour"), asked, again)
        titles = _titles(books, by)
    spans = tuple((each.tenant, each.span) for each in places)
    told = Told(found, tenant, spans, service_level, again_within, titles)
    if as_json:
        print_json(told)
    elif as_csv:
        print_csv(told)
    else:
        print_lines(told)


def _report(books: Books, places: list[_Place], by: Grouping, asked: Asked, again: timedelta) -> Report:
    rows = chain.from_iterable(
        books.store.inbound_rows(each.tenant, each.span.since - again, each.span.until) for each in places
    )
    rung = (
        [one for each in places for one in books.store.rung(each.tenant, each.span.since, each.span.until)]
        if by == "employee"
        else []
    )
    return report(by, rows, rung, asked, {each.tenant: each.hour for each in places})


def _places(books: Books, tenant: str | None, begin: str | None, end: str | None) -> list[_Place]:
    """The tenants asked for: one, or all that calls are stored of. Raises: NotFound, click.BadParameter."""
    stored = books.store.inbound_tenants()
    if tenant is not None:
        books.check_tenant(tenant, [name for name in stored if name == tenant])
    now = datetime.now(UTC)
    places = []
    for name in stored if tenant is None else [tenant]:
        known = books.definitions.tenants.get(name)
        zone = books.zone if known is None else ZoneInfo(known.time_zone)
        try:
            places.append(_Place(name, span(begin, end, now, zone), hour_of(zone)))
        except NoTime as error:
            raise click.BadParameter(
                f"{error} is neither a date (2026-09-22) nor a time (2026-09-22T14:30)",
                param_hint="--from, --to",
            ) from error
    return places


def _titles(books: Books, by: Grouping | None) -> dict[tuple[str, str], str]:
    """How those who are grouped by are called, as far as they are still there."""
    tenants = books.definitions.tenants.values()
    if by == "employee":
        return {(each.name, one.extension): one.name for each in tenants for one in each.employees}
    if by == "department":
        return {(each.name, one.name): one.title for each in tenants for one in each.departments}
    return {}


def _again(text: str) -> timedelta:
    match = _AGAIN.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text} is no length of time: write 12h or 7d", param_hint="--again-within")
    return int(match[1]) * (timedelta(hours=1) if match[2] == "h" else timedelta(days=1))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
