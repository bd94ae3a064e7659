"""A clock of the switch's own, which a test sets: libfaketime stands between the switch and the machine's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from stepped_clock import library


class Clock:
    """What time it is for a switch. Its timers go by the machine's monotonic clock and know nothing of it."""

    def __init__(self, file: Path, at: datetime) -> None:
        """Args: file: the time stands in it. at: with a zone."""
        self._file = file
        self.set(at)

    def set(self, at: datetime) -> None:
        """From now on it is this time, and it goes on from there."""
        new = self._file.with_suffix(".new")
        new.write_text(f"@{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}\n", "ascii")
        new.replace(self._file)

    @contextmanager
    def given(self) -> Iterator[None]:
        """Processes that are started meanwhile go by it."""
        worn = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
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
