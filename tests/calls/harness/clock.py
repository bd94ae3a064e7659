"""A clock of the switch's own, which a test sets: libfaketime stands between the switch and the machine's."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stepped_clock import library

_READ_S = 2.1
"""After so long a new time has been read: whole seconds are compared."""


class Clock:
    """What time it is for a switch. Its timers go by the machine's monotonic clock and know nothing of it."""

    def __init__(self, file: Path, at: datetime) -> None:
        """Args: file: the time stands in it. at: with a zone."""
        self._file = file
        self.set(at)

    def set(self, at: datetime) -> None:
        """It is this time when this returns, and it goes on from there.

        The file holds how far ahead it is: a time to start at (`@...`) starts anew with each reading. It is
        read once a second: libfaketime's readings aren't safe among threads, and a call that sees a moment of
        another year ends.
        """
        ahead_s = (at - datetime.now(UTC)).total_seconds() - _READ_S
        self._ahead = timedelta(seconds=ahead_s)
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead_s:+.3f}\n", "ascii")
        new.replace(self._file)
        time.sleep(_READ_S)

    def is_within_an_hour_of(self, at: datetime) -> bool:
        return abs(datetime.now(UTC) + self._ahead - at) < timedelta(hours=1)

    @contextmanager
    def given(self) -> Iterator[None]:
        """Processes that are started meanwhile go by it."""
        worn = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }
        before = {name: os.environ.get(name) for name in worn}
        os.environ.update(worn)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
