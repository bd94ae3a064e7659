"""A schedule as tables of hours by local date: what the switch is given and what a walk looks up.

Rule: an exception of a date comes first, then the country's days off, then the day of the week. What goes on
over midnight belongs to the next day of the week: an exception or a day off takes the whole of its date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from orchestrator.model.problem import Position
from orchestrator.model.schedule import DAY_MIN, WEEKDAYS, Schedule, Span
from orchestrator.routing.days_off import WORKING, DaysOff

MONDAY = 0
DATE, DAY_OFF, WORKED, WEEK = "date", "day off", "weekend day that is worked", "week"
"""Which rule said it."""


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """Open minutes of one local date. Args: ends_min: not in it any more. position: of what says so."""

    begins_min: int
    ends_min: int
    position: Position


@dataclass(frozen=True, slots=True)
class Day:
    """The hours of a date or of a day of the week. Args: spans: in order. position: of what says so."""

    spans: tuple[OpenSpan, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class HourTable:
    """Args: weekdays: Monday first. dates: by date. calendar: of days off; empty: none."""

    name: str
    zone: str
    weekdays: tuple[Day, ...]
    calendar: str
    dates: Mapping[date, Day]
    position: Position


@dataclass(frozen=True, slots=True)
class Opening:
    """What the table of a schedule says of a moment.

    Args: local: that moment there. rule: which of them said it. position: of what says so.
    """

    schedule: str
    is_open: bool
    local: datetime
    rule: str
    position: Position


def hour_table(schedule: Schedule, zone: str) -> HourTable:
    """The hours of a schedule. Args: zone: the tenant's."""
    dates = {
        date.fromisoformat(text): Day(
            tuple(OpenSpan(span.begins_min, span.ends_min, hours.position) for span in hours.spans),
            hours.position,
        )
        for text, hours in schedule.dates.items()
    }
    weekdays = tuple(_weekday(schedule, number) for number in range(len(WEEKDAYS)))
    return HourTable(schedule.name, zone, weekdays, schedule.holidays, dates, schedule.position)


def opening(table: HourTable, at: datetime, days_off: DaysOff) -> Opening:
    """Whether it is open. Args: at: with a zone. days_off: of the table's calendar."""
    local = at.astimezone(ZoneInfo(table.zone))
    rule, day = _day_of(table, local.date(), days_off)
    minute = local.hour * 60 + local.minute
    within = next((span for span in day.spans if span.begins_min <= minute < span.ends_min), None)
    return Opening(
        table.name, within is not None, local, rule, day.position if within is None else within.position
    )


def overlaps(day: Day) -> Iterator[tuple[OpenSpan, OpenSpan]]:
    """Spans that have minutes in common, each with the one before it."""
    for before, after in pairwise(day.spans):
        if after.begins_min < before.ends_min:
            yield before, after


def _day_of(table: HourTable, local: date, days_off: DaysOff) -> tuple[str, Day]:
    if local in table.dates:
        return DATE, table.dates[local]
    kind = days_off.get(local) if table.calendar else None
    if kind == WORKING:
        return WORKED, table.weekdays[MONDAY]
    if kind is not None:
        return DAY_OFF, Day((), table.position)
    return WEEK, table.weekdays[local.weekday()]


def _weekday(schedule: Schedule, number: int) -> Day:
    """A day's own spans, and what goes on into it from the day before."""
    own = schedule.weekly.get(WEEKDAYS[number])
    before = schedule.weekly.get(WEEKDAYS[number - 1])
    spans = [] if own is None else [_until_midnight(span, own.position) for span in own.spans]
    if before is not None:
        spans += [
            OpenSpan(0, span.ends_min, before.position)
            for span in before.spans
            if span.overnight and span.ends_min
        ]
    position = schedule.position if own is None else own.position
    return Day(tuple(sorted(spans, key=lambda span: (span.begins_min, span.ends_min))), position)


def _until_midnight(span: Span, position: Position) -> OpenSpan:
    return OpenSpan(span.begins_min, DAY_MIN if span.overnight else span.ends_min, position)
