"""Prices of calls that were charged, by a tariff: calls that are alike are computed once.

The ledger has the prefix that a call was charged by, and not the number called. That is enough wherever the
deck has no longer prefix that begins with it; where it has, the number of the stored call decides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from orchestrator.billing.rating import CompiledTariff, billable_seconds, call_cost
from orchestrator.errors import NoRate
from orchestrator.model.tariff import Rate

_MOST_KEPT = 1 << 17


class Route:
    """A rate, and what lengths of talk cost by it. Args: percent: of VAT."""

    __slots__ = ("_costs", "_lengths", "_mode", "_percent", "_rate")

    def __init__(self, rate: Rate, percent: Decimal, vat_mode: str) -> None:
        self._rate = rate
        self._percent = percent
        self._mode = vat_mode
        self._lengths: dict[int, int] = {}
        self._costs: dict[tuple[int, int], tuple[int, int]] = {}

    def cost(self, duration_s: int, left_s: int) -> tuple[int, int]:
        """Kopecks, and seconds taken of what is left of the included minutes."""
        if left_s:
            billable_s = self._lengths.get(duration_s)
            if billable_s is None:
                billable_s = self._lengths[duration_s] = billable_seconds(duration_s, self._rate)
            # More than the whole of it no call takes.
            left_s = min(left_s, billable_s)
        found = self._costs.get((duration_s, left_s))
        if found is None:
            if len(self._costs) > _MOST_KEPT:
                self._costs.clear()
            cost = call_cost(duration_s, self._rate, self._percent, self._mode, left_s)
            found = self._costs[duration_s, left_s] = cost.amount_kop, cost.included_s
        return found


class CallPrices:
    """A tariff's prices of calls out of the facts of their entries."""

    def __init__(self, compiled: CompiledTariff) -> None:
        self._deck = compiled.deck
        self._tariff = compiled.tariff
        self._prefixes = sorted(compiled.deck.by_prefix)
        self._listed = {
            prefix
            for prices in compiled.tariff.prices
            if prices.included_minutes is not None
            for prefix in prices.included_minutes.to
        }
        self._unclear: dict[str, bool] = {}
        self._by_prefix: dict[tuple[str, str, str, bool], Route | None] = {}
        self._routes: dict[tuple[str, date, Decimal], Route] = {}

    def same_deck(self, facts: Mapping[str, Any]) -> bool:
        """Whether a call was charged by this very deck: then its prefix is the one that prices it."""
        return bool(facts["deck_version"] == self._deck.version and facts["deck"] == self._deck.name)

    def needs_number(self, prefix: str, *, same_deck: bool) -> bool:
        """Whether the prefix that a call was charged by isn't enough to price it."""
        if not same_deck and self._is_unclear(prefix):
            return True
        return bool(self._listed) and any(
            len(each) > len(prefix) and each.startswith(prefix) for each in self._listed
        )

    def by_prefix(self, prefix: str, answered_on: str, day: str, *, same_deck: bool) -> Route | None:
        """Args: answered_on, day: local dates of answer and hangup, ISO. Returns: None: there is no rate."""
        key = (prefix, answered_on, day, same_deck)
        if key not in self._by_prefix:
            dated = date.fromisoformat(answered_on)
            if same_deck:
                rates = self._deck.by_prefix.get(prefix, ())
                rate = next((each for each in rates if each.starts_on <= dated), None)
            else:
                rate = self._rate(prefix, dated)
            self._by_prefix[key] = self._route(rate, day)
        return self._by_prefix[key]

    def by_number(self, number: str, answered_on: str, day: str) -> Route | None:
        """Likewise. Args: number: digits."""
        return self._route(self._rate(number, date.fromisoformat(answered_on)), day)

    def _rate(self, digits: str, answered_on: date) -> Rate | None:
        try:
            return self._deck.rate_of(digits, answered_on)
        except NoRate:
            return None

    def _route(self, rate: Rate | None, day: str) -> Route | None:
        if rate is None:
            return None
        percent = self._tariff.vat_percent(date.fromisoformat(day))
        key = (rate.prefix, rate.starts_on, percent)
        if key not in self._routes:
            self._routes[key] = Route(rate, percent, self._tariff.vat_mode)
        return self._routes[key]

    def _is_unclear(self, prefix: str) -> bool:
        """Whether the deck has longer prefixes that begin with one."""
        if prefix not in self._unclear:
            behind = bisect_right(self._prefixes, prefix)
            self._unclear[prefix] = behind < len(self._prefixes) and self._prefixes[behind].startswith(prefix)
        return self._unclear[prefix]
