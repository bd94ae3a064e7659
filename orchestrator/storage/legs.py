"""Legs of calls, the heartbeats of those that are up, and the legs that could not be charged yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, exists, func, or_, select

from orchestrator.calls.leg import merge
from orchestrator.model.call import Leg, Systemname
from orchestrator.storage.rows import chunks, leg_from, leg_row, upsert
from orchestrator.storage.schema import call_leg, heartbeat, switch_event, unrated
from orchestrator.storage.values import micros, moment


def keep_legs(connection: Connection, legs: Iterable[Leg]) -> list[Leg]:
    """Store legs, merged with what stands: an answer or an end once known stays known."""
    kept = []
    for chunk in chunks(legs):
        stored = _stored(connection, chunk)
        for leg in chunk:
            stands = stored.get(_key(leg))
            stored[_key(leg)] = leg if stands is None else merge(stands, leg)
        merged = [stored[key] for key in dict.fromkeys(_key(leg) for leg in chunk)]
        upsert(connection, call_leg, [leg_row(leg) for leg in merged])
        kept += merged
    return kept


def open_legs(connection: Connection, systemname: Systemname, after: str, most: int) -> list[Leg]:
    """Legs without an end, by uniqueid."""
    page = select(call_leg).where(_is_open(systemname), call_leg.c.uniqueid > after)
    return [leg_from(row) for row in connection.execute(page.order_by(call_leg.c.uniqueid).limit(most))]


def count_open(connection: Connection, systemname: Systemname) -> int:
    count = select(func.count()).select_from(call_leg).where(_is_open(systemname))
    return connection.execute(count).scalar_one()


def last_known(connection: Connection, leg: Leg) -> datetime:
    """The last time anything showed an open leg up.

    A leg's own end of channel is the last of it. Else its call's latest event or its own heartbeat counts.
    """
    own = and_(switch_event.c.systemname == leg.systemname, switch_event.c.uniqueid == leg.uniqueid)
    ended = _latest(connection, and_(own, switch_event.c.kind == "CHAN_END"))
    if ended is not None:
        return moment(ended)
    of_call = and_(switch_event.c.systemname == leg.systemname, switch_event.c.linkedid == leg.linkedid)
    seen = select(heartbeat.c.last_seen_at).where(_is(heartbeat, leg))
    times = [_latest(connection, own), _latest(connection, of_call), connection.execute(seen).scalar()]
    known = [moment(at) for at in times if at is not None]
    return max(known, default=leg.answered_at or leg.started_at)


def keep_unrated(connection: Connection, leg: Leg, reason: str) -> None:
    upsert(connection, unrated, [{"systemname": leg.systemname, "uniqueid": leg.uniqueid, "reason": reason}])


def drop_unrated(connection: Connection, legs: Sequence[Leg]) -> None:
    for chunk in chunks(legs):
        connection.execute(delete(unrated).where(or_(*(_is(unrated, leg) for leg in chunk))))


def unrated_legs(connection: Connection, systemname: Systemname, after: str, most: int) -> list[Leg]:
    """Ended legs that could not be charged yet, by uniqueid."""
    page: Select[*tuple[object, ...]] = (
        select(call_leg)
        .join(
            unrated,
            and_(call_leg.c.systemname == unrated.c.systemname, call_leg.c.uniqueid == unrated.c.uniqueid),
        )
        .where(unrated.c.systemname == systemname, unrated.c.uniqueid > after)
        .order_by(call_leg.c.uniqueid)
        .limit(most)
    )
    return [leg_from(row) for row in connection.execute(page)]


def beat(
    connection: Connection, systemname: Systemname, live: Iterable[tuple[str, str]], at: datetime
) -> None:
    """Note that channels are up. Args: live: uniqueid and linkedid of each."""
    for chunk in chunks(live):
        upsert(
            connection,
            heartbeat,
            [
                {
                    "systemname": systemname,
                    "uniqueid": uniqueid,
                    "linkedid": linkedid,
                    "last_seen_at": micros(at),
                }
                for uniqueid, linkedid in chunk
            ],
        )


def drop_heartbeats(connection: Connection, systemname: Systemname, before: datetime) -> None:
    """Forget heartbeats of channels without an open leg, last seen before a time."""
    still_open = exists().where(
        call_leg.c.systemname == heartbeat.c.systemname,
        call_leg.c.uniqueid == heartbeat.c.uniqueid,
        call_leg.c.ended_at.is_(None),
    )
    connection.execute(
        delete(heartbeat).where(
            heartbeat.c.systemname == systemname, heartbeat.c.last_seen_at < micros(before), ~still_open
        )
    )


def _stored(connection: Connection, legs: Sequence[Leg]) -> dict[tuple[str, str], Leg]:
    uniqueids = sorted({leg.uniqueid for leg in legs})
    rows = connection.execute(select(call_leg).where(call_leg.c.uniqueid.in_(uniqueids)))
    return {_key(leg): leg for leg in map(leg_from, rows)}


def _key(leg: Leg) -> tuple[str, str]:
    return leg.systemname, leg.uniqueid


def _is(table: Table, leg: Leg) -> ColumnElement[bool]:
    return and_(table.c.systemname == leg.systemname, table.c.uniqueid == leg.uniqueid)


def _is_open(systemname: Systemname) -> ColumnElement[bool]:
    return and_(call_leg.c.systemname == systemname, call_leg.c.ended_at.is_(None))


def _latest(connection: Connection, which: ColumnElement[bool]) -> int | None:
    return connection.execute(select(func.max(switch_event.c.at)).where(which)).scalar()
