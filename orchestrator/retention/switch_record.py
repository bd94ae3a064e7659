"""The switches' records and what could not be read of them, removed after a term of their own.

Both hold numbers of callers and can't be told by tenant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.asterisk.record_term import outdated, remove, turn_over
from orchestrator.retention.places import Places
from orchestrator.retention.terms import QUARANTINE_KEPT, RECORD_KEPT
from orchestrator.storage.purge import TenantData
from orchestrator.storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class RecordShed:
    """What went. Args: files, bytes: of the record. quarantined: rows."""

    files: int = 0
    bytes: int = 0
    quarantined: int = 0


def shed_record(store: SqlStore, places: Places, at: datetime) -> RecordShed:
    """Remove what is over by a moment. Raises: RecordKept, LockHeld, StorageError."""
    before = at - RECORD_KEPT
    files = size = 0
    for record in places.records:
        for kind, path in record.files.items():
            turn_over(path, before)
            sizes = _remove(store, record, kind, before)
            files, size = files + len(sizes), size + sum(sizes)
    quarantined = TenantData(store.database).drop_quarantined(at - QUARANTINE_KEPT)
    return RecordShed(files, size, quarantined)


def outdated_files(store: SqlStore, places: Places, at: datetime) -> Iterator[Path]:
    """Files of the record that would go."""
    for record in places.records:
        for kind in record.files:
            with store.reconciling() as unit:
                position = unit.position(record.systemname, kind)
            yield from outdated(record, kind, position, at - RECORD_KEPT)


def _remove(store: SqlStore, record: AsteriskRecord, kind: str, before: datetime) -> list[int]:
    """Alone with the place reached: no pass moves it, or reads a file that goes."""
    with store.reconciling() as unit:
        position = unit.position(record.systemname, kind)
        gone = outdated(record, kind, position, before)
        sizes = [size for path in gone if (size := remove(path, before))]
        if gone and record.place_is_gone(kind, position):
            unit.forget_position(record.systemname, kind)
    return sizes
