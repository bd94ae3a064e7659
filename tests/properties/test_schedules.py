"""A schedule's tables against a model that counts minutes, for any schedule and any moment of two months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.schedule import DAY_MIN, WEEKDAYS, Hours, Schedule, Span
from orchestrator.routing.days_off import OFF, WORKING, DaysOff
from orchestrator.routing.hours import hour_table, opening

ZONES = ("Europe/Moscow", "Europe/Berlin", "Asia/Yekaterinburg", "America/St_Johns")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 60
DATES = st.integers(0, DAYS + 1).map(lambda ahead: (BEGIN + timedelta(days=ahead)).date())

minutes = st.integers(0, 47).map(lambda half: half * 30)
spans = st.builds(Span, minutes, minutes.map(lambda minute: minute + 30))
day_spans = spans.filter(lambda span: not span.overnight)


def hours(of: st.SearchStrategy[Span]) -> st.SearchStrategy[Hours]:
    return st.lists(of, max_size=2).map(lambda given: Hours(tuple(given)))


schedules = st.builds(
    Schedule,
    name=st.just("office"),
    weekly=st.dictionaries(st.sampled_from(WEEKDAYS), hours(spans)),
    holidays=st.sampled_from(["", "ru"]),
    dates=st.dictionaries(DATES.map(lambda day: day.isoformat()), hours(day_spans), max_size=4),
)
calendars = st.dictionaries(DATES, st.sampled_from([OFF, WORKING]), max_size=6)


def is_open(schedule: Schedule, zone: str, at: datetime, off: DaysOff) -> bool:
    """The minutes of the local date that are open, one by one, as a person would mark them in a calendar."""
    local = at.astimezone(ZoneInfo(zone))
    marked: set[int] = set()
    written = schedule.dates.get(local.date().isoformat())
    kind = off.get(local.date()) if schedule.holidays else None
    if written is not None:
        for span in written.spans:
            marked |= set(range(span.begins_min, span.ends_min))
    elif kind != OFF:
        today = 0 if kind == WORKING else local.weekday()
        for number, day in enumerate(WEEKDAYS):
            for span in schedule.weekly.get(day, Hours(())).spans:
                length = (span.ends_min - span.begins_min) % DAY_MIN or DAY_MIN
                for minute in range(span.begins_min, span.begins_min + length):
                    if (number + minute // DAY_MIN) % 7 == today:
                        marked.add(minute % DAY_MIN)
    return local.hour * 60 + local.minute in marked


@given(
    schedules,
    st.sampled_from(ZONES),
    calendars,
    st.lists(st.integers(0, DAYS * DAY_MIN * 60), min_size=1, max_size=20),
)
def test_it_is_open_in_the_minutes_that_a_person_would_mark(
    schedule: Schedule, zone: str, off: DaysOff, seconds: list[int]
) -> None:
    table = hour_table(schedule, zone)
    for ahead in seconds:
        at = BEGIN + timedelta(seconds=ahead)
        assert opening(table, at, off).is_open == is_open(schedule, zone, at, off)
