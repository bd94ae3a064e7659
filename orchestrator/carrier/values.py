"""Values as operators write them: times, lengths, sums, numbers, directions. None: it is none.

Each is asked a million times, most of them for the same texts: what was read is kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestrator.carrier.calls import IN, OUT
from orchestrator.model.number import to_e164

_KEPT = 200_000
_TIME = re.compile(
    r"(\d{4}-\d\d?-\d\d?|\d\d?\.\d\d?\.\d\d(?:\d\d)?)[T ,]*(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,5}):([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"(\d{1,9})(?:[.,](\d{1,9}))?", re.ASCII)
_SUM = re.compile(r"-?\d{1,12}(?:[.,]\d{1,10})?", re.ASCII)
_SHORT = re.compile(r"\d{2,6}", re.ASCII)
_CURRENCY = re.compile(r"(?:руб(?:\.|лей|ля|ль)?|р\.|₽|rub)$")
_WITHHELD = frozenset({"", "-", "anonymous", "unknown", "withheld", "restricted", "скрыт", "аноним"})
_DIRECTIONS = {OUT: ("исх", "out", "orig"), IN: ("вх", "in", "inb", "inc", "term")}


def epoch(text: str, zone: ZoneInfo) -> int | None:
    """A date with a time as seconds since 1970 UTC.

    >>> epoch("01.10.2026 12:00", ZoneInfo("Europe/Moscow")) == epoch("2026-10-01T09:00:00Z", ZoneInfo("UTC"))
    True
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, offset = found.groups()
    begins = _hour(day, int(hour), offset, zone)
    seconds = int(second or 0)
    if begins is None or int(minute) > 59 or seconds > 60:
        return None
    return begins + int(minute) * 60 + seconds


@lru_cache(_KEPT)
def _hour(day: str, hour: int, offset: str | None, zone: ZoneInfo) -> int | None:
    """An hour's begin. No zone changes its clock within one by less than a quarter."""
    if "-" in day:
        year, month, date = map(int, day.split("-"))
    else:
        date, month, year = map(int, day.split("."))
        year += 2000 if year < 100 else 0
    try:
        local = datetime(year, month, date, hour)  # noqa: DTZ001 - the zone follows
        if offset is not None:
            return int(datetime.fromisoformat(f"{local.isoformat()}{offset}").timestamp())
        return int(local.replace(tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        return None


@lru_cache(_KEPT)
def length_s(text: str) -> int | None:
    """A length in seconds, or as minutes and seconds, or hours before them; half a second counts up.

    >>> length_s("65"), length_s("64,5"), length_s("1:05"), length_s("0:01:05"), length_s("1:5")
    (65, 65, 65, 65, None)
    """
    found = _CLOCK.fullmatch(text)
    if found is not None:
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    number = _NUMBER.fullmatch(text)
    return None if number is None else int(number[1]) + ((number[2] or "0")[0] >= "5")


@lru_cache(_KEPT)
def length_of_minutes_s(text: str) -> int | None:
    """A length written in minutes: `2`, `1,5`; with a colon as `length_s` has it."""
    if ":" in text:
        return length_s(text)
    number = _NUMBER.fullmatch(text)
    return None if number is None else int(Decimal(text.replace(",", ".")) * 60 + Decimal("0.5"))


@lru_cache(_KEPT)
def roubles(text: str) -> Decimal | None:
    """A sum: `1 234,56`, `3.5 руб.`; as exact as it is written.

    >>> roubles("1 234,56 руб."), roubles("free")
    (Decimal('1234.56'), None)
    """
    plain = _CURRENCY.sub("", "".join(text.lower().split()))
    return Decimal(plain.replace(",", ".")) if _SUM.fullmatch(plain) else None


@lru_cache(_KEPT)
def number(text: str, region: str) -> str | None:
    """E.164, or a short number such as 112 as it is; empty: withheld."""
    if text.lower() in _WITHHELD:
        return ""
    found = to_e164(text, region)
    return found if found is not None or not _SHORT.fullmatch(text) else text


@lru_cache(1024)
def direction(text: str) -> str:
    """`out` or `in`; empty: it says something else, a destination's name perhaps."""
    word = re.split(r"[^\w]", text.lower(), maxsplit=1)[0]
    for found, beginnings in _DIRECTIONS.items():
        if word in ("o", "i") and word == found[0]:
            return found
        if any(word.startswith(each) for each in beginnings if each != "in") or word == found:
            return found
    return ""
