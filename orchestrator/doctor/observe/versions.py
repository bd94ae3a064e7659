"""The versions that are installed."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from orchestrator.asterisk.binary import Asterisk, told_version, unusable
from orchestrator.doctor.versions import Versions


def observe(asterisk: Asterisk | None, running: str) -> Versions:
    """Args: running: what the running switch says of itself; may be empty."""
    try:
        vpbx = version("vpbx")
    except PackageNotFoundError:
        vpbx = ""
    told = told_version(asterisk) if asterisk else None
    return Versions(sys.version_info[:3], vpbx, told, running, "" if asterisk else unusable())
