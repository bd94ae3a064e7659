"""A lock that holds between processes and is gone with the process that held it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.errors import SwitchError

_POLL_S = 0.05


class LockHeld(SwitchError):
    """Another process held the lock for the whole deadline."""

    code = "lock-held"


class LockUnusable(SwitchError):
    """The lock's file can't be made or opened."""

    code = "lock-unusable"


@contextmanager
def file_lock(path: Path, deadline_s: float, doing: str) -> Iterator[None]:
    """Be the only one inside. The file stays; only the lock on it counts.

    Args: path: its directory is made. deadline_s: how long to wait for the other. doing: what is
    locked, for the error, e.g. `installing Asterisk`.
    Raises: LockHeld: still held by another process at the deadline. LockUnusable: no rights there.
    """
    try:
        _make(path.parent)
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LockUnusable(
            f"{error.filename or path}: {error.strerror}", "run vpbx as the user whose files these are"
        ) from error
    try:
        _acquire(handle, path, time.monotonic() + deadline_s, doing)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _make(directory: Path) -> None:
    """Make a directory and those above it; none of them is for every user of the machine to look into."""
    for above in reversed(directory.parents):
        if not above.exists():
            # What can't be made here is told of the directory itself, below.
            with suppress(OSError):
                above.mkdir(mode=0o750)
    directory.mkdir(mode=0o750, exist_ok=True)


def _acquire(handle: int, path: Path, deadline: float, doing: str) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
                raise LockHeld(
                    f"process {holder} is still {doing} ({path})", "wait for it to end, then run again"
                ) from None
            time.sleep(_POLL_S)
        else:
            return
