"""Raw recordings made whole: what is kept, and what is said to be missing."""

from __future__ import annotations

import hashlib
import wave
from array import array
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator.model.call import Leg, SwitchEvent, Systemname
from orchestrator.recordings import Finished, RecordingsUnwritable, finish
from orchestrator.retention.years import Retention
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore
from orchestrator.written_sound import FRAME_BYTES, RATE_HZ, WrittenSound

S = Systemname("s1")
CALL = "s1-1790000000.1"
BEGAN = datetime(2026, 9, 22, 21, 30, tzinfo=UTC)
NOW = datetime(2100, 1, 1, tzinfo=UTC)
"""Long after any file was written."""
KEPT = Retention({"acme": 1}, {"acme": ZoneInfo("Europe/Moscow")})


def sound(left_s: float, right_s: float, length_s: float) -> bytes:
    """Both sides of a raw recording, interleaved, that are heard for so long and then silent."""
    samples = array("h")
    for index in range(int(length_s * RATE_HZ)):
        samples.extend((1000 if index < left_s * RATE_HZ else 0, 1000 if index < right_s * RATE_HZ else 0))
    return samples.tobytes()


def recorded(
    store: SqlStore, talks: list[tuple[float, float]], ended_s: float, answered: bool = True
) -> RecordingIndex:
    """A recorded leg that was in bridges from and to so many seconds after its beginning."""

    def at(seconds: float) -> datetime:
        return BEGAN + timedelta(seconds=seconds)

    events = [
        SwitchEvent(
            S, CALL, CALL, "vpbx.recording", BEGAN, "PJSIP/t", {"tenant": "acme", "file": f"{CALL}.raw"}
        )
    ]
    for enter, leave in talks:
        events.append(SwitchEvent(S, CALL, CALL, "BRIDGE_ENTER", at(enter), "PJSIP/t"))
        events.append(SwitchEvent(S, CALL, CALL, "BRIDGE_EXIT", at(leave), "PJSIP/t"))
    leg = Leg(
        S,
        CALL,
        CALL,
        "acme",
        "in",
        "+79",
        "+74",
        "",
        "trunk-main",
        "admitted",
        BEGAN,
        at(0) if answered else None,
        at(ended_s),
    )
    with store.reconciling() as unit:
        unit.keep_events(events)
        unit.keep_legs([leg])
    return RecordingIndex(store.database)


def finished(index: RecordingIndex, tmp_path: Path, raw: bytes | None) -> Finished:
    monitor = tmp_path / "monitor"
    monitor.mkdir(exist_ok=True)
    if raw is not None:
        whole = len(raw) // FRAME_BYTES * FRAME_BYTES
        both = array("h", raw[:whole])
        (monitor / f"{CALL}-left.raw").write_bytes(both[0::2].tobytes() + raw[whole:])
        (monitor / f"{CALL}-right.raw").write_bytes(both[1::2].tobytes())
    return finish(index, monitor, tmp_path / "kept", KEPT, S, NOW)


def test_a_whole_recording_is_kept_by_its_local_day_for_a_year(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [(0, 4)], 4)
    assert finished(index, tmp_path, sound(4, 4, 4)) == Finished(kept=1)
    [item] = index.find("acme")
    assert (item.state, item.file, str(item.retain_until)) == (
        "complete",
        f"acme/2026/09/{CALL}.wav",
        "2027-09-23",
    )
    with wave.open(str(tmp_path / "kept" / item.file)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, RATE_HZ, 4 * RATE_HZ)
    assert list((tmp_path / "monitor").iterdir()) == []


def test_two_that_finish_at_once_keep_one_whole_file(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [(0, 120)], 120)
    (tmp_path / "monitor").mkdir()
    (tmp_path / "monitor" / f"{CALL}.raw").write_bytes(sound(120, 120, 120))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: finished(index, tmp_path, None), range(4)))
    assert sum(each.kept for each in done) == 1
    [item] = index.find("acme")
    kept = tmp_path / "kept" / item.file
    assert (item.state, hashlib.sha256(kept.read_bytes()).hexdigest()) == ("complete", item.sha256)


