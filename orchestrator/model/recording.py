"""A recording of a call: what the switch was told to write, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from orchestrator.model.call import SwitchEvent, Systemname

RECORDING = "recording"
"""The function that an option unlocks, or a tariff includes."""

State = Literal["open", "complete", "short", "lost", "none"]
"""open: the call is up, or its file wasn't looked at yet. short: less than was talked,
or one side is missing after a transfer. lost: no sound at all
of a call that was talked. none: never answered, nothing to keep."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; its place is the trunk-side leg that it was made on.

    Args:
        file: while open, the name below the switch's monitor directory; then a path below the recordings
            directory; empty for `lost` and `none`.
        length_s: of the sound, rounded down. bytes, sha256: of the file. None until it was looked at.
        retain_until: local date on which it may go; None while open. Rule: decision 10.
        note: why a recording is short or lost.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    tenant: str
    file: str
    started_at: datetime
    state: State = "open"
    length_s: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    retain_until: date | None = None
    note: str = ""


def talked(events: Iterable[SwitchEvent], ended_at: datetime) -> timedelta:
    """How long a channel was in bridges, by its BRIDGE_ENTER and BRIDGE_EXIT events.

    Args: events: of that channel, in order of time. ended_at: of the channel; closes what is still open.
    """
    total, entered = timedelta(0), None
    for event in events:
        if event.kind == "BRIDGE_ENTER" and entered is None:
            entered = event.at
        elif event.kind == "BRIDGE_EXIT" and entered is not None:
            total, entered = total + (event.at - entered), None
    if entered is not None:
        total += max(timedelta(0), ended_at - entered)
    return total


def retain_until(call_day: date, years: int) -> date:
    """The date on which a recording may go: the same day some calendar years later.

    A call of 29 February is kept to the end of February. Rule: decision 10.

    >>> retain_until(date(2026, 11, 22), 1), retain_until(date(2028, 2, 29), 1)
    (datetime.date(2027, 11, 22), datetime.date(2029, 3, 1))
    """
    try:
        return call_day.replace(year=call_day.year + years)
    except ValueError:
        return date(call_day.year + years, 3, 1)
