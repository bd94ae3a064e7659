"""A clock that a test steps, for the processes that it starts: Debian's libfaketime, loaded before libc."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path


def stepped(by: timedelta) -> Mapping[str, str]:
    """The environment of a process whose clock is so far ahead; what waits, waits no longer for it.

    Not for a process that polls: `time.sleep` fails in it (libfaketime 0.9.10).
    """
    return {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{int(by.total_seconds()):+d}s",
        "FAKETIME_NO_CACHE": "1",  # a copy of a process is stepped anew
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_ONLY_CMDS": ",".join(("python", "python3", Path(sys.executable).resolve().name)),
        # Times of files are the real ones: caches look at them.
        "NO_FAKE_STAT": "1",
    }


def library() -> Path:
    """What stands between a process and the machine's clock."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "libfaketime isn't installed: make system-packages"
    return found[0]
