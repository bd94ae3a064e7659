"""Official days off, and the days worked instead of them: what a country's government has decreed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache

OFF, WORKING = "off", "working"
FIRST_YEAR, LAST_YEAR = 2026, 2032
"""Years that are rendered. Days that are moved are known a year ahead, the others as the law stands."""

DaysOff = Mapping[date, str]
"""`OFF` or `WORKING` (a weekend day that is worked) by date."""


@cache
def days_off(calendar: str) -> DaysOff:
    """The days of a calendar that differ from the week. Args: calendar: a country, `ru`; empty: none do."""
    if not calendar:
        return {}
    # It takes 0.1 s to be loaded: only where it is asked.
    import holidays

    country = holidays.country_holidays(calendar.upper(), years=range(FIRST_YEAR, LAST_YEAR + 1))
    found = dict.fromkeys(country, OFF) | dict.fromkeys(country.weekend_workdays, WORKING)
    return {day: found[day] for day in sorted(found) if FIRST_YEAR <= day.year <= LAST_YEAR}
