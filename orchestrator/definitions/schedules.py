"""`schedules:` of a tenant file: hours of a week, days off, exceptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field, Json, Path, Reading, Refusal, Scalar, Shape, Surroundings
from orchestrator.definitions.tree import Marked
from orchestrator.model.problem import Position
from orchestrator.model.schedule import WEEKDAYS, Hours, Schedule, Span

CALENDARS = ("ru",)
"""Countries whose official days off are known."""

_CLOSED = "closed"
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_SPAN_TEXT = r"[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]"
_EXAMPLE = "09:00-18:00"


def _spans(given: str, _: Surroundings) -> tuple[Span, ...] | Refusal:
    if given == _CLOSED:
        return ()
    found: list[Span] = []
    for text in given.split(","):
        span = _span(text.strip())
        if isinstance(span, Refusal):
            return span
        found.append(span)
    return tuple(sorted(found, key=lambda span: span.begins_min))


def _span(text: str) -> Span | Refusal:
    match = _SPAN.fullmatch(text)
    hint = f"write {_EXAMPLE}, several with commas, or {_CLOSED}"
    if match is None:
        return Refusal("hours", f"{quoted(text)} is no span of a day", hint)
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    begins, ends = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if ends > 24 * 60:
        return Refusal("hours", f"{quoted(text)} ends after midnight", "24:00 is the latest end")
    if begins == ends:
        return Refusal("hours", f"{quoted(text)} begins and ends at once", "a whole day is 00:00-24:00")
    return Span(begins, ends)


HOURS: Scalar[tuple[Span, ...]] = Scalar(
    "hours of a day",
    _spans,
    (),
    {"type": "string", "pattern": rf"^({_CLOSED}|{_SPAN_TEXT}(, *{_SPAN_TEXT})*)$"},
)

_DAY = "|".join(WEEKDAYS)


def _days(given: str, _: Surroundings) -> str | Refusal:
    for part in given.split(","):
        for name in part.strip().split("-"):
            if name not in WEEKDAYS or part.count("-") > 1:
                known = did_you_mean(name, WEEKDAYS)
                return Refusal("weekday", f"{quoted(given)} names no days of the week", known)
    return given


def days_of(text: str) -> tuple[str, ...]:
    """The days of a key such as `mon-thu` or `sat, sun`.

    >>> days_of("sat, mon-wed"), days_of("sun-mon")
    (('sat', 'mon', 'tue', 'wed'), ('sun', 'mon'))
    """
    found: list[str] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        begin = WEEKDAYS.index(first)
        count = (WEEKDAYS.index(last or first) - begin) % len(WEEKDAYS) + 1
        found += [WEEKDAYS[(begin + step) % len(WEEKDAYS)] for step in range(count)]
    return tuple(found)


DAYS: Scalar[str] = Scalar(
    "days of the week",
    _days,
    "",
    {"type": "string", "pattern": rf"^({_DAY})(-({_DAY}))?(, *({_DAY})(-({_DAY}))?)*$"},
)


@dataclass(frozen=True)
class Weekly(Shape[Mapping[str, Hours]]):
    """Hours by days; a day stands under one key alone."""

    written: MapOf[tuple[Span, ...]]

    @property
    def label(self) -> str:  # type: ignore[override]
        return self.written.label

    def convert(self, node: Marked, path: Path, reading: Reading) -> Mapping[str, Hours]:
        first: dict[str, Entry[tuple[Span, ...]]] = {}
        for entry in sorted(self.written.convert(node, path, reading), key=lambda entry: entry.position):
            for day in days_of(entry.key):
                if day in first:
                    message = f"{day} has hours already ({first[day].position})"
                    hint = "a day stands once: write all of its spans there"
                    reading.refuse(entry.position, (*path, entry.key), "weekday-twice", message, hint)
                first.setdefault(day, entry)
        return {day: Hours(first[day].value, first[day].position) for day in WEEKDAYS if day in first}

    def stand_in(self, position: Position, reading: Reading) -> Mapping[str, Hours]:  # noqa: ARG002
        return {}

    def json_schema(self) -> Mapping[str, Json]:
        return self.written.json_schema()


WEEKLY: Field[Mapping[str, Hours]] = Field(
    "weekly",
    Weekly(MapOf(DAYS, HOURS)),
    "Open hours by day of the week; a day that isn't there is closed. What ends before it begins ends on the "
    "next day.",
    '{mon-fri: "09:00-18:00", sat: "10:00-14:00, 15:00-17:00"}',
)
HOLIDAYS = Field(
    "holidays",
    scalars.choice("a calendar of days off", CALENDARS),
    "Closed on this country's official days off; a weekend day that is worked instead has Monday's hours.",
    "ru",
    default="",
    default_text="none",
)
DATES: Field[tuple[Entry[tuple[Span, ...]], ...]] = Field(
    "dates",
    MapOf(scalars.day_key("a date"), HOURS),
    "Hours of single dates, before all else.",
    '{"2026-12-31": "09:00-15:00", "2027-01-11": closed}',
    default=(),
    default_text="none",
)


def _schedule(given: Converted) -> Schedule:
    return Schedule(
        name=given.name,
        weekly=given[WEEKLY],
        holidays=given[HOLIDAYS],
        dates={entry.key: Hours(entry.value, entry.position) for entry in given[DATES]},
        position=given.position,
    )


SCHEDULE = Record("a schedule", (WEEKLY, HOLIDAYS, DATES), _schedule)
