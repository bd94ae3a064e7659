"""Checks of a tenant's schedules: what they say must be possible, and they must open some time."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.problem import Position, Problem
from orchestrator.model.schedule import Schedule, clock
from orchestrator.model.tenant import Tenant
from orchestrator.routing.hours import Day, OpenSpan, hour_table, overlaps


def check_schedules(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of one tenant's schedules."""
    for schedule in file.value.schedules:
        if not schedule.name:
            continue
        path = f"schedules.{schedule.name}"
        yield from _check_dates(schedule, path)
        yield from _check_overlaps(schedule, path)
        hours = (*schedule.weekly.values(), *schedule.dates.values())
        if file.whole and not any(each.spans for each in hours):
            message = f"schedule {quoted(schedule.name)} never opens"
            hint = 'give it hours: weekly: {mon-fri: "09:00-18:00"}'
            yield Problem(schedule.position, path, "schedule-never-opens", message, hint)


def _check_dates(schedule: Schedule, path: str) -> Iterator[Problem]:
    for day, hours in schedule.dates.items():
        for span in hours.spans:
            if span.overnight:
                message = f"{span} of {day} ends before it begins"
                hint = f"end it at 24:00, and give the next date its own 00:00-{clock(span.ends_min)}"
                yield Problem(hours.position, f"{path}.dates.{day}", "hours-overnight", message, hint)


def _check_overlaps(schedule: Schedule, path: str) -> Iterator[Problem]:
    table = hour_table(schedule, "UTC")
    told: set[tuple[Position, Position]] = set()
    dated = ((f"dates.{day}", hours) for day, hours in table.dates.items())
    for below, day in (*(("weekly", day) for day in table.weekdays), *dated):
        for before, after in overlaps(day):
            if (before.position, after.position) not in told:
                told.add((before.position, after.position))
                yield _overlap(f"{path}.{below}", day, before, after)


def _overlap(path: str, day: Day, before: OpenSpan, after: OpenSpan) -> Problem:
    """At the line of the day itself, where one of the two came over midnight."""
    foreign = before if before.position != day.position else after
    message = f"{_text(after)} overlaps {_text(before)}"
    if foreign.position != day.position:
        message += f", which goes on from the day before ({foreign.position})"
    return Problem(day.position, path, "hours-overlap", message, "let one of them begin where the other ends")


def _text(span: OpenSpan) -> str:
    return f"{clock(span.begins_min)}-{clock(span.ends_min)}"
