"""Files of the switch's record go after a term of their own, and only when they are in the books."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recorded_calls import BEGIN, SYSTEMNAME, Call, definitions, record_of, switch_record

from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.model.record import BadRecord
from orchestrator.reconciliation import Report, reconcile
from orchestrator.retention.places import Places
from orchestrator.retention.switch_record import RecordShed, outdated_files, shed_record
from orchestrator.retention.terms import QUARANTINE_KEPT, RECORD_KEPT
from orchestrator.storage.store import SqlStore

OVER = BEGIN + RECORD_KEPT + timedelta(days=1)


@pytest.fixture
def record(tmp_path: Path) -> AsteriskRecord:
    """A rotated file of old calls, and one of today's that is being written."""
    made = switch_record(tmp_path)
    write(rotated(made), Call(1, 60), BEGIN)
    write(made.files["cel"], Call(2, 60, begin=OVER), OVER)
    return made


def write(path: Path, call: Call, at: datetime) -> None:
    path.write_bytes(record_of([call]))
    os.utime(path, (at.timestamp(), at.timestamp()))


def rotated(record: AsteriskRecord, number: int = 1) -> Path:
    return record.files["cel"].with_name(f"vpbx-cel.csv.{number}")


def read(store: SqlStore, record: AsteriskRecord) -> Report:
    return reconcile(store, record, definitions(), now=OVER)


def shed(store: SqlStore, record: AsteriskRecord, at: datetime) -> RecordShed:
    return shed_record(store, places(record), at)


def places(record: AsteriskRecord) -> Places:
    return Places(Path("none"), {}, Path("none"), records=[record])


def test_a_file_that_was_read_goes_when_its_last_row_is_old_enough(
    store: SqlStore, record: AsteriskRecord
) -> None:
    read(store, record)
    assert shed(store, record, BEGIN + RECORD_KEPT).files == 0
    assert list(outdated_files(store, places(record), OVER)) == [rotated(record)]
    assert shed(store, record, OVER).files == 1
    assert not rotated(record).exists() and record.files["cel"].exists()
    assert read(store, record) == Report()


def test_what_was_not_read_stays_however_old_it_is(store: SqlStore, record: AsteriskRecord) -> None:
    assert shed(store, record, OVER).files == 0
    assert rotated(record).exists()
    assert read(store, record).charged == 2


def test_when_nobody_calls_any_more_the_last_file_goes_without_a_gap(
    store: SqlStore, record: AsteriskRecord
) -> None:
    record.files["cel"].unlink()
    read(store, record)
    assert shed(store, record, OVER).files == 1
    write(record.files["cel"], Call(3, 60, begin=OVER), OVER)
    report = read(store, record)
    assert (report.gaps, report.charged, report.quarantined) == (0, 1, 0)


def test_without_log_rotation_the_file_that_is_written_is_turned_over(
    store: SqlStore, record: AsteriskRecord
) -> None:
    read(store, record)
    much_later = OVER + RECORD_KEPT + timedelta(days=1)
    assert shed(store, record, much_later).files == 2
    assert not record.files["cel"].exists() and not rotated(record).exists()
    write(record.files["cel"], Call(4, 60, begin=much_later), much_later)
    assert (read(store, record).gaps, shed(store, record, much_later).files) == (0, 0)
    assert record.files["cel"].exists()


def test_a_file_of_the_day_is_turned_over_behind_the_older_ones_and_read_to_its_end(
    store: SqlStore, record: AsteriskRecord
) -> None:
    with record.files["cel"].open("ab") as file:
        read(store, record)
        much_later = OVER + RECORD_KEPT + timedelta(days=1)
        file.write(record_of([Call(5, 60, begin=much_later)]))
    os.utime(record.files["cel"], (much_later.timestamp(), much_later.timestamp()))
    assert shed(store, record, much_later).files == 1
    assert [path.name for path in sorted(rotated(record).parent.glob("vpbx-cel*"))] == ["vpbx-cel.csv.1"]
    assert read(store, record).charged == 1


def test_unreadable_records_have_a_term(store: SqlStore, record: AsteriskRecord) -> None:
    for at in (BEGIN, OVER):
        with store.reconciling() as unit:
            unit.quarantine(SYSTEMNAME, [BadRecord("f", 0, b"+79", 3, "torn")], at)
    assert shed(store, record, BEGIN + QUARANTINE_KEPT).quarantined == 0
    assert shed(store, record, OVER).quarantined == 1
    with store.database.reading() as connection:
        left = connection.exec_driver_sql("SELECT at FROM quarantine").scalars().all()
    assert [datetime.fromtimestamp(at / 1_000_000, UTC) for at in left] == [OVER]
