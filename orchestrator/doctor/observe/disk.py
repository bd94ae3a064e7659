"""Room where calls are written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from orchestrator.doctor.disk import Disk, Place
from orchestrator.doctor.subject import Subject
from orchestrator.model.recording import RECORDING

_SQLITE = "sqlite:///"


def observe(subject: Subject) -> Disk:
    """Room in the place of the database, of recordings, of the spool and of the log."""
    paths, definitions = subject.paths, subject.definitions
    url = subject.project.database_url(definitions.platform.storage.database)
    places = [("recordings", subject.recordings), ("spool", paths.monitor), ("log", paths.log)]
    if url.startswith(_SQLITE):
        places.insert(0, ("database", Path(url.removeprefix(_SQLITE)).parent))
    recorded = [tenant for tenant in subject.tenants if RECORDING in definitions.unlocked(tenant)]
    return Disk(
        places=[place(purpose, path) for purpose, path in places],
        recorded_lines=sum(definitions.line_limit(tenant) for tenant in recorded),
    )


def place(purpose: str, path: Path) -> Place:
    """A directory; when it isn't there yet, the one above it that is."""
    there = next(each for each in (path, *path.parents) if each.is_dir())
    room = os.statvfs(there)
    return Place(
        purpose=purpose,
        path=str(path),
        device=there.stat().st_dev,
        free_bytes=room.f_bavail * room.f_frsize,
        free_inodes=room.f_favail if room.f_files else None,
        trouble=_trouble(there),
    )


def _trouble(directory: Path) -> str:
    """Why nothing can be written there; empty when it can."""
    try:
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"vpbx")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""
