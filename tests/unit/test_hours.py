"""Hours of a schedule: around midnight, through summer time, on days off and exceptions."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.definitions.marked import parse
from orchestrator.definitions.schedules import SCHEDULE
from orchestrator.definitions.shapes import Reading, Surroundings
from orchestrator.model.schedule import Schedule
from orchestrator.routing.days_off import FIRST_YEAR, LAST_YEAR, OFF, WORKING, days_off
from orchestrator.routing.hours import HourTable, hour_table, opening

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")

OFFICIAL_2026 = {
    *(date(2026, 1, day) for day in range(1, 10)),
    date(2026, 2, 23),
    *(date(2026, 3, day) for day in (8, 9)),
    *(date(2026, 5, day) for day in (1, 9, 11)),
    date(2026, 6, 12),
    date(2026, 11, 4),
    date(2026, 12, 31),
}
"""By hand: Labour Code, article 112; the government's decree of September 2025 moves 3 January to the 9th and
4 January to 31 December; 8 March and 9 May are at a weekend, so the Monday after is off."""


def schedule(text: str) -> Schedule:
    tree, problems = parse(text, "tenants/acme.yaml")
    assert tree is not None and not problems
    reading = Reading("tenants/acme.yaml", Surroundings())
    found = SCHEDULE.convert_named("office", tree.position, tree, (), reading)
    assert not reading.problems
    return found


def table(text: str, zone: str = "Europe/Moscow") -> HourTable:
    return hour_table(schedule(text), zone)


def is_open(hours: HourTable, at: datetime) -> bool:
    return opening(hours, at, days_off(hours.calendar)).is_open


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-26 08:59:59", False),
        ("2026-11-26 09:00:00", True),
        ("2026-11-26 17:59:59", True),
        ("2026-11-26 18:00:00", False),
        ("2026-11-28 14:00:00", False),
        ("2026-11-28 15:00:00", True),
        ("2026-11-29 12:00:00", False),
    ],
)
def test_an_end_is_not_in_its_span(at: str, expected: bool) -> None:
    hours = table('{weekly: {mon-fri: "09:00-18:00", sat: "10:00-14:00, 15:00-17:00"}}')
    assert is_open(hours, datetime.fromisoformat(at).replace(tzinfo=MOSCOW)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-27 23:59", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 05:59", True),
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:00", False),
        ("2026-11-30 00:30", True),
        ("2026-11-30 01:00", False),
    ],
)
def test_a_night_goes_on_into_the_next_morning_and_from_sunday_into_monday(at: str, expected: bool) -> None:
    hours = table('{weekly: {fri: "22:00-06:00", sun: "23:00-01:00"}}')
    assert is_open(hours, datetime.fromisoformat(at).replace(tzinfo=MOSCOW)) == expected


@pytest.mark.parametrize("span", ["22:00-24:00", "22:00-00:00"])
def test_midnight_can_be_written_either_way(span: str) -> None:
    hours = table(f'{{weekly: {{fri: "{span}"}}}}')
    assert is_open(hours, datetime(2026, 11, 27, 23, 59, tzinfo=MOSCOW))
    assert not is_open(hours, datetime(2026, 11, 28, 0, 0, tzinfo=MOSCOW))


def test_a_whole_week_is_open_at_every_midnight() -> None:
    hours = table('{weekly: {mon-sun: "00:00-24:00"}}')
    assert all(is_open(hours, datetime(2026, 11, day, 0, 0, tzinfo=MOSCOW)) for day in range(1, 30))


def test_a_date_takes_the_end_of_the_night_before_too() -> None:
    hours = table('{weekly: {thu: "22:00-06:00"}, dates: {"2026-11-27": "12:00-13:00"}}')
    assert not is_open(hours, datetime(2026, 11, 27, 3, 0, tzinfo=MOSCOW))
    assert is_open(hours, datetime(2026, 11, 27, 12, 30, tzinfo=MOSCOW))
    assert is_open(hours, datetime(2026, 12, 4, 3, 0, tzinfo=MOSCOW))


def test_an_hour_that_summer_time_takes_never_opens_and_one_that_it_gives_opens_twice() -> None:
    hours = table('{weekly: {sun: "02:00-03:00"}}', "Europe/Berlin")
    utc = ZoneInfo("UTC")
    spring = [is_open(hours, datetime(2027, 3, 28, hour, 30, tzinfo=utc)) for hour in range(4)]
    autumn = [is_open(hours, datetime(2026, 10, 25, hour, 30, tzinfo=utc)) for hour in range(4)]
    assert spring == [False, False, False, False]
    assert autumn == [True, True, False, False]


def test_days_off_of_2026_are_those_of_the_official_calendar() -> None:
    found = {day: kind for day, kind in days_off("ru").items() if day.year == 2026}
    assert found == dict.fromkeys(OFFICIAL_2026, OFF)


def test_a_saturday_that_is_worked_has_mondays_hours_and_the_day_it_was_moved_to_none() -> None:
    hours = table('{weekly: {mon: "09:00-18:00", sat: "10:00-14:00"}, holidays: ru}')
    assert days_off("ru")[date(2027, 2, 20)] == WORKING
    assert is_open(hours, datetime(2027, 2, 20, 17, 0, tzinfo=MOSCOW))
    assert not is_open(hours, datetime(2027, 2, 22, 12, 0, tzinfo=MOSCOW))
    assert not is_open(hours, datetime(2027, 2, 27, 17, 0, tzinfo=MOSCOW))


def test_a_date_of_ones_own_comes_before_a_day_off() -> None:
    hours = table('{weekly: {mon: "09:00-18:00"}, holidays: ru, dates: {"2026-05-11": "10:00-12:00"}}')
    assert is_open(hours, datetime(2026, 5, 11, 11, 0, tzinfo=MOSCOW))


def test_without_a_calendar_a_day_off_is_like_any_other() -> None:
    hours = table('{weekly: {mon: "09:00-18:00"}}')
    assert is_open(hours, datetime(2026, 5, 11, 11, 0, tzinfo=MOSCOW))


def test_the_years_of_a_calendar_are_those_that_are_told() -> None:
    assert {day.year for day in days_off("ru")} == set(range(FIRST_YEAR, LAST_YEAR + 1))


def test_the_line_that_decides_is_that_of_the_span_or_of_the_day() -> None:
    hours = table(
        'weekly:\n  fri: "22:00-06:00"\n  sat: "10:00-14:00"\n'
        'holidays: ru\ndates:\n  "2026-12-31": "09:00-15:00"\n'
    )

    def line(at: str) -> int:
        moment = datetime.fromisoformat(at).replace(tzinfo=MOSCOW)
        return opening(hours, moment, days_off("ru")).position.line

    assert line("2026-11-28 05:00") == 2
    assert line("2026-11-28 11:00") == line("2026-11-28 20:00") == 3
    assert line("2026-12-31 08:00") == 6
