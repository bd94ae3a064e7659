"""One recurring charge: a subscription, extra employees or an option for a period or what is left of it.

Rule: docs/decisions.md, decisions 3 (proration), 6 (tax) and 12 (one rounding step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from orchestrator.billing.periods import Period
from orchestrator.billing.rating import working_with_vat
from orchestrator.billing.tax import of_recurring
from orchestrator.model.money import kopecks, roubles_text
from orchestrator.model.service import EXTRA_EMPLOYEES, SUBSCRIPTION, ServiceCharge
from orchestrator.model.tariff import Prices, Tariff, Tier


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be charged. Args: beyond: pieces that are paid for already in the period."""

    kind: str
    item: str
    quantity: int
    beyond: int = 0


def charge_recurring(
    what: Wanted, span: Period, at: datetime, day: date, tariff: Tariff, rule: str
) -> ServiceCharge | None:
    """One charge, rounded once; None when it is for nothing.

    Args: day: local date of the charge, whose prices it has. rule: the decision that makes it.
    """
    prices = tariff.prices_on(day)
    parts = _parts(what, prices)
    price = sum((count * apiece for count, apiece in parts), Decimal(0))
    sum_kop = kopecks(Fraction(price) * span.days / span.full_days) if span.days else 0
    if sum_kop == 0:
        return None
    taxed = of_recurring(sum_kop, span.starts_on, span.ends_before, tariff)
    share = "" if span.days == span.full_days else f" x {span.days}/{span.full_days} days"
    working = f"{rule}: {_working(parts)}{share} = {roubles_text(sum_kop)}"
    return ServiceCharge(
        at=at,
        day=day,
        kind=what.kind,
        item=what.item,
        quantity=what.quantity,
        amount_kop=taxed.amount_kop,
        licence_kop=taxed.licence_kop,
        support_kop=taxed.support_kop,
        vat_kop=taxed.vat_kop,
        period_from=span.starts_on,
        period_to=span.ends_before,
        tariff_version=prices.version,
        vat_percents=taxed.percents,
        rule=working_with_vat(working, sum_kop, taxed),
        priced_on=day,
        beyond=what.beyond,
        full_days=span.full_days,
    )


def by_tiers(tiers: Sequence[Tier], beyond: int, upto: int) -> tuple[tuple[int, Decimal], ...]:
    """The pieces after number `beyond` to number `upto`: how many at which price apiece.

    >>> by_tiers((Tier(1, Decimal(200)), Tier(3, Decimal(150))), 1, 4)
    ((1, Decimal('200')), (2, Decimal('150')))
    """
    if not tiers:
        return ()
    ends = (*(tier.starts_at for tier in tiers[1:]), upto + 1)
    found = []
    for tier, next_starts_at in zip(tiers, ends, strict=True):
        first, behind = max(tier.starts_at, beyond + 1), min(next_starts_at, upto + 1)
        if first < behind:
            found.append((behind - first, tier.price))
    return tuple(found)


def _parts(what: Wanted, prices: Prices) -> tuple[tuple[int, Decimal], ...]:
    """How many at which price apiece, roubles for a whole period."""
    if what.kind == SUBSCRIPTION:
        return ((what.quantity, prices.subscription),)
    if what.kind == EXTRA_EMPLOYEES:
        return by_tiers(prices.employee, what.beyond, what.beyond + what.quantity)
    return ((what.quantity, prices.options[what.item]),)


def _working(parts: tuple[tuple[int, Decimal], ...]) -> str:
    if len(parts) == 1 and parts[0][0] == 1:
        return f"{parts[0][1]}"
    text = " + ".join(f"{count} x {apiece}" for count, apiece in parts)
    return text if len(parts) == 1 else f"({text})"
