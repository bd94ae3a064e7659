"""A moment as an operator writes it: a date and time, a day of the week with a time, or a time of today."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.schedule import WEEKDAYS

HINT = "write 2026-12-31 19:05, or sat 19:05"
_CLOCK = re.compile(r"(?:([a-z]{3}) )?([01][0-9]|2[0-3]):([0-5][0-9])")


def moment(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment meant, in a zone; None: it is no time.

    Args: text: `2026-12-31 19:05`, ISO 8601 with or without an offset, `sat 19:05` (the next one), or `19:05`
    (of today).

    >>> moscow = ZoneInfo("Europe/Moscow")
    >>> str(moment("sat 19:05", datetime(2026, 11, 26, 4, 0, tzinfo=ZoneInfo("UTC")), moscow))
    '2026-11-28 19:05:00+03:00'
    """
    match = _CLOCK.fullmatch(text.lower())
    if match is None:
        return _written(text, zone)
    local_now = now.astimezone(zone)
    day, hour, minute = match[1], int(match[2]), int(match[3])
    if day is not None and day not in WEEKDAYS:
        return None
    ahead = 0 if day is None else (WEEKDAYS.index(day) - local_now.weekday()) % len(WEEKDAYS)
    at = time(hour, minute)
    if day is not None and ahead == 0 and at < local_now.time().replace(second=0, microsecond=0):
        ahead = len(WEEKDAYS)
    return datetime.combine(local_now.date() + timedelta(days=ahead), at, zone)


def _written(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if ":" not in text:
        return None
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)
