"""Copies of recordings in an object store: what has to be brought there, is there, has to go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update

from orchestrator.model.call import Systemname
from orchestrator.model.recording import Recording
from orchestrator.model.recording_copy import CopyState, RecordingCopy
from orchestrator.storage.database import Database
from orchestrator.storage.recordings import recording_from
from orchestrator.storage.rows import chunks, flat, insert_new
from orchestrator.storage.schema import recording, recording_copy
from orchestrator.storage.values import micros, moment

_KEPT_STATES = ("complete", "short")
_SAME = and_(
    recording_copy.c.systemname == recording.c.systemname,
    recording_copy.c.uniqueid == recording.c.uniqueid,
)


class CopyIndex:
    """The copies of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_missing(self, systemname: Systemname, store: str, at: datetime, most: int) -> int:
        """Note which kept recordings of a switch are to be brought to a store, before any of them is.

        Args: at: when. Returns: how many; the oldest first.
        """
        query = (
            select(recording)
            .outerjoin(recording_copy, _SAME)
            .where(
                recording.c.systemname == systemname,
                recording.c.state.in_(_KEPT_STATES),
                recording_copy.c.uniqueid.is_(None),
            )
            .order_by(recording.c.started_at, recording.c.uniqueid)
            .limit(most)
        )
        # In one transaction: what is purged meanwhile must not be noted.
        with self._database.writing() as connection:
            found = [recording_from(row) for row in connection.execute(query)]
            copies = [
                RecordingCopy(each.systemname, each.uniqueid, each.tenant, store, each.file, next_at=at)
                for each in found
            ]
            insert_new(connection, recording_copy, [_row(each) for each in copies])
        return len(copies)

    def due(
        self, systemname: Systemname, state: CopyState, at: datetime, most: int
    ) -> list[tuple[RecordingCopy, Recording]]:
        """Copies in a state whose time has come, with their recordings, by that time."""
        query = (
            select(
                recording,
                *(column.label(f"copy_{column.name}") for column in recording_copy.columns),
            )
            .join(recording, _SAME)
            .where(
                recording_copy.c.systemname == systemname,
                recording_copy.c.state == state,
                recording_copy.c.next_at <= micros(at),
            )
            .order_by(recording_copy.c.next_at, recording_copy.c.uniqueid)
            .limit(most)
        )
        with self._database.reading() as connection:
            return [(_copy(row, "copy_"), recording_from(row)) for row in connection.execute(query)]

    def removing(self, systemname: Systemname | None, at: datetime, most: int) -> list[RecordingCopy]:
        """Copies that have to go and whose time has come. Args: systemname: None: of all switches."""
        query = select(recording_copy).where(
            recording_copy.c.state == "removing",
            or_(recording_copy.c.next_at.is_(None), recording_copy.c.next_at <= micros(at)),
        )
        if systemname is not None:
            query = query.where(recording_copy.c.systemname == systemname)
        with self._database.reading() as connection:
            ordered = query.order_by(recording_copy.c.next_at, recording_copy.c.uniqueid).limit(most)
            return [_copy(row) for row in connection.execute(ordered)]

    def keep(self, copy: RecordingCopy, was: CopyState) -> bool:
        """Write how a copy stands now. Args: was: how it stood. Returns: False: it doesn't any more."""
        which = and_(_same(copy), recording_copy.c.state == was)
        with self._database.writing() as connection:
            done = connection.execute(update(recording_copy).where(which).values(_row(copy)))
            return done.rowcount == 1

    def forget(self, copy: RecordingCopy) -> None:
        """The object is gone from the store."""
        with self._database.writing() as connection:
            connection.execute(delete(recording_copy).where(_same(copy)))

    def of(self, items: Sequence[Recording]) -> dict[tuple[Systemname, str], RecordingCopy]:
        """Copies of some recordings, by systemname and uniqueid."""
        found = {}
        with self._database.reading() as connection:
            for chunk in chunks(sorted({item.uniqueid for item in items})):
                query = select(recording_copy).where(recording_copy.c.uniqueid.in_(chunk))
                for row in connection.execute(query):
                    copy = _copy(row)
                    found[copy.systemname, copy.uniqueid] = copy
        return found

    def count(self, systemname: Systemname) -> dict[str, int]:
        """How many copies of a switch's recordings stand how."""
        query = (
            select(recording_copy.c.state, func.count())
            .where(recording_copy.c.systemname == systemname)
            .group_by(recording_copy.c.state)
        )
        with self._database.reading() as connection:
            return {str(state): int(number) for state, number in connection.execute(query)}

    def next_at(self, systemname: Systemname) -> datetime | None:
        """When the next copy is to be looked at; None: none waits."""
        query = select(func.min(recording_copy.c.next_at)).where(
            recording_copy.c.systemname == systemname, recording_copy.c.state != "away"
        )
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else moment(found)


def _same(copy: RecordingCopy) -> ColumnElement[bool]:
    return and_(recording_copy.c.systemname == copy.systemname, recording_copy.c.uniqueid == copy.uniqueid)


def _row(copy: RecordingCopy) -> dict[str, object]:
    return {
        **flat(copy),
        "next_at": None if copy.next_at is None else micros(copy.next_at),
        "stored_at": None if copy.stored_at is None else micros(copy.stored_at),
    }


def _copy(row: Row[*tuple[object, ...]], prefix: str = "") -> RecordingCopy:
    found = row._mapping
    next_at, stored_at = found[f"{prefix}next_at"], found[f"{prefix}stored_at"]
    return RecordingCopy(
        systemname=Systemname(found[f"{prefix}systemname"]),
        uniqueid=found[f"{prefix}uniqueid"],
        tenant=found[f"{prefix}tenant"],
        store=found[f"{prefix}store"],
        object=found[f"{prefix}object"],
        state=found[f"{prefix}state"],
        attempts=found[f"{prefix}attempts"],
        next_at=None if next_at is None else moment(next_at),
        stored_at=None if stored_at is None else moment(stored_at),
        note=found[f"{prefix}note"],
    )
