"""Files of a switch's record that have been kept long enough. They hold numbers of everybody's callers.

Rule: docs/retention.md.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.errors import StorageError
from orchestrator.model.record import RecordPosition

_WAIT_S = 5.0
_FIRST_RECORDS = 4096
_BEGAN = re.compile(rb'-([0-9]{9,11})\.[0-9]+"')
"""The second a call began in, out of a uniqueid."""


class RecordKept(StorageError):
    """A file of a switch's record can't be removed or turned over."""

    code = "record-kept"


def outdated(
    record: AsteriskRecord, kind: str, position: RecordPosition | None, before: datetime
) -> list[Path]:
    """Rotated files that were read to their end and last written before a moment, oldest first."""
    return [path for path in record.done(kind, position) if _written_at(path) < before]


def remove(path: Path, before: datetime) -> int:
    """Remove a file unless a rotation has put another in its place. Returns: its size. Raises: RecordKept."""
    try:
        if _written_at(path) >= before:
            return 0
        size = path.stat().st_size
        path.unlink()
    except OSError as error:
        raise RecordKept(f"{path}: {error.strerror}", "mend the directory's rights") from error
    return size


def turn_over(path: Path, before: datetime) -> bool:
    """Rename the file that the switch writes, when it begins before a moment: no log rotation runs here.

    The switch opens it anew for each row, and what is unread is read from the renamed file.

    Returns: whether it was renamed. Raises: RecordKept, LockHeld.
    """
    if not _begins_before(path, before):
        return False
    with file_lock(path.with_name(f".{path.name}.lock"), _WAIT_S, "turning the record over"):
        if not _begins_before(path, before):
            return False
        prefix = f"{path.name}."
        numbers = sorted(
            int(each.name.removeprefix(prefix))
            for each in path.parent.glob(f"{prefix}*")
            if each.name.removeprefix(prefix).isdecimal()
        )
        try:
            for number in reversed(numbers):
                path.with_name(f"{prefix}{number}").rename(path.with_name(f"{prefix}{number + 1}"))
            path.rename(path.with_name(f"{prefix}1"))
        except OSError as error:
            raise RecordKept(f"{path}: {error.strerror}", "mend the directory's rights") from error
    return True


def _begins_before(path: Path, before: datetime) -> bool:
    try:
        with path.open("rb") as file:
            first = _BEGAN.search(file.read(_FIRST_RECORDS))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RecordKept(f"{path}: {error.strerror}", "mend the file's rights") from error
    return first is not None and datetime.fromtimestamp(int(first[1]), UTC) < before


def _written_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)
