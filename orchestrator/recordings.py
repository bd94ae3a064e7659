"""What MixMonitor left behind, made into recordings: WAV, hashed, indexed; what is missing is said.

While a call is up the switch writes raw samples, left the outside party, right what it hears.
A disk that fills up never ends a call: the recording is found short or lost here, and reported.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from orchestrator.asterisk.file_lock import LockUnusable, file_lock
from orchestrator.books import CallsEnded
from orchestrator.errors import StorageError
from orchestrator.model.account import DatedEvent
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.platform import Definitions
from orchestrator.model.recording import Recording, talked
from orchestrator.retention.years import Retention
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore
from orchestrator.written_sound import CHANNELS, FRAME_BYTES, RATE_HZ, WrittenSound

SETTLED_AFTER = timedelta(seconds=1)
"""MixMonitor writes its last samples just after the hangup; a file that still changes is left for later."""

SIDES = ("outside party", "employee")
"""Who is on each channel, left and right."""

_LONGEST_SILENCE_S = 3.0
_TOLERANCE = timedelta(seconds=2)
_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_LONGEST_FRAMES = (0xFFFFFFFF - _WAV_HEADER.size) // FRAME_BYTES
_PCM = 1
_LOCK, _LOCK_S = ".finishing.lock", 60.0

_log = structlog.get_logger("vpbx.recordings")


class RecordingsUnwritable(StorageError):
    code = "recordings-unwritable"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run did.

    Args: kept: recordings indexed. short, lost: incomplete ones. waiting: left for later.
    """

    kept: int = 0
    short: int = 0
    lost: int = 0
    waiting: int = 0


def finish(
    index: RecordingIndex,
    monitor: Path,
    directory: Path,
    retention: Retention,
    systemname: Systemname,
    now: datetime,
) -> Finished:
    """Index the recordings of all calls that have ended.

    It can be run again at any moment, and after dying at any moment: a raw file goes only when its WAV file
    and its row are safe.

    Args: monitor: where the switch writes. directory: where recordings are kept.
    Raises: RecordingsUnwritable: the recordings directory refuses; nothing is lost, the raw file stays.
    LockHeld: another process has been at it for a minute.
    """
    try:
        with file_lock(directory / _LOCK, _LOCK_S, "finishing recordings"):
            return _finish(index, monitor, directory, retention, systemname, now)
    except LockUnusable as error:
        raise RecordingsUnwritable(error.message, "mend the rights; the raw recording is kept") from error


def _finish(
    index: RecordingIndex,
    monitor: Path,
    directory: Path,
    retention: Retention,
    systemname: Systemname,
    now: datetime,
) -> Finished:
    """`finish`, alone: two that write the same file would each take the other's half for their own."""
    kept: list[Recording] = []
    events: dict[str, Sequence[DatedEvent]] = {}
    raws: list[Path] = []
    waiting = 0
    try:
        ended = index.ended(systemname)
        settled = [
            (each, sound)
            for each in ended
            if _settled(sound := WrittenSound(monitor / Path(each[0].file).name), now)
        ]
        waiting = len(ended) - len(settled)
        talked = [item.uniqueid for (item, _, answered_at), _ in settled if answered_at is not None]
        bridges = index.bridges(systemname, talked)
        for (item, ended_at, _), sound in settled:
            if item.tenant not in events:
                events[item.tenant] = index.service_events(item.tenant)
            item = replace(item, retain_until=retention.until(item, events[item.tenant]))
            day = retention.day(item)
            kept.append(_finished(item, sound, directory, day, bridges.get(item.uniqueid, ()), ended_at))
            raws += sound.files
    finally:
        index.keep(kept)
        for path in raws:
            path.unlink(missing_ok=True)
    for item in kept:
        if item.state in ("short", "lost"):
            _log.error("recording incomplete", tenant=item.tenant, uniqueid=item.uniqueid, note=item.note)
    states = Counter(item.state for item in kept)
    return Finished(states["complete"] + states["short"], states["short"], states["lost"], waiting)


def finish_with(monitor: Path, directory: Path, systemname: Systemname) -> CallsEnded:
    """What the daemon runs when calls have ended: `finish` on the store that it keeps."""

    known: list[tuple[Definitions, Retention]] = []

    def on_calls_ended(store: SqlStore, definitions: Definitions, _linkedids: Sequence[str]) -> int:
        if not known or known[0][0] is not definitions:
            known[:] = [(definitions, Retention.of(definitions))]
        index = RecordingIndex(store.database)
        done = finish(index, monitor, directory, known[0][1], systemname, datetime.now(UTC))
        return done.short + done.lost

    return on_calls_ended


