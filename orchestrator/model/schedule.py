"""When somebody is there: the hours of a week, days off, and exceptions to both, in a tenant's local time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day to another, which isn't in it any more.

    Args: begins_min: 0 to 1439. ends_min: 1 to 1440; not after `begins_min`: on the next day.
    """

    begins_min: int
    ends_min: int

    @property
    def overnight(self) -> bool:
        return self.ends_min <= self.begins_min

    def __str__(self) -> str:
        return f"{clock(self.begins_min)}-{clock(self.ends_min)}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The open hours of a day as they are written. Args: spans: none: closed all day."""

    spans: tuple[Span, ...]
    position: Position = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return ", ".join(map(str, self.spans)) or "closed"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Args: weekly: by day of `WEEKDAYS`; one that isn't there is closed. dates: by ISO date, before these.

    holidays: calendar of official days off and of working days that were moved to a weekend; empty: none.
    """

    name: str
    weekly: Mapping[str, Hours]
    holidays: str
    dates: Mapping[str, Hours]
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def week(self) -> str:
        """The hours of a week in words, days that are alike together.

        >>> day, sat = Hours((Span(540, 1080),)), Hours((Span(600, 840), Span(900, 1020)))
        >>> Schedule("office", {"mon": day, "tue": day, "thu": day, "sat": sat}, "", {}).week
        'mon-tue 09:00-18:00; thu 09:00-18:00; sat 10:00-14:00, 15:00-17:00'
        """
        runs: list[tuple[str, str, str]] = []
        for number, day in enumerate(WEEKDAYS):
            hours = str(self.weekly.get(day, Hours(())))
            if number and runs[-1][1] == WEEKDAYS[number - 1] and runs[-1][2] == hours:
                runs[-1] = (runs[-1][0], day, hours)
            else:
                runs.append((day, day, hours))
        told = [
            f"{first if first == last else f'{first}-{last}'} {hours}"
            for first, last, hours in runs
            if hours != str(Hours(()))
        ]
        return "; ".join(told) or str(Hours(()))


def clock(minute: int) -> str:
    """A minute of the day as people write it.

    >>> clock(545), clock(1440)
    ('09:05', '24:00')
    """
    return f"{minute // 60:02}:{minute % 60:02}"
