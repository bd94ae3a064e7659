"""Who has the processors first when several tests share them: what sends and times calls."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_NICENESS = -5


def put_first(pid: int) -> None:
    """Let a switch or a SIPp go before verbs, listeners and the tests themselves; only root may do that.

    What it waits for a processor comes back as seconds in its calls, and as holes in their sound.
    """
    if os.geteuid() != 0:
        return
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(
            ProcessLookupError, PermissionError
        ):  # it has ended; a container may keep even root from it
            os.setpriority(os.PRIO_PROCESS, int(task.name), _NICENESS)
