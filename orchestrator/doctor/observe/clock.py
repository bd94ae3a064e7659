"""The kernel's clock, and the time zones that are known."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.doctor.clock import Clock
from orchestrator.doctor.switch import LiveSwitch

_ZONE_FILES = Path("/usr/share/zoneinfo")
_UNSYNCHRONISED_STATUS, _UNSYNCHRONISED_STATE = 0x40, 5
_TIMESYNC = Path("/run/systemd/timesync/synchronized")


class _Timex(ctypes.Structure):
    """The head of the kernel's `struct timex`, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def observe(zones: Iterable[str], live: LiveSwitch, zone_files: Path = _ZONE_FILES) -> Clock:
    """The clock. Args: zones: that tenants live in. zone_files: where the system keeps its own."""
    wanted = sorted(set(zones))
    synchronised, error_s = _kernel()
    return Clock(
        now=datetime.now(UTC),
        zones=wanted,
        unknown=[zone for zone in wanted if not _is_known(zone)],
        without_file=[zone for zone in wanted if not (zone_files / zone).is_file()],
        synchronised=synchronised,
        error_s=error_s,
        ahead_s=live.ahead_s,
        unsure_s=live.unsure_s,
    )


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _kernel() -> tuple[bool | None, float]:
    """Whether the clock is synchronised, None when that can't be told; and by how much it may be wrong."""
    state = _Timex()
    try:
        told = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        told = -1
    if told < 0:
        return (True if _TIMESYNC.exists() else None), 0.0
    free = told == _UNSYNCHRONISED_STATE or bool(state.status & _UNSYNCHRONISED_STATUS)
    return not free, state.esterror / 1e6
