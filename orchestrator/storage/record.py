"""What was read of the switch's record, the place reached in it, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.record import BadRecord, RecordPosition, SwitchCdr
from orchestrator.storage import recordings
from orchestrator.storage.rows import chunks, event_from, event_row, flat, insert_new, upsert
from orchestrator.storage.schema import quarantine, record_position, switch_cdr, switch_event
from orchestrator.storage.values import micros


def position(connection: Connection, systemname: Systemname, kind: str) -> RecordPosition | None:
    """The place reached in a switch's `cel` or `cdr` file."""
    which = select(record_position).where(
        record_position.c.systemname == systemname, record_position.c.kind == kind
    )
    row = connection.execute(which).mappings().one_or_none()
    if row is None:
        return None
    return RecordPosition(
        device=int(row["device"]),
        inode=int(row["inode"]),
        head_bytes=row["head_bytes"],
        head_sha256=row["head_sha256"],
        offset=row["offset"],
    )


def reached(connection: Connection, systemname: Systemname, kind: str, place: RecordPosition) -> None:
    # Device and inode may exceed 63 bits on some file systems.
    row = {**flat(place), "device": str(place.device), "inode": str(place.inode)}
    upsert(connection, record_position, [{"systemname": systemname, "kind": kind, **row}])


def forget_position(connection: Connection, systemname: Systemname, kind: str) -> None:
    """The file that a place was reached in is gone: what is there next is read from its beginning."""
    connection.execute(
        delete(record_position).where(
            record_position.c.systemname == systemname, record_position.c.kind == kind
        )
    )


def keep_events(connection: Connection, events: Sequence[SwitchEvent]) -> None:
    """Store events, and index the recordings they tell of; what stands already is left alone."""
    insert_new(connection, switch_event, [event_row(event) for event in events])
    recordings.keep_open(connection, events)


def keep_claims(connection: Connection, claims: Sequence[SwitchCdr]) -> None:
    insert_new(connection, switch_cdr, [flat(claim) for claim in claims])


def keep_bad(connection: Connection, systemname: Systemname, bad: Sequence[BadRecord], at: datetime) -> None:
    if bad:
        rows = [{"systemname": systemname, "at": micros(at), **flat(record)} for record in bad]
        connection.execute(insert(quarantine), rows)


def events_of(
    connection: Connection, systemname: Systemname, uniqueids: Sequence[str], kinds: Sequence[str]
) -> list[SwitchEvent]:
    """All stored events of some channels and kinds, in the order of time."""
    found: list[SwitchEvent] = []
    for chunk in chunks(uniqueids):
        rows = connection.execute(
            select(switch_event)
            .where(
                switch_event.c.systemname == systemname,
                switch_event.c.uniqueid.in_(chunk),
                switch_event.c.kind.in_(kinds),
            )
            .order_by(switch_event.c.at)
        )
        found += map(event_from, rows)
    return found
