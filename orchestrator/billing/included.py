"""Minutes and SMS that a subscription includes: so many in each period, gone at its end.

They come with a charged period, so a trial has none (decision 5), and are those of the prices that the
period was charged by. A call takes from the period of its answer, an SMS from that of its sending, in the
order in which they are charged. Rule: docs/tariffs.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil

from orchestrator.billing.periods import Period
from orchestrator.model.tariff import Portion, Tariff

MINUTES, SMS = "minutes", "sms"

_MINUTE_S = 60


def minutes_included(to_number: str, span: Period | None, tariff: Tariff) -> Portion | None:
    """All the seconds that a period includes for calls like one.

    Args: to_number: E.164. span: in which it was answered; None: in the trial.
    Returns: None when there are none for it.
    """
    if span is None:
        return None
    included = tariff.prices_on(span.starts_on).included_minutes
    if included is None or not included.covers(to_number):
        return None
    return Portion(MINUTES, span.starts_on, _share(included.quantity, span) * _MINUTE_S)


def sms_included(span: Period | None, tariff: Tariff) -> Portion | None:
    """All the segments that a period includes. Args, Returns: as of `minutes_included`."""
    if span is None:
        return None
    count = tariff.prices_on(span.starts_on).included_sms
    return Portion(SMS, span.starts_on, _share(count, span)) if count else None


def _share(quantity: int, span: Period) -> int:
    """Of a period that a fixed anchor day has cut short, its days' part, rounded up."""
    return ceil(Fraction(quantity * span.days, span.full_days))


class Allowances:
    """What is left of what the periods of tenants include, while charges are made one after the other.

    Args: stored: what was taken by charges made before, of a tenant and a whole allowance.
    """

    def __init__(self, stored: Callable[[str, Portion], int]) -> None:
        self._stored = stored
        self._used: dict[tuple[str, str, object], int] = {}

    def left(self, tenant: str, whole: Portion | None) -> Portion | None:
        """What is left of an allowance; None when it is none, or used up."""
        if whole is None:
            return None
        key = (tenant, whole.allowance, whole.period_from)
        if key not in self._used:
            self._used[key] = self._stored(tenant, whole)
        left = whole.quantity - self._used[key]
        return replace(whole, quantity=left) if left > 0 else None

    def take(self, tenant: str, taken: Portion | None) -> None:
        """Note what a charge took. Args: taken: None: nothing."""
        if taken is not None:
            key = (tenant, taken.allowance, taken.period_from)
            self._used[key] = self._used.get(key, 0) + taken.quantity

    def forget(self) -> None:
        """Ask anew what was taken: what was posted may have been given back."""
        self._used.clear()
