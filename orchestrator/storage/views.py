"""What people ask of the stored calls and charges."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_, select

from orchestrator.errors import NotFound
from orchestrator.model.call import Leg, SwitchEvent
from orchestrator.model.record import SwitchCdr
from orchestrator.model.recording import Recording
from orchestrator.storage.recordings import recording_from
from orchestrator.storage.rows import chunks, event_from, leg_from
from orchestrator.storage.schema import call_leg, ledger_entry, recording, switch_cdr, switch_event, unrated
from orchestrator.storage.values import micros, moment


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows are asked for. Args: since: inclusive. until: exclusive. limit: None is all."""

    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class PostedCharge:
    """An entry of the ledger as people read it.

    Args: facts: what re-computing needs, as posted. leg: None when its personal data was purged.
    """

    key: str
    tenant: str
    kind: str
    amount_kop: int
    occurred_at: datetime
    posted_at: datetime
    path: str
    facts: Mapping[str, object]
    reverses: str | None
    leg: Leg | None


@dataclass(frozen=True, slots=True)
class CallStory:
    """Everything that is known of one call.

    Args: unrated: reason by uniqueid of the legs that could not be charged.
    """

    linkedid: str
    events: tuple[SwitchEvent, ...]
    legs: tuple[Leg, ...]
    charges: tuple[PostedCharge, ...]
    claims: tuple[SwitchCdr, ...]
    recordings: tuple[Recording, ...]
    unrated: Mapping[str, str]


def calls(connection: Connection, asked: Asked) -> list[Leg]:
    """Legs that began in a span of time, newest first."""
    query = select(call_leg).order_by(call_leg.c.started_at.desc(), call_leg.c.uniqueid.desc())
    query = query.where(_span(call_leg, "started_at", asked)).limit(asked.limit)
    return [leg_from(row) for row in connection.execute(query)]


def legs(connection: Connection, uniqueids: Sequence[str]) -> dict[str, Leg]:
    """Legs by uniqueid."""
    found = {}
    for chunk in chunks(uniqueids):
        for row in connection.execute(select(call_leg).where(call_leg.c.uniqueid.in_(chunk))):
            leg = leg_from(row)
            found[leg.uniqueid] = leg
    return found


def refused(connection: Connection, tenant: str, since: datetime) -> int:
    """How many of a tenant's calls found no free line."""
    query = select(func.count()).select_from(call_leg)
    query = query.where(_span(call_leg, "started_at", Asked(tenant, since)), call_leg.c.decision == "full")
    return connection.execute(query).scalar_one()


def charges(connection: Connection, asked: Asked) -> list[PostedCharge]:
    """Entries whose call ended in a span of time, newest first, each with its leg."""
    query = select(ledger_entry).order_by(ledger_entry.c.occurred_at.desc(), ledger_entry.c.seq.desc())
    return charges_of(connection, query.where(_span(ledger_entry, "occurred_at", asked)).limit(asked.limit))


def charges_of(connection: Connection, query: Select[tuple[Any, ...]]) -> list[PostedCharge]:
    """The entries that a query of the ledger's finds, each with its leg."""
    return _with_legs(connection, [dict(row) for row in connection.execute(query).mappings()])


def call(connection: Connection, linkedid: str) -> CallStory:
    """Everything that is known of one call. Raises: NotFound: neither leg nor event carries the linkedid."""
    events = connection.execute(
        select(switch_event)
        .where(switch_event.c.linkedid == linkedid)
        .order_by(switch_event.c.at, switch_event.c.uniqueid, switch_event.c.kind)
    )
    story_events = tuple(event_from(row) for row in events)
    found = connection.execute(
        select(call_leg)
        .where(call_leg.c.linkedid == linkedid)
        .order_by(call_leg.c.started_at, call_leg.c.uniqueid)
    )
    legs = tuple(leg_from(row) for row in found)
    if not legs and not story_events:
        raise NotFound(f"no call {linkedid}", "vpbx calls list shows the calls that are known")
    return CallStory(
        linkedid=linkedid,
        events=story_events,
        legs=legs,
        charges=_charges_of(connection, legs),
        claims=_claims(connection, linkedid),
        recordings=_recordings(connection, linkedid),
        unrated=_unrated(connection, legs),
    )


def _span(table: Table, column: str, asked: Asked) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [table.c[column].is_not(None)]
    if asked.tenant is not None:
        wanted.append(table.c.tenant == asked.tenant)
    if asked.since is not None:
        wanted.append(table.c[column] >= micros(asked.since))
    if asked.until is not None:
        wanted.append(table.c[column] < micros(asked.until))
    return and_(*wanted)


def _with_legs(connection: Connection, rows: list[dict[str, Any]]) -> list[PostedCharge]:
    origins = {row["key"]: _origin(row["key"]) for row in rows}
    legs: dict[tuple[str, str], Leg] = {}
    for uniqueids in chunks(sorted({uniqueid for _, uniqueid in origins.values()})):
        for found in connection.execute(select(call_leg).where(call_leg.c.uniqueid.in_(uniqueids))):
            leg = leg_from(found)
            legs[leg.systemname, leg.uniqueid] = leg
    return [
        PostedCharge(
            key=row["key"],
            tenant=row["tenant"],
            kind=row["kind"],
            amount_kop=row["amount_kop"],
            occurred_at=moment(row["occurred_at"]),
            posted_at=moment(row["posted_at"]),
            path=row["path"],
            facts=json.loads(row["facts"]),
            reverses=row["reverses"],
            leg=legs.get(origins[row["key"]]),
        )
        for row in rows
    ]


def _origin(key: str) -> tuple[str, str]:
    """Systemname and uniqueid in an entry's key."""
    systemname, _, rest = key.partition("/")
    return systemname, rest.partition("/")[0]


def _charges_of(connection: Connection, legs: tuple[Leg, ...]) -> tuple[PostedCharge, ...]:
    if not legs:
        return ()
    of_leg = [
        ledger_entry.c.key.startswith(f"{leg.systemname}/{leg.uniqueid}/", autoescape=True) for leg in legs
    ]
    query = select(ledger_entry).where(or_(*of_leg)).order_by(ledger_entry.c.seq)
    return tuple(charges_of(connection, query))


def _claims(connection: Connection, linkedid: str) -> tuple[SwitchCdr, ...]:
    query = select(switch_cdr).where(switch_cdr.c.linkedid == linkedid)
    rows = connection.execute(query.order_by(switch_cdr.c.uniqueid, switch_cdr.c.sequence)).mappings()
    return tuple(SwitchCdr(**row) for row in rows)


def _recordings(connection: Connection, linkedid: str) -> tuple[Recording, ...]:
    query = select(recording).where(recording.c.linkedid == linkedid).order_by(recording.c.started_at)
    return tuple(map(recording_from, connection.execute(query)))


def _unrated(connection: Connection, legs: tuple[Leg, ...]) -> dict[str, str]:
    if not legs:
        return {}
    which = unrated.c.uniqueid.in_([leg.uniqueid for leg in legs])
    return {
        row["uniqueid"]: row["reason"] for row in connection.execute(select(unrated).where(which)).mappings()
    }
