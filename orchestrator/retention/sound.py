"""Recordings removed: their files first, then their rows, so that a run that dies leaves nothing unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.model.recording import Recording
from orchestrator.retention.places import Places
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.written_sound import WrittenSound

AT_ONCE = 200


class FileKept(StorageError):
    """A file that should go can't be removed; the row of a recording stays until it can."""

    code = "file-kept"


@dataclass(frozen=True, slots=True)
class Removed:
    """Args: bytes: as they were indexed, wherever they lay."""

    number: int = 0
    bytes: int = 0


def recordings_of(
    data: TenantData, scope: Scope, *, ended_on: date | None = None
) -> Iterator[list[Recording]]:
    """Recordings that would go, in pages. Args: ended_on: those whose term ends by then; None: all."""
    after = ""
    while page := data.recordings(scope, AT_ONCE, after=after, ended_on=ended_on):
        yield page
        after = page[-1].uniqueid


def drop_recordings(
    data: TenantData, scope: Scope, places: Places, *, ended_on: date | None = None
) -> Removed:
    """Remove recordings; their copies in a store are noted to be removed. Raises: FileKept."""
    number = size = 0
    for page in recordings_of(data, scope, ended_on=ended_on):
        _remove_files(page, places)
        data.drop_recordings(page)
        number += len(page)
        size += sum(item.bytes or 0 for item in page)
    return Removed(number, size)


def remove_file(path: Path) -> None:
    """Raises: FileKept."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FileKept(
            f"{path}: {error.strerror}", "mend the directory's rights; the purge goes on at the next run"
        ) from error


def _remove_files(gone: Sequence[Recording], places: Places) -> None:
    for item in gone:
        for path in _files(item, places):
            remove_file(path)
            if path.is_relative_to(places.recordings):
                _remove_empty(path.parent, places.recordings)


def _files(item: Recording, places: Places) -> tuple[Path, ...]:
    """A recording's files; while it is open they are the switch's."""
    if not item.file:
        return ()
    if item.state != "open":
        return (places.recordings / item.file,)
    monitor = places.monitors.get(item.systemname)
    return () if monitor is None else WrittenSound(monitor / Path(item.file).name).files


def _remove_empty(directory: Path, top: Path) -> None:
    """Directories of months, years and the tenant that have nothing in them any more."""
    with suppress(OSError):
        while directory != top:
            directory.rmdir()
            directory = directory.parent