def test_a_recording_that_was_begun_interleaved_and_goes_on_by_sides_is_one(tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_bytes(array("h", [1, 2, 3, 4]).tobytes())
    (tmp_path / "x-left.raw").write_bytes(array("h", [5]).tobytes())
    (tmp_path / "x-right.raw").write_bytes(array("h", [6, 7]).tobytes())
    written = WrittenSound(tmp_path / "x.raw")
    assert array("h", b"".join(written.blocks(written.frames))) == array("h", [1, 2, 3, 4, 5, 6, 0, 7])


def test_a_kept_file_is_what_its_row_says_and_nothing_of_an_interrupted_run_is_in_it(
    store: SqlStore, tmp_path: Path
) -> None:
    index, raw = recorded(store, [(0, 9)], 9), sound(9, 9, 9)
    partial = tmp_path / f"kept/acme/2026/09/{CALL}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 2 * len(raw))
    assert finished(index, tmp_path, raw + b"\x01") == Finished(kept=1)
    [item] = index.find("acme")
    kept = tmp_path / "kept" / item.file
    with wave.open(str(kept)) as file:
        assert file.getparams()[:5] == (2, 2, RATE_HZ, 9 * RATE_HZ, "NONE")
        assert file.readframes(file.getnframes()) == raw
    assert (item.bytes, item.sha256) == (
        len(raw) + 44,
        hashlib.sha256(kept.read_bytes()).hexdigest(),
    )
    assert kept.stat().st_size == item.bytes
    assert kept.stat().st_mode & 0o777 == 0o640
    assert not partial.exists()


@pytest.mark.parametrize(("raw", "note"), [(b"", "nothing was written"), (None, "nothing was written")])
def test_a_talk_without_any_sound_is_lost(
    store: SqlStore, tmp_path: Path, raw: bytes | None, note: str
) -> None:
    index = recorded(store, [(0, 9)], 9)
    assert finished(index, tmp_path, raw) == Finished(lost=1)
    assert note in index.find("acme")[0].note


def test_less_sound_than_talk_is_short(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [(0, 9)], 9)
    assert finished(index, tmp_path, sound(5, 5, 5)) == Finished(kept=1, short=1)
    assert index.find("acme")[0].note == "talked 9 s, 5 s were written"


def test_a_side_that_is_missing_after_a_transfer_is_said(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [(0, 4), (5, 11)], 11)
    assert finished(index, tmp_path, sound(10, 4, 10)) == Finished(kept=1, short=1)
    assert index.find("acme")[0].note == "after a transfer the employee is not heard for the last 6 s"


def test_a_side_that_is_silent_without_a_transfer_is_no_fault(store: SqlStore, tmp_path: Path) -> None:
    assert finished(recorded(store, [(0, 10)], 10), tmp_path, sound(10, 4, 10)) == Finished(kept=1)


def test_a_call_that_nobody_answered_leaves_nothing(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [], 20, answered=False)
    assert finished(index, tmp_path, b"") == Finished()
    assert (index.find("acme"), list((tmp_path / "monitor").iterdir())) == ([], [])


def test_a_directory_that_refuses_leaves_the_raw_file_for_the_next_time(
    store: SqlStore, tmp_path: Path
) -> None:
    index = recorded(store, [(0, 4)], 4)
    (tmp_path / "kept").write_text("a file where the directory should be")
    with pytest.raises(RecordingsUnwritable):
        finished(index, tmp_path, sound(4, 4, 4))
    left = sorted(path.name for path in (tmp_path / "monitor").iterdir())
    assert left == [f"{CALL}-left.raw", f"{CALL}-right.raw"]
    (tmp_path / "kept").unlink()
    assert finished(index, tmp_path, None) == Finished(kept=1)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 20.0])
def test_silence_at_the_end_is_measured_across_blocks(tmp_path: Path, seconds: float) -> None:
    raw = tmp_path / "x.raw"
    raw.write_bytes(sound(1, 1 + seconds, 1 + seconds))
    assert WrittenSound(raw).silence_at_end_s(0) == pytest.approx(seconds)
    assert WrittenSound(raw).silence_at_end_s(1) == 0.0


def test_each_side_has_its_own_channel_and_the_shorter_ends_in_silence(tmp_path: Path) -> None:
    (tmp_path / "x-left.raw").write_bytes(array("h", range(1, 30_001)).tobytes() + b"\1")
    (tmp_path / "x-right.raw").write_bytes(array("h", [7] * 200_000).tobytes())
    written = WrittenSound(tmp_path / "x.raw")
    both = array("h", b"".join(written.blocks(written.frames)))
    assert written.frames == 200_000
    assert both[0::2] == array("h", [*range(1, 30_001), *([0] * 170_000)])
    assert both[1::2] == array("h", [7] * 200_000)


def test_a_recording_that_was_begun_interleaved_is_still_finished(store: SqlStore, tmp_path: Path) -> None:
    index = recorded(store, [(0, 4)], 4)
    (tmp_path / "monitor").mkdir()
    (tmp_path / "monitor" / f"{CALL}.raw").write_bytes(sound(4, 2, 4))
    assert finished(index, tmp_path, None) == Finished(kept=1)
    assert list((tmp_path / "monitor").iterdir()) == []
