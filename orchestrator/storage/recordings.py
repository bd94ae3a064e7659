"""The index of recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Row, and_, select

from orchestrator.model.account import DatedEvent
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.recording import Recording
from orchestrator.storage import accounts
from orchestrator.storage.database import Database
from orchestrator.storage.rows import chunks, event_from, flat, insert_new, upsert
from orchestrator.storage.schema import call_leg, recording, switch_event
from orchestrator.storage.values import micros, moment

RECORDING_MARK = "vpbx.recording"


def keep_open(connection: Connection, events: Iterable[SwitchEvent]) -> None:
    """Index what the marks say is being recorded; a recording that is indexed already stays as it is."""
    marks = (event for event in events if event.kind == RECORDING_MARK)
    found = (
        Recording(
            e.systemname, e.uniqueid, e.linkedid, e.facts.get("tenant", ""), e.facts.get("file", ""), e.at
        )
        for e in marks
    )
    insert_new(connection, recording, [_row(item) for item in found])


class RecordingIndex:
    """The recordings of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ended(self, systemname: Systemname) -> list[tuple[Recording, datetime, datetime | None]]:
        """Open recordings whose leg has ended, with the times it ended and was answered."""
        on_leg = and_(
            recording.c.systemname == call_leg.c.systemname, recording.c.uniqueid == call_leg.c.uniqueid
        )
        query = (
            select(recording, call_leg.c.ended_at, call_leg.c.answered_at)
            .join(call_leg, on_leg)
            .where(
                recording.c.systemname == systemname,
                recording.c.state == "open",
                call_leg.c.ended_at.is_not(None),
            )
            .order_by(recording.c.started_at, recording.c.uniqueid)
        )
        with self._database.reading() as connection:
            return [
                (
                    recording_from(row),
                    moment(row.ended_at),
                    None if row.answered_at is None else moment(row.answered_at),
                )
                for row in connection.execute(query)
            ]

    def bridges(self, systemname: Systemname, uniqueids: Sequence[str]) -> dict[str, list[SwitchEvent]]:
        """When recorded channels were in bridges: by uniqueid, in order of time."""
        found: dict[str, list[SwitchEvent]] = {uniqueid: [] for uniqueid in uniqueids}
        for chunk in chunks(found):
            query = (
                select(switch_event)
                .where(
                    switch_event.c.systemname == systemname,
                    switch_event.c.uniqueid.in_(chunk),
                    switch_event.c.kind.in_(("BRIDGE_ENTER", "BRIDGE_EXIT")),
                )
                .order_by(switch_event.c.at, switch_event.c.kind)
            )
            with self._database.reading() as connection:
                for row in connection.execute(query):
                    event = event_from(row)
                    found[event.uniqueid].append(event)
        return found

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        """What has happened to a tenant's service, oldest first."""
        with self._database.reading() as connection:
            return accounts.events(connection, tenant)[::-1]

    def keep(self, items: Sequence[Recording]) -> None:
        """Write what became of recordings."""
        if not items:
            return
        with self._database.writing() as connection:
            upsert(connection, recording, [_row(item) for item in items])

    def find(self, tenant: str | None = None, uniqueid: str | None = None) -> list[Recording]:
        """Recordings, oldest first, of one tenant or all, without those of calls that nobody answered."""
        query = select(recording).where(recording.c.state != "none")
        if tenant is not None:
            query = query.where(recording.c.tenant == tenant)
        if uniqueid is not None:
            query = query.where(recording.c.uniqueid == uniqueid)
        with self._database.reading() as connection:
            ordered = query.order_by(recording.c.started_at, recording.c.uniqueid)
            return [recording_from(row) for row in connection.execute(ordered)]


def _row(item: Recording) -> dict[str, object]:
    until = None if item.retain_until is None else item.retain_until.isoformat()
    return {**flat(item), "started_at": micros(item.started_at), "retain_until": until}


def recording_from(row: Row[*tuple[object, ...]]) -> Recording:
    found = row._mapping
    until = found["retain_until"]
    return Recording(
        systemname=Systemname(found["systemname"]),
        uniqueid=found["uniqueid"],
        linkedid=found["linkedid"],
        tenant=found["tenant"],
        file=found["file"],
        started_at=moment(found["started_at"]),
        state=found["state"],
        length_s=found["length_s"],
        bytes=found["bytes"],
        sha256=found["sha256"],
        retain_until=None if until is None else date.fromisoformat(until),
        note=found["note"],
    )
