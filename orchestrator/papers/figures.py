"""Sums, dates and lengths as a reader of a language is used to them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from orchestrator.model.money import roubles_text
from orchestrator.papers.words import RUSSIAN

_NO_BREAK = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_MINUTE_S, _HOUR_S = 60, 3600


def money(amount_kop: int, language: str) -> str:
    """Roubles with thousands apart, for paper.

    >>> money(123456789, "en"), money(-205, "ru").replace(_MINUS, "-")
    ('1,234,567.89', '-2,05')
    """
    roubles, _, kopecks = roubles_text(abs(amount_kop)).partition(".")
    sign = _MINUS if amount_kop < 0 else ""
    return f"{sign}{count(int(roubles), language)}{',' if language == RUSSIAN else '.'}{kopecks}"


def count(number: int, language: str) -> str:
    """A whole number with thousands apart."""
    text = f"{abs(number):,}"
    grouped = text.replace(",", _NO_BREAK) if language == RUSSIAN else text
    return f"{_MINUS if number < 0 else ''}{grouped}"


def decimal(value: Decimal, language: str) -> str:
    """A decimal as it is, with the language's point.

    >>> decimal(Decimal("2.30"), "ru"), decimal(Decimal("120"), "en")
    ('2,30', '120')
    """
    text = f"{value:f}"
    return text.replace(".", ",") if language == RUSSIAN else text


def day(on: date, language: str) -> str:
    """A date.

    >>> day(date(2026, 10, 3), "ru"), day(date(2026, 10, 3), "en")
    ('03.10.2026', '2026-10-03')
    """
    return on.strftime("%d.%m.%Y") if language == RUSSIAN else on.isoformat()


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Local time of day to the second."""
    return at.astimezone(zone).strftime("%H:%M:%S")


def length(seconds: int) -> str:
    """A length of talk.

    >>> length(61), length(3725)
    ('1:01', '1:02:05')
    """
    minutes = f"{seconds % _HOUR_S // _MINUTE_S}:{seconds % _MINUTE_S:02}"
    if seconds < _HOUR_S:
        return minutes
    return f"{seconds // _HOUR_S}:{seconds % _HOUR_S // _MINUTE_S:02}:{seconds % _MINUTE_S:02}"
