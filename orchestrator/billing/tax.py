"""What of a charge is licence, support and VAT.

Rule: docs/decisions.md, decision 6; footnote 1 of docs/price-list.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from orchestrator.model.money import ratio_half_up, round_half_up
from orchestrator.model.tariff import Tariff, VatRate, percent_on


@dataclass(frozen=True, slots=True)
class Taxed:
    """A charge's parts, whole kopecks.

    Args: amount_kop: all that is paid, VAT included. licence_kop, support_kop: of a recurring charge; both 0
    for usage. vat_kop: the VAT in the amount. percents: rates that applied, by date.
    """

    amount_kop: int
    licence_kop: int
    support_kop: int
    vat_kop: int
    percents: tuple[Decimal, ...]


def of_usage(sum_kop: int, day: date, tariff: Tariff) -> Taxed:
    """VAT inside the whole, or on top of it. Args: day: local date of sending or hangup."""
    return taxed_usage(sum_kop, tariff.vat_percent(day), tariff.vat_mode)


def taxed_usage(sum_kop: int, percent: Decimal, vat_mode: str) -> Taxed:
    """Usage with the VAT of a known rate."""
    amount_kop, vat_kop = with_vat(sum_kop, percent, vat_mode)
    return Taxed(amount_kop, 0, 0, vat_kop, (percent,))


def of_recurring(sum_kop: int, starts_on: date, ends_before: date, tariff: Tariff) -> Taxed:
    """Licence and support, and VAT on the support alone, each day of the period at its own rate.

    Args: sum_kop: the price, before VAT that comes on top. starts_on, ends_before: what it pays for.

    1,000.00 for 10 days of 2025 at 20% and 21 of 2026 at 22%: support 10.00, of it 3.23 and 6.77:

    >>> from orchestrator.model.tariff import Deck, Prices, VatRate
    >>> rates = (VatRate(date(2019, 1, 1), Decimal(20)), VatRate(date(2026, 1, 1), Decimal(22)))
    >>> master = Tariff("master", (Prices("1"),), {}, "RUB", 7, 2, {}, Deck("d", "1", ()), rates)
    >>> taxed = of_recurring(100_000, date(2025, 12, 22), date(2026, 1, 22), master)
    >>> taxed.licence_kop, taxed.support_kop, taxed.vat_kop  # 323 x 20/120 = 53.8; 677 x 22/122 = 122.1
    (99000, 1000, 176)
    """
    return _of_recurring(sum_kop, starts_on, ends_before, tariff.vat, tariff.vat_mode, tariff.support_percent)


def with_vat(sum_kop: int, percent: Decimal, vat_mode: str) -> tuple[int, int]:
    """Amount with VAT and the VAT in it, rounded half-up.

    >>> with_vat(460, Decimal(22), "inside"), with_vat(460, Decimal(22), "on_top")
    ((460, 83), (561, 101))
    """
    share, parts = percent.as_integer_ratio()
    if vat_mode == "on_top":
        vat_kop = ratio_half_up(sum_kop * share, 100 * parts)
        return sum_kop + vat_kop, vat_kop
    return sum_kop, ratio_half_up(sum_kop * share, 100 * parts + share)


@lru_cache(maxsize=4096)
def _of_recurring(
    sum_kop: int,
    starts_on: date,
    ends_before: date,
    vat: tuple[VatRate, ...],
    vat_mode: str,
    support_percent: Decimal,
) -> Taxed:
    """On one anchor day thousands of tenants pay the same for the same period."""
    support_kop = round_half_up(Fraction(sum_kop) * Fraction(support_percent) / 100)
    parts = _by_rate(support_kop, starts_on, ends_before, vat)
    taxed = [with_vat(part_kop, percent, vat_mode) for part_kop, percent in parts]
    licence_kop, support_paid_kop = sum_kop - support_kop, sum(amount_kop for amount_kop, _ in taxed)
    return Taxed(
        amount_kop=licence_kop + support_paid_kop,
        licence_kop=licence_kop,
        support_kop=support_paid_kop,
        vat_kop=sum(vat_kop for _, vat_kop in taxed),
        percents=tuple(percent for _, percent in parts),
    )


def _by_rate(
    support_kop: int, starts_on: date, ends_before: date, vat: tuple[VatRate, ...]
) -> Sequence[tuple[int, Decimal]]:
    """Support by the VAT rates of its days: each part half-up, what is left belongs to the last."""
    changes = [
        rate.starts_on
        for rate in vat
        if starts_on < rate.starts_on < ends_before
        and rate.percent != percent_on(vat, rate.starts_on - timedelta(days=1))
    ]
    bounds = [starts_on, *changes, ends_before]
    days = (ends_before - starts_on).days
    parts: list[tuple[int, Decimal]] = []
    left_kop = support_kop
    for begin, end in pairwise(bounds[:-1]):
        part_kop = round_half_up(Fraction(support_kop * (end - begin).days, days))
        parts.append((part_kop, percent_on(vat, begin)))
        left_kop -= part_kop
    return [*parts, (left_kop, percent_on(vat, bounds[-2]))]
