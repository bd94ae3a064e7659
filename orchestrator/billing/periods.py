"""Anchors and periods: whole local dates, from an anchor to the next, exclusive.

Rule: docs/decisions.md, decision 4. Anchor number k depends on the date of the first charge and on k alone,
so that a short month never moves the ones behind it.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from orchestrator.model.tariff import BillingCycle


@dataclass(frozen=True, slots=True)
class Period:
    """What a recurring charge pays for.

    Args: starts_on: inclusive. ends_before: the next anchor. full_days: days that a full price is for; more
    than the period has only where a fixed anchor day cuts the first one short.
    """

    starts_on: date
    ends_before: date
    full_days: int

    @property
    def days(self) -> int:
        return (self.ends_before - self.starts_on).days

    def since(self, day: date) -> Period:
        """The rest of it from a day on; all of it for a day before it, which only another time zone makes."""
        return Period(max(day, self.starts_on), self.ends_before, self.full_days)


def anchor(first: date, number: int, cycle: BillingCycle) -> date:
    """The date of a recurring charge.

    Args: first: local date of the first charge. number: 0 for that one.
    Raises: OverflowError: it lies beyond the year 9999.

    >>> [anchor(date(2026, 1, 31), number, BillingCycle()).isoformat() for number in range(4)]
    ['2026-01-31', '2026-02-28', '2026-03-31', '2026-04-30']
    >>> [anchor(date(2026, 1, 20), number, BillingCycle(anchor_day=1)).isoformat() for number in range(3)]
    ['2026-01-20', '2026-02-01', '2026-03-01']
    """
    if number == 0:
        return first
    if cycle.days:
        return first + timedelta(days=number * cycle.days)
    day = cycle.anchor_day or first.day
    begun = 0 if _in_month(first, 0, day) <= first else -1
    return _in_month(first, begun + number * cycle.months, day)


def period(first: date, number: int, cycle: BillingCycle) -> Period:
    """The period that begins with an anchor. Args, Raises: as of `anchor`.

    >>> period(date(2026, 1, 20), 0, BillingCycle(anchor_day=1))
    Period(starts_on=datetime.date(2026, 1, 20), ends_before=datetime.date(2026, 2, 1), full_days=31)
    """
    starts_on, ends_before = anchor(first, number, cycle), anchor(first, number + 1, cycle)
    whole_from = starts_on
    if number == 0 and cycle.anchor_day:
        begun = 0 if _in_month(first, 0, cycle.anchor_day) <= first else -1
        whole_from = _in_month(first, begun, cycle.anchor_day)
    return Period(starts_on, ends_before, (ends_before - whole_from).days)


def _in_month(of: date, months: int, day: int) -> date:
    """A day of the month so many months after a date's own, or that month's last day."""
    count = of.year * 12 + of.month - 1 + months
    year, month = divmod(count, 12)
    if year > date.max.year:
        raise OverflowError(f"an anchor in the year {year}")
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))
