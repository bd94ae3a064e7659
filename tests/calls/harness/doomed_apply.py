"""`vpbx apply` with other templates, or killed by its own hand: doomed_apply.py PROJECT SHARE WHEN STEP ...

SHARE: directory with `templates/` and `dialplans/`, or `-` for the package's own. STEP: which rename (of the
staged directory, the intent, the link, the note), write of actions or reload, counted from 1; 0: it lives.
WHEN: `before` or `after`; `untried`: no scratch switch looks at the candidate first.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from orchestrator import deployment
from orchestrator.asterisk import confirm, install
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.main import main

_CONFIRM_DEADLINE_S = 3.0


def doom(when: str, step: int) -> None:
    """Make one of the renames and reloads a deadly place."""
    rename, reload, actions = Path.rename, AmiSwitch.reload, AmiSwitch.actions
    count = 0

    def die(now: str) -> None:
        if now == when and count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly_rename(path: Path, target: Any) -> Path:
        nonlocal count
        count += 1
        die("before")
        moved = rename(path, target)
        die("after")
        return moved

    async def deadly_actions(switch: AmiSwitch, many: Any) -> None:
        nonlocal count
        count += 1
        die("before")
        await actions(switch, many)
        die("after")

    async def deadly_reload(switch: AmiSwitch, module: str) -> None:
        nonlocal count
        count += 1
        die("before")
        await reload(switch, module)
        die("after")

    Path.rename = deadly_rename  # type: ignore[method-assign,assignment]
    AmiSwitch.reload = deadly_reload  # type: ignore[method-assign]
    AmiSwitch.actions = deadly_actions  # type: ignore[method-assign]


def _nothing_installed(_cache: Path | None = None) -> None:
    """No Asterisk to make a scratch switch of."""


if __name__ == "__main__":
    project, share, moment, number, *options = sys.argv[1:]
    if share != "-":
        deployment.share_directory = lambda: Path(share)
    confirm._DEADLINE_S = _CONFIRM_DEADLINE_S
    if moment == "untried":
        install.find = _nothing_installed
    doom(moment, int(number))
    sys.argv = ["vpbx", "-C", project, "apply", *options]
    main()
