"""Where templates and dialplan blocks are read from: beside the package, or where it was installed."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.errors import RenderFailed


def share_directory() -> Path:
    """The directory that holds `templates/` and `dialplans/`. Raises: RenderFailed: none there."""
    beside = Path(__file__).resolve().parents[2]
    installed = Path(sys.prefix) / "share" / "vpbx"
    for place in (beside, installed):
        if (place / "templates" / "asterisk").is_dir() and (place / "dialplans" / "asterisk").is_dir():
            return place
    raise RenderFailed(f"no templates/ and dialplans/ in {beside} or {installed}", "install vpbx again")
