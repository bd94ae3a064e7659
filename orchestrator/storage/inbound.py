"""Inbound calls and the phones they rang: kept as calls end, read for statistics.

Rule: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, distinct, exists, func, insert, select

from orchestrator.calls.inbound import inbound_calls
from orchestrator.calls.talk import HANDLERS
from orchestrator.model.call import Leg, SwitchEvent, Systemname
from orchestrator.model.inbound import InboundCall, RungPhone
from orchestrator.statistics.figures import CallRow, Rung
from orchestrator.storage.rows import chunks, event_from, flat, leg_from, upsert
from orchestrator.storage.schema import call_leg, inbound_call, rung_phone, switch_event
from orchestrator.storage.values import micros, moment

_KINDS = ("CHAN_START", *HANDLERS)
_AT_ONCE = 10_000


def keep(connection: Connection, systemname: Systemname, linkedids: Sequence[str]) -> int:
    """Make the rows of all calls that have to do with some linkedids anew. Returns: how many calls."""
    found = 0
    for chunk in chunks(linkedids):
        inbound = _inbound(connection, systemname, chunk)
        if not inbound:
            continue
        events = _events(connection, systemname, inbound)
        channels = sorted({event.uniqueid for event in events})
        calls = inbound_calls(_ended(connection, systemname, channels), events)
        _store(connection, systemname, calls)
        found += len(calls)
    return found


def missing(connection: Connection, systemname: Systemname, after: str, most: int) -> list[Leg]:
    """Inbound legs that are over and have no row, by uniqueid."""
    stored = exists().where(
        inbound_call.c.systemname == call_leg.c.systemname, inbound_call.c.uniqueid == call_leg.c.uniqueid
    )
    page = (
        select(call_leg)
        .where(
            call_leg.c.systemname == systemname,
            call_leg.c.uniqueid > after,
            call_leg.c.direction == "in",
            call_leg.c.ended_at.is_not(None),
            ~stored,
        )
        .order_by(call_leg.c.uniqueid)
        .limit(most)
    )
    return [leg_from(row) for row in connection.execute(page)]


def tenants(connection: Connection) -> list[str]:
    """Tenants that inbound calls were ever stored of."""
    rows = connection.execute(select(inbound_call.c.tenant).distinct().order_by(inbound_call.c.tenant))
    return list(rows.scalars())


def rows(connection: Connection, tenant: str, since: datetime, until: datetime) -> Iterator[CallRow]:
    """A tenant's inbound calls that began in a span of time, oldest first."""
    call = inbound_call.c
    query = (
        select(
            call.number,
            call.caller,
            call.began_at,
            call.outcome,
            call.wait_us,
            call.talk_us,
            call.employee,
            call.department,
            call.queued_us,
        )
        .where(_span(inbound_call, tenant, since, until))
        .order_by(call.began_at, call.uniqueid)
    )
    for page in connection.execution_options(yield_per=_AT_ONCE).execute(query).partitions():
        for row in page:
            yield CallRow(tenant, *row)


def rung(connection: Connection, tenant: str, since: datetime, until: datetime) -> list[Rung]:
    """How many of a tenant's calls rang each employee's phones, and how long these talked."""
    phone = rung_phone.c
    query = (
        select(
            phone.employee,
            func.count(distinct(phone.call)),
            func.sum(phone.talk_us),
        )
        .where(_span(rung_phone, tenant, since, until))
        .group_by(phone.employee)
        .order_by(phone.employee)
    )
    return [
        Rung(tenant, employee, number, int(talk_us))
        for employee, number, talk_us in connection.execute(query)
    ]


def calls(connection: Connection, tenant: str) -> list[InboundCall]:
    """A tenant's inbound calls with the phones they rang, oldest first."""
    of_call: dict[tuple[str, str], list[RungPhone]] = {}
    query = select(rung_phone).where(rung_phone.c.tenant == tenant)
    for row in connection.execute(query.order_by(rung_phone.c.rung_at, rung_phone.c.uniqueid)).mappings():
        said = {name: row[name] for name in RungPhone.__dataclass_fields__}
        answered = row["answered_at"]
        phone = RungPhone(
            **said
            | {
                "rung_at": moment(row["rung_at"]),
                "answered_at": None if answered is None else moment(answered),
            }
        )
        of_call.setdefault((phone.systemname, phone.call), []).append(phone)
    found = []
    query = select(inbound_call).where(inbound_call.c.tenant == tenant)
    for row in connection.execute(
        query.order_by(inbound_call.c.began_at, inbound_call.c.uniqueid)
    ).mappings():
        times = {name: moment(row[name]) for name in ("began_at", "ended_at")}
        phones = tuple(of_call.get((row["systemname"], row["uniqueid"]), ()))
        found.append(InboundCall(**{**row, **times}, phones=phones))
    return found


