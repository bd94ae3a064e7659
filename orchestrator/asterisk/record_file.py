"""Records out of a file that another process appends to, rotates, truncates and may damage.

A record is quoted fields separated by commas up to a line feed; quotes in a field are doubled, a field may
hold line breaks. A record that isn't complete yet is left for the next time. Bytes that aren't a record are
handed back as bad, and reading goes on at the next place that can only be the start of a record.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from orchestrator.model.record import BadRecord, RecordBatch, RecordPosition

Row = TypeVar("Row")

_FIELD = rb'"(?:[^"]++|"")*+"'
_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+")
_FIELDS = re.compile(_FIELD)
_CHUNK = 1 << 18
_LONGEST_RECORD = 1 << 16
_HEAD = 256
_RAW_KEPT = 4096


class UnreadableRecord(Exception):
    """One record can't be read; it goes to quarantine with this reason."""


class Foreign(Exception):
    """A record of another switch: dropped and counted."""


@dataclass(frozen=True, slots=True)
class Form(Generic[Row]):
    """What the records of a file look like.

    Args:
        start: bytes that can only be the start of a record.
        parse: a row out of the decoded fields; raises UnreadableRecord or Foreign.
    """

    start: re.Pattern[bytes]
    parse: Callable[[Sequence[str]], Row]


@dataclass(frozen=True, slots=True)
class Cut(Generic[Row]):
    """What some bytes hold. Args: used: bytes that are done with; the rest may be an incomplete record."""

    rows: tuple[Row, ...]
    bad: tuple[BadRecord, ...]
    foreign: int
    used: int


class RecordFile(Generic[Row]):
    """One file of the record with what rotation made of it: `<name>.1` is younger than `<name>.2`."""

    def __init__(self, path: Path, form: Form[Row]) -> None:
        self._path = path
        self._form = form

    def read(self, position: RecordPosition | None) -> Iterator[RecordBatch[Row]]:
        """Batches of what was written after a position; none when there is nothing new.

        A file that was rotated is read to its end before the one that took its place.
        """
        with ExitStack() as opened:
            files = _opened(self._path, opened)
            begin = 0 if position is None else _place_of(position, files)
            gap = begin is None and position is not None and position.offset > 0
            # After a gap the files that are left may have been read: reading them again changes nothing.
            for index, file in enumerate(files[begin or 0 :]):
                offset = position.offset if position and begin is not None and index == 0 else 0
                last = index == len(files) - 1 - (begin or 0)
                yield from self._batches(file, offset, last=last, gap=gap and index == 0)

    def _batches(self, file: BinaryIO, offset: int, *, last: bool, gap: bool) -> Iterator[RecordBatch[Row]]:
        size = os.fstat(file.fileno()).st_size
        pending = b""
        while offset + len(pending) < size:
            file.seek(offset + len(pending))
            pending += file.read(min(_CHUNK, size - offset - len(pending)))
            final = not last and offset + len(pending) >= size
            cut = cut_records(pending, self._form, file.name, offset, final=final)
            offset += cut.used
            pending = pending[cut.used :]
            if cut.used or gap:
                yield RecordBatch(cut.rows, cut.bad, cut.foreign, _position(file, offset), gap)
                gap = False


def done_with(path: Path, position: RecordPosition | None) -> list[Path]:
    """Rotated files that were read to their end, oldest first.

    Args: path: the file that is written now. position: the place reached.
    """
    with ExitStack() as opened:
        files = _opened(path, opened)
        place = None if position is None else _place_of(position, files)
        if place is None or position is None:
            return []
        whole = os.fstat(files[place].fileno()).st_size <= position.offset
        return [found for file in files[: place + whole] if (found := Path(file.name)) != path]


def is_gone(path: Path, position: RecordPosition) -> bool:
    """Whether the file that a place was reached in isn't there any more. Args: as of `done_with`."""
    with ExitStack() as opened:
        return _place_of(position, _opened(path, opened)) is None


def _opened(path: Path, opened: ExitStack) -> list[BinaryIO]:
    """A file and what it was rotated to, oldest first, all open at once, whatever rotates then."""
    while True:
        files: list[BinaryIO] = []
        for each in (*_rotated(path), path):
            with suppress(FileNotFoundError):
                files.append(opened.enter_context(each.open("rb")))
        found = [_inode(each) for each in (*_rotated(path), path)]
        if [os.fstat(file.fileno()).st_ino for file in files] == [inode for inode in found if inode]:
            return files
        opened.close()


