"""The durable record as bytes: cut, torn, damaged, forged, rotated and truncated."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from recorded_calls import SYSTEMNAME, Call, csv_bytes, csv_line, events_of, record_of, switch_record

from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.model.call import SwitchEvent
from orchestrator.model.record import RecordBatch, RecordPosition

FIRST, SECOND = Call(1, talk_s=61), Call(2, talk_s=5)


def read(
    directory: Path, position: RecordPosition | None = None
) -> tuple[list[SwitchEvent], list[str], RecordPosition | None, list[RecordBatch[SwitchEvent]]]:
    """Events, reasons of bad records, the place reached, and the batches."""
    batches = list(switch_record(directory).events(position))
    events = [event for batch in batches for event in batch.rows]
    reasons = [bad.reason for batch in batches for bad in batch.bad]
    return events, reasons, batches[-1].position if batches else position, batches


def cel(directory: Path) -> Path:
    return directory / "vpbx-cel.csv"


def expected(*calls: Call) -> list[SwitchEvent]:
    return [event for call in calls for event in events_of(call)]


def test_a_file_cut_at_every_byte_reads_the_same_in_two_goes(tmp_path: Path) -> None:
    whole = csv_bytes(FIRST.rows())
    for cut in range(len(whole) + 1):
        cel(tmp_path).write_bytes(whole[:cut])
        first, bad, position, _ = read(tmp_path)
        assert bad == []
        with cel(tmp_path).open("ab") as file:
            file.write(whole[cut:])
        second, bad, _, _ = read(tmp_path, position)
        assert bad == []
        assert first + second == expected(FIRST), cut


def test_a_file_that_grows_byte_by_byte_gives_each_event_once(tmp_path: Path) -> None:
    whole = csv_bytes(FIRST.rows())
    events: list[SwitchEvent] = []
    position = None
    for size in range(0, len(whole) + 1, 7):
        cel(tmp_path).write_bytes(whole[: size + 7])
        more, _, position, _ = read(tmp_path, position)
        events += more
    assert events == expected(FIRST)


def test_a_record_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    rows = FIRST.rows()
    for torn_row in (3, 4, 8):
        line = csv_line(rows[torn_row])
        before, after = csv_bytes(rows[:torn_row]), csv_bytes(rows[torn_row + 1 :])
        for cut in range(1, len(line)):
            cel(tmp_path).write_bytes(before + line[:cut] + after)
            events, bad, _, _ = read(tmp_path)
            others = expected(FIRST)[:torn_row] + expected(FIRST)[torn_row + 1 :]
            assert [event for event in events if event in others] == others, cut
            # At most the record itself is saved: without its line feed, or a hangup without its cause.
            saved = [event for event in events if event not in others]
            torn = expected(FIRST)[torn_row]
            assert [(event.kind, event.at) for event in saved] in ([], [(torn.kind, torn.at)]), cut
            assert len(bad) + len(saved) == 1, cut
            assert torn.kind == "HANGUP" or cut == len(line) - 1 or not saved


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00" * 4096,
        b"garbage\n",
        b'"\n',
        b'"HANGUP"\n',
        b'"HANGUP","later","s0a1b2c3"\n',
        b'"","","","","","","",""\n',
        b"\xff\xfe" * 50_000,
        b'"' + b"x" * 70_000,
    ],
    ids=["zeros", "text", "quote", "short", "time", "empty", "binary", "endless"],
)
def test_damage_between_records_is_quarantined_and_the_rest_is_read(tmp_path: Path, damage: bytes) -> None:
    cel(tmp_path).write_bytes(csv_bytes(FIRST.rows()) + damage + csv_bytes(SECOND.rows()))
    events, bad, position, batches = read(tmp_path)
    assert events == expected(FIRST, SECOND)
    assert bad
    assert position is not None
    assert position.offset == cel(tmp_path).stat().st_size
    assert sum(piece.length for batch in batches for piece in batch.bad) == len(damage)


def test_endless_damage_at_the_end_does_not_hold_reading_up(tmp_path: Path) -> None:
    cel(tmp_path).write_bytes(csv_bytes(FIRST.rows()) + b'"' + b"x" * 200_000)
    _, bad, position, _ = read(tmp_path)
    assert bad
    with cel(tmp_path).open("ab") as file:
        file.write(csv_bytes(SECOND.rows()))
    assert read(tmp_path, position)[0] == expected(SECOND)


@pytest.mark.parametrize(
    "change",
    [
        (0, "NO_SUCH_EVENT"),
        (1, "yesterday"),
        (1, "99999999999.000000"),
        (1, "1790067600"),
        (7, "no json"),
        (7, '{"extra": 5}'),
        (7, '{"extra": "tenant=acme&tenant=beta"}'),
        (7, '{"extra": "tenant=acme;drop"}'),
        (7, '{"extra": "tenant"}'),
        (7, "[" * 5000),
    ],
)
def test_a_mark_that_cannot_be_ours_is_quarantined_with_its_reason(
    tmp_path: Path, change: tuple[int, str]
) -> None:
    rows = [list(row) for row in FIRST.rows()]
    rows[3][change[0]] = change[1]
    cel(tmp_path).write_bytes(csv_bytes(rows))
    events, bad, _, _ = read(tmp_path)
    assert events == expected(FIRST)[:3] + expected(FIRST)[4:]
    assert len(bad) == 1


@pytest.mark.parametrize("extra", ["", "{", "[1]", '{"hangupcause": null}'])
def test_a_hangup_counts_without_its_cause(tmp_path: Path, extra: str) -> None:
    rows = [list(row) for row in FIRST.rows()]
    hangup = next(index for index, row in enumerate(rows) if row[0] == "HANGUP")
    rows[hangup][7] = extra
    cel(tmp_path).write_bytes(csv_bytes(rows))
    events, bad, _, _ = read(tmp_path)
    assert (events[hangup].kind, events[hangup].facts, bad) == ("HANGUP", {}, [])


def test_a_mark_may_name_itself_in_either_field(tmp_path: Path) -> None:
    rows = [("USER_DEFINED", *row[1:]) if row[6] else row for row in FIRST.rows()]
    cel(tmp_path).write_bytes(csv_bytes(rows))
    events, bad, _, _ = read(tmp_path)
    assert (events, bad) == (expected(FIRST), [])


def test_records_of_another_switch_are_dropped_and_counted(tmp_path: Path) -> None:
    foreign = Call(3, talk_s=9, systemname="s9999")
    # Our own name in the record but not in the uniqueid.
    half = [(*row[:2], SYSTEMNAME, *row[3:]) for row in foreign.rows()]
    cel(tmp_path).write_bytes(csv_bytes([*foreign.rows(), *half, *FIRST.rows()]))
    events, bad, _, batches = read(tmp_path)
    assert (events, bad) == (expected(FIRST), [])
    assert sum(batch.foreign for batch in batches) == 2 * len(foreign.rows())


def test_a_caller_cannot_write_records_into_the_file(tmp_path: Path) -> None:
    forged = csv_bytes(SECOND.rows()).decode()
    sly = Call(1, talk_s=61, name=f'x"\n{forged}"\n')
    cel(tmp_path).write_bytes(csv_bytes(sly.rows()))
    events, _, _, _ = read(tmp_path)
    assert {event.uniqueid for event in events} == {sly.linkedid, sly.trunk_leg}
    assert len(events) == len(sly.rows())


def test_bytes_that_are_no_utf_8_cost_nothing_but_the_letter(tmp_path: Path) -> None:
    cel(tmp_path).write_bytes(csv_bytes(FIRST.rows()).replace("Ё".encode(), b"\xd0\x00"))
    events, bad, _, _ = read(tmp_path)
    assert (len(events), bad) == (len(FIRST.rows()), [])
    assert [event.kind for event in events] == [event.kind for event in expected(FIRST)]


def test_a_rotated_file_is_read_to_its_end_before_its_successors(tmp_path: Path) -> None:
    third, fourth = Call(3, talk_s=7), Call(4, talk_s=8)
    rows = FIRST.rows()
    cel(tmp_path).write_bytes(csv_bytes(rows[:5]))
    first, _, position, _ = read(tmp_path)
    with cel(tmp_path).open("ab") as file:
        file.write(csv_bytes(rows[5:]))
    cel(tmp_path).rename(tmp_path / "vpbx-cel.csv.2")
    (tmp_path / "vpbx-cel.csv.10").write_bytes(csv_bytes(fourth.rows()))
    (tmp_path / "vpbx-cel.csv.old").write_bytes(b"no rotation")
    (tmp_path / "vpbx-cel.csv.1").write_bytes(csv_bytes(SECOND.rows()))
    cel(tmp_path).write_bytes(csv_bytes(third.rows()))
    more, bad, position, batches = read(tmp_path, position)
    assert (first + more, bad) == (expected(FIRST, SECOND, third), [])
    assert not any(batch.gap for batch in batches)
    assert read(tmp_path, position)[0] == []


def test_the_first_pass_reads_all_rotated_files_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "vpbx-cel.csv.1").write_bytes(csv_bytes(FIRST.rows()))
    cel(tmp_path).write_bytes(csv_bytes(SECOND.rows()))
    assert read(tmp_path)[0] == expected(FIRST, SECOND)


def test_a_file_copied_and_truncated_is_found_by_its_first_bytes(tmp_path: Path) -> None:
    rows = FIRST.rows()
    cel(tmp_path).write_bytes(csv_bytes(rows[:5]))
    first, _, position, _ = read(tmp_path)
    with cel(tmp_path).open("ab") as file:
        file.write(csv_bytes(rows[5:]))
    shutil.copy(cel(tmp_path), tmp_path / "vpbx-cel.csv.1")
    with cel(tmp_path).open("r+b") as file:
        file.truncate()
        file.write(csv_bytes(SECOND.rows()) * 3)
    more, _, _, batches = read(tmp_path, position)
    assert first + more == expected(FIRST, SECOND, SECOND, SECOND)
    assert not any(batch.gap for batch in batches)


def test_a_lost_file_is_told_as_a_gap_and_the_new_one_is_read(tmp_path: Path) -> None:
    cel(tmp_path).write_bytes(csv_bytes(FIRST.rows()))
    _, _, position, _ = read(tmp_path)
    cel(tmp_path).unlink()
    assert read(tmp_path, position)[0] == []
    cel(tmp_path).write_bytes(csv_bytes(SECOND.rows()))
    events, _, position, batches = read(tmp_path, position)
    assert (events, [batch.gap for batch in batches]) == (expected(SECOND), [True])
    assert read(tmp_path, position)[0] == []


def test_a_half_written_record_of_a_rotated_file_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "vpbx-cel.csv.1").write_bytes(csv_bytes(FIRST.rows())[:-20])
    cel(tmp_path).write_bytes(csv_bytes(SECOND.rows()))
    events, bad, _, _ = read(tmp_path)
    assert events == expected(FIRST)[:-1] + expected(SECOND)
    assert len(bad) == 1


def test_a_large_file_comes_in_batches_of_bounded_size(tmp_path: Path) -> None:
    calls = [Call(number, talk_s=1) for number in range(1500)]
    cel(tmp_path).write_bytes(record_of(calls))
    events, bad, _, batches = read(tmp_path)
    assert (len(events), bad) == (sum(len(call.rows()) for call in calls), [])
    assert max(len(batch.rows) for batch in batches) < 3000


CLAIM = [
    *("s0a1b2c3", "s0a1b2c3-1.3", "s0a1b2c3-1.2", "4", "PJSIP/main-1", "PJSIP/e-2", "101", "+74957654321"),
    *("2026-09-22 09:00:00", "2026-09-22 09:00:03", "2026-09-22 09:01:04", "64", "61", "ANSWERED"),
]


@pytest.mark.parametrize(
    ("rows", "kept", "bad", "foreign"),
    [
        ([CLAIM], 1, 0, 0),
        ([CLAIM, [*CLAIM[:3], "x", *CLAIM[4:]], CLAIM], 2, 1, 0),
        ([CLAIM[:-1], CLAIM], 1, 1, 0),
        ([["s9", "s9-1.1", *CLAIM[2:]], CLAIM], 1, 0, 1),
    ],
)
def test_claims_are_read_likewise(
    tmp_path: Path, rows: Sequence[Sequence[str]], kept: int, bad: int, foreign: int
) -> None:
    record = AsteriskRecord(SYSTEMNAME, cel(tmp_path), tmp_path / "vpbx-cdr.csv")
    (tmp_path / "vpbx-cdr.csv").write_bytes(csv_bytes(rows))
    (batch,) = record.claims(None)
    assert (len(batch.rows), len(batch.bad), batch.foreign) == (kept, bad, foreign)
    assert batch.rows[-1].billsec_s == 61
    assert batch.rows[-1].dst == "+74957654321"
