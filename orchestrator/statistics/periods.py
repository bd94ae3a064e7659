"""Spans of time as people ask for them, and the local hour of a call, in a tenant's time zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER_US = 15 * 60 * 1_000_000
"""No zone changes its offset elsewhere than at a quarter of an hour."""


class NoTime(ValueError):
    """A text is neither a date nor a time."""


@dataclass(frozen=True, slots=True)
class Span:
    """Args: since: inclusive. until: exclusive."""

    since: datetime
    until: datetime


def span(begin: str | None, end: str | None, now: datetime, zone: ZoneInfo) -> Span:
    """The span that is asked for.

    Args: begin: a date or time, local unless it names its zone; None: today. end: a time, or a date, which is
    in it as a whole; None: until now, or to the end of the day that `begin` lies in, if that is later.
    Raises: NoTime.

    >>> moscow, now = ZoneInfo("Europe/Moscow"), datetime(2026, 11, 26, 9, tzinfo=UTC)
    >>> found = span("2026-11-24", "2026-11-25", now, moscow)
    >>> str(found.since), str(found.until)
    ('2026-11-24 00:00:00+03:00', '2026-11-26 00:00:00+03:00')
    """
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    since = today if begin is None else _moment(begin, zone)
    if end is None:
        return Span(since, max(now.astimezone(zone), _next_day(since)))
    until = _moment(end, zone)
    return Span(since, until if _has_time(end) else _next_day(until))


def hour_of(zone: ZoneInfo) -> Callable[[int], int]:
    """Says the local hour of a day, 0 to 23, of microseconds since 1970 UTC.

    >>> hour_of(ZoneInfo("Asia/Yekaterinburg"))(1_790_000_000_000_000)
    19
    """
    known: dict[int, int] = {}

    def hour(at_us: int) -> int:
        quarter = at_us // _QUARTER_US
        found = known.get(quarter)
        if found is None:
            found = known[quarter] = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).hour
        return found

    return hour


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NoTime(text) from None
    return found.replace(tzinfo=zone) if found.tzinfo is None else found


def _has_time(text: str) -> bool:
    return ":" in text or "T" in text


def _next_day(at: datetime) -> datetime:
    return datetime.combine(at.date() + timedelta(days=1), time(), at.tzinfo)