def _rotated(path: Path) -> list[Path]:
    """Rotated files, oldest first."""
    prefix = f"{path.name}."
    numbered = [
        (int(each.name.removeprefix(prefix)), each)
        for each in path.parent.glob(f"{glob.escape(prefix)}*")
        if each.name.removeprefix(prefix).isdecimal() and each.is_file()
    ]
    return [each for _, each in sorted(numbered, reverse=True)]


def cut_records(data: bytes, form: Form[Row], file: str, offset: int, *, final: bool = False) -> Cut[Row]:
    """The records in some bytes that begin at a record's start.

    Args:
        file, offset: where the bytes come from, for what is bad in them.
        final: nothing will ever be appended: what is left over is bad instead of incomplete.
    """
    rows: list[Row] = []
    bad: list[BadRecord] = []
    foreign = 0
    at = 0
    while at < len(data):
        found = _record_at(data, at, len(data), form)
        if found.reason == _INCOMPLETE:
            following = form.start.search(data, at + 1)
            if following is not None:
                # The record before it lost its end, or only its line feed.
                found = _torn_record(data, at, following.start(), form)
            elif final:
                found = _torn_record(data, at, len(data), form)
            elif len(data) - at > _LONGEST_RECORD:
                found = _Found(len(data) - _HEAD, None, "no record in sight")
            else:
                break
        elif found.reason and (inner := form.start.search(data, at + 1, found.end)) is not None:
            # A torn record swallowed the beginning of the next one.
            found = _torn_record(data, at, inner.start(), form)
        if found.reason == _FOREIGN:
            foreign += 1
        elif found.reason:
            raw = data[at : min(found.end, at + _RAW_KEPT)]
            bad.append(BadRecord(file, offset + at, raw, found.end - at, found.reason))
        elif found.row is not None:
            rows.append(found.row)
        at = found.end
    return Cut(tuple(rows), tuple(bad), foreign, at)


_INCOMPLETE = "the record breaks off"
_FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class _Found(Generic[Row]):
    """A record up to `end`. Args: reason: what is wrong with it, or empty."""

    end: int
    row: Row | None
    reason: str


def _record_at(data: bytes, at: int, limit: int, form: Form[Row]) -> _Found[Row]:
    """The record that begins at a place and ends with a line feed before the limit."""
    match = _RECORD.match(data, at, limit)
    if match is None or data[match.end() : match.end() + 1] != b"\n":
        return _Found(limit, None, _INCOMPLETE)
    return _parsed(match[0], match.end() + 1, form)


def _torn_record(data: bytes, at: int, limit: int, form: Form[Row]) -> _Found[Row]:
    """The record that is all of the bytes up to the limit: whole but for its line feed, or bad."""
    match = _RECORD.fullmatch(data, at, limit)
    return _Found(limit, None, _INCOMPLETE) if match is None else _parsed(match[0], limit, form)


def _parsed(record: bytes, end: int, form: Form[Row]) -> _Found[Row]:
    fields = [
        field[1:-1].replace(b'""', b'"').decode("utf-8", "replace").replace("\0", "\ufffd")
        for field in _FIELDS.findall(record)
    ]
    try:
        return _Found(end, form.parse(fields), "")
    except Foreign:
        return _Found(end, None, _FOREIGN)
    except UnreadableRecord as error:
        return _Found(end, None, str(error))


def _position(file: BinaryIO, offset: int) -> RecordPosition:
    status = os.fstat(file.fileno())
    length = min(_HEAD, offset)
    file.seek(0)
    head = file.read(length)
    return RecordPosition(status.st_dev, status.st_ino, length, hashlib.sha256(head).hexdigest(), offset)


def _place_of(position: RecordPosition, files: Sequence[BinaryIO]) -> int | None:
    """Which file is the one that was read: by inode, else by its first bytes, for it may have been copied."""
    same = [index for index, file in enumerate(files) if _is_same(file, position)]
    for index in same:
        status = os.fstat(files[index].fileno())
        if (status.st_dev, status.st_ino) == (position.device, position.inode):
            return index
    return same[0] if same else None


def _is_same(file: BinaryIO, position: RecordPosition) -> bool:
    """Whether a file begins like the one that was read and still holds what was read of it."""
    if os.fstat(file.fileno()).st_size < position.offset:
        return False
    file.seek(0)
    return hashlib.sha256(file.read(position.head_bytes)).hexdigest() == position.head_sha256


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
