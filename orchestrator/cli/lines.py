"""`vpbx lines`: how many lines a tenant has, which calls hold them, how many calls were refused."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.books import Books, open_books
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.model.call import Leg, LiveChannel
from orchestrator.model.platform import lines_given

_JSON_VERSION = 1
_WATCH_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Held:
    """A line in use. Args: leg: what the record says of it; None when it was not written yet."""

    channel: LiveChannel
    leg: Leg | None


@dataclass(frozen=True, slots=True)
class Lines:
    """Args: given: what the tariff gives. limit: that, or the tenant's lower one. refused: in the span."""

    tenant: str
    given: int
    limit: int
    held: tuple[Held, ...]
    refused: int


@click.command()
@click.argument("tenant")
@click.option(
    "--why", is_flag=True, help="Also show where the limit comes from and each call that holds a line."
)
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@click.option(
    "--hours", type=click.IntRange(min=1), default=24, show_default=True, help="Span of refused calls."
)
@node_option
@json_option
def lines(tenant: str, why: bool, watch: bool, hours: int, node: str | None, as_json: bool) -> None:
    """Show a tenant's lines: the limit, those in use, and the calls refused for want of one.

    The switch itself is asked what is in use. A line is one external call, from before it rings to its
    hangup; calls among extensions hold none.

    \b
    Example:
        vpbx lines acme --why
    """
    session = open_session(node)
    session.tenant(tenant)
    with open_books(bring_in=False) as books:
        while True:
            books.bring_in()
            seen = _look(session, books, tenant, timedelta(hours=hours))
            _show(session, books, seen, why=why, as_json=as_json)
            if not watch:
                return
            time.sleep(_WATCH_EVERY_S)


def _look(session: Session, books: Books, tenant: str, span: timedelta) -> Lines:
    """Raises: AmiUnreachable: the switch doesn't answer, so nobody knows what is in use."""
    channels = asyncio.run(_channels(session))
    holding = sorted((c for c in channels if c.line_of == tenant), key=lambda c: c.uniqueid)
    legs = books.store.legs([channel.uniqueid for channel in holding])
    model = session.tenant(tenant)
    return Lines(
        tenant,
        lines_given(session.definitions.tariffs[model.tariff], model),
        session.definitions.line_limit(model),
        tuple(Held(channel, legs.get(channel.uniqueid)) for channel in holding),
        books.store.refused(tenant, datetime.now(UTC) - span),
    )


async def _channels(session: Session) -> tuple[LiveChannel, ...]:
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.channels()


def _show(session: Session, books: Books, seen: Lines, *, why: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_data(seen, why=why), ensure_ascii=False))
        return
    click.echo(
        f"{seen.tenant}: {len(seen.held)} of {seen.limit} lines in use, {seen.refused} call(s) refused"
    )
    if not why:
        return
    click.echo(_reason(session, seen))
    print_table(
        ("since", "direction", "from", "to", "employee", "linkedid"),
        [
            (
                books.shown(held.leg.started_at if held.leg else held.channel.created_at),
                held.leg.direction if held.leg else "?",
                held.leg.from_number if held.leg else "?",
                held.leg.to_number if held.leg else "?",
                held.leg.employee if held.leg else "",
                held.channel.linkedid,
            )
            for held in seen.held
        ],
    )


def _reason(session: Session, seen: Lines) -> str:
    tenant = session.definitions.tenants[seen.tenant]
    tariff = session.definitions.tariffs[tenant.tariff]
    seats = seen.given // tariff.lines_per_seat
    source = (
        f"tariff {tariff.slug}: {seats} seats x {tariff.lines_per_seat} lines = {seen.given} (decision 2)"
    )
    return source if seen.limit == seen.given else f"{source}; the tenant's own limit is {seen.limit}"


def _as_data(seen: Lines, *, why: bool) -> dict[str, object]:
    data: dict[str, object] = {
        "version": _JSON_VERSION,
        "tenant": seen.tenant,
        "limit": seen.limit,
        "in_use": len(seen.held),
        "refused": seen.refused,
    }
    if why:
        data["given"] = seen.given
        data["calls"] = [
            {
                "uniqueid": held.channel.uniqueid,
                "linkedid": held.channel.linkedid,
                "since": held.leg.started_at.isoformat() if held.leg else None,
                "direction": held.leg.direction if held.leg else None,
                "from": held.leg.from_number if held.leg else None,
                "to": held.leg.to_number if held.leg else None,
                "employee": held.leg.employee if held.leg else None,
            }
            for held in seen.held
        ]
    return data