def _finished(
    item: Recording,
    sound: WrittenSound,
    directory: Path,
    day: date,
    bridges: Sequence[SwitchEvent],
    ended_at: datetime,
) -> Recording:
    """The index row of an ended recording, its WAV file written.

    Args: day: local, of the call. bridges: none when never answered.
    """
    frames = sound.frames
    expected = talked(bridges, ended_at)
    if frames == 0 and expected < _TOLERANCE:
        return replace(item, state="none", file="", length_s=0)
    if frames == 0:
        note = f"talked {expected.total_seconds():.0f} s, nothing was written"
        return replace(item, state="lost", file="", length_s=0, note=note)
    name = f"{item.tenant}/{day:%Y/%m}/{item.uniqueid}.wav"
    note = _what_misses(sound, timedelta(seconds=frames / RATE_HZ), expected, _was_transferred(bridges))
    size, digest = _convert(sound, min(frames, _LONGEST_FRAMES), directory / name)
    return replace(
        item,
        state="short" if note else "complete",
        file=name,
        length_s=frames // RATE_HZ,
        bytes=size,
        sha256=digest,
        note=note,
    )


def _was_transferred(bridges: Sequence[SwitchEvent]) -> bool:
    return sum(event.kind == "BRIDGE_ENTER" for event in bridges) > 1


def _what_misses(sound: WrittenSound, length: timedelta, expected: timedelta, transferred: bool) -> str:
    """What a recording lacks, in words; empty for a whole one.

    After a transfer Asterisk 22.10 may stop hearing one side: it then writes exact zeros for it, which no
    phone sends for long.
    """
    if length + _TOLERANCE + expected / 50 < expected:
        return f"talked {expected.total_seconds():.0f} s, {length.total_seconds():.0f} s were written"
    if not transferred:
        return ""
    silent_s = {side: sound.silence_at_end_s(channel) for channel, side in enumerate(SIDES)}
    return "; ".join(
        f"after a transfer the {side} is not heard for the last {seconds:.0f} s"
        for side, seconds in silent_s.items()
        if _LONGEST_SILENCE_S <= seconds < length.total_seconds()
    )


def _convert(sound: WrittenSound, frames: int, target: Path) -> tuple[int, str]:
    """Write the WAV file whole and synced, or not at all. Returns: its size and SHA-256."""
    partial = target.with_suffix(".partial")
    header = _wav_header(frames * FRAME_BYTES)
    digest = hashlib.sha256(header)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        with _new_file(partial) as file:
            file.write(header)
            for block in sound.blocks(frames):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise RecordingsUnwritable(
            f"{target.parent}: {error.strerror}", "make room or mend the rights; the raw recording is kept"
        ) from error
    return len(header) + frames * FRAME_BYTES, digest.hexdigest()


def _new_file(path: Path) -> BinaryIO:
    """A file for its owner and group, over one that an interrupted run left."""
    path.unlink(missing_ok=True)
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    os.fchmod(file.fileno(), 0o640)
    return file


def _wav_header(sound_bytes: int) -> bytes:
    """What stands before 16-bit PCM samples in a WAV file (RIFF, one `fmt ` and one `data` chunk).

    >>> len(_wav_header(320))
    44
    """
    return _WAV_HEADER.pack(
        *(b"RIFF", _WAV_HEADER.size - 8 + sound_bytes, b"WAVE", b"fmt ", 16, _PCM, CHANNELS),
        *(RATE_HZ, RATE_HZ * FRAME_BYTES, FRAME_BYTES, 16, b"data", sound_bytes),
    )


def _settled(sound: WrittenSound, now: datetime) -> bool:
    """Whether nothing writes any of its files any more, or never did."""
    for file in sound.files:
        try:
            changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue
        if now - changed < SETTLED_AFTER:
            return False
    return True


def fault_of(item: Recording, directory: Path) -> str:
    """What is wrong with a kept recording's file, or empty when it is the one that was indexed."""
    path = directory / item.file
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "the file is gone"
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return "" if digest == item.sha256 else "the content has changed"
