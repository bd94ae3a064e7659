"""Ports for a test that no other test, run or process uses meanwhile.

A block of ports below the kernel's ephemeral range is locked by a file, so parallel runs never share one.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_FIRST, _END, _SIZE = 11_000, 32_000, 300
_LOCKS = Path(tempfile.gettempdir()) / "vpbx-test-ports"


class NoPortsLeft(Exception):
    """Every block is locked or has a port that somebody uses."""


class PortBlock:
    """Blocks of 300 ports side by side, free on every loopback address when they were taken."""

    def __init__(self, blocks: int = 1) -> None:
        """Raises: NoPortsLeft."""
        _LOCKS.mkdir(mode=0o777, exist_ok=True)
        starts = list(range(_FIRST, _END - (blocks - 1) * _SIZE, _SIZE))
        random.shuffle(starts)
        for start in starts:
            end = start + blocks * _SIZE
            self._handles = [_open_lock(first) for first in range(start, end, _SIZE)]
            if all(map(_locked, self._handles)) and all(map(_free, range(start, end))):
                self._next, self._end = start, end
                return
            self.release()
        raise NoPortsLeft(f"{_FIRST} to {_END}")

    def __enter__(self) -> PortBlock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def port(self) -> int:
        """One port that is free for both UDP and TCP."""
        return self.span(1)[0]

    def span(self, count: int) -> tuple[int, int]:
        """Consecutive ports. Returns: the first, always even when there are several, and the last."""
        first = self._next + (self._next % 2 if count > 1 else 0)
        self._next = first + count
        if self._next > self._end:
            raise NoPortsLeft(f"there are no {count} more ports in here")
        return first, self._next - 1

    def release(self) -> None:
        for handle in self._handles:
            os.close(handle)


def _open_lock(start: int) -> int:
    return os.open(_LOCKS / str(start), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True