def _inbound(connection: Connection, systemname: Systemname, linkedids: Sequence[str]) -> set[str]:
    """Those of some linkedids that an inbound leg carries, or carried in the end: most calls have none."""
    leg, event = call_leg.c, switch_event.c
    own = select(leg.linkedid).where(
        leg.systemname == systemname, leg.linkedid.in_(linkedids), leg.direction == "in"
    )
    in_the_end = (
        select(event.linkedid)
        .join(call_leg, and_(leg.systemname == event.systemname, leg.uniqueid == event.uniqueid))
        .where(
            event.systemname == systemname,
            event.linkedid.in_(linkedids),
            event.kind == "HANGUP",
            leg.direction == "in",
        )
    )
    return set(connection.execute(own.union(in_the_end)).scalars())


def _events(connection: Connection, systemname: Systemname, linkedids: Iterable[str]) -> list[SwitchEvent]:
    """All events of the channels that ever carried one of the linkedids, or one that these carried too.

    A transfer joins calls: what came before it stands under the linkedid that a channel had then.
    """
    known: dict[str, list[SwitchEvent]] = {}
    wanted, seen = set(linkedids), set[str]()
    for _ in range(2):
        found = _of(connection, systemname, switch_event, "linkedid", wanted)
        uniqueids = {event.uniqueid for event in found} - known.keys()
        seen |= wanted
        for event in _of(connection, systemname, switch_event, "uniqueid", uniqueids):
            known.setdefault(event.uniqueid, []).append(event)
        wanted = {event.linkedid for uniqueid in uniqueids for event in known.get(uniqueid, ())} - seen
        if not wanted:
            break
    return [event for events in known.values() for event in events]


def _of(
    connection: Connection, systemname: Systemname, table: Table, column: str, values: Iterable[str]
) -> list[SwitchEvent]:
    found = []
    for chunk in chunks(sorted(values)):
        query = select(table).where(
            table.c.systemname == systemname, table.c[column].in_(chunk), table.c.kind.in_(_KINDS)
        )
        found += [event_from(row) for row in connection.execute(query)]
    return found


def _ended(connection: Connection, systemname: Systemname, uniqueids: Sequence[str]) -> list[Leg]:
    found = []
    for chunk in chunks(uniqueids):
        query = select(call_leg).where(
            call_leg.c.systemname == systemname,
            call_leg.c.uniqueid.in_(chunk),
            call_leg.c.direction == "in",
            call_leg.c.ended_at.is_not(None),
        )
        found += [leg_from(row) for row in connection.execute(query)]
    return found


def _store(connection: Connection, systemname: Systemname, found: Sequence[InboundCall]) -> None:
    for chunk in chunks(found, 200):
        upsert(connection, inbound_call, [_call_row(call) for call in chunk])
        which = rung_phone.c.call.in_([call.uniqueid for call in chunk])
        connection.execute(delete(rung_phone).where(rung_phone.c.systemname == systemname, which))
        phones = [_phone_row(call, phone) for call in chunk for phone in call.phones]
        if phones:
            connection.execute(insert(rung_phone), phones)


def _call_row(call: InboundCall) -> dict[str, object]:
    row = flat(replace(call, phones=()))
    del row["phones"]
    return {**row, "began_at": micros(call.began_at), "ended_at": micros(call.ended_at)}


def _phone_row(call: InboundCall, phone: RungPhone) -> dict[str, object]:
    return {
        **flat(phone),
        "began_at": micros(call.began_at),
        "rung_at": micros(phone.rung_at),
        "answered_at": None if phone.answered_at is None else micros(phone.answered_at),
    }


def _span(table: Table, tenant: str, since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.began_at >= micros(since), table.c.began_at < micros(until))
