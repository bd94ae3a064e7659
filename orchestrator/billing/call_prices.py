"""Prices of calls that were charged, by a tariff: calls that are alike are computed once.

The ledger has the prefix that a call was charged by, and not the number called. That is enough wherever the
deck has no longer prefix that begins with it; where it has, the number of the stored call decides.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

from orchestrator.billing.rating import CompiledTariff, billable_seconds, call_cost
from orchestrator.errors import NoRate
from orchestrator.model.tariff import Rate, Tariff
from orchestrator.model.whatif import CallFacts

_FREE = (0, 0)
_MOST_KEPT = 1 << 17
_of_rate = itemgetter("price", "increment_s", "minimum_s", "free_below_s", "connect_fee")


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
        billable_s = self._lengths.get(duration_s)
        if billable_s is None:
            billable_s = self._lengths[duration_s] = billable_seconds(duration_s, self._rate)
        if not billable_s:
            return _FREE
        # More than the whole of it no call takes. What is charged for a length is charged for that length.
        key = (billable_s, left_s if left_s < billable_s else billable_s)
        found = self._costs.get(key)
        if found is None:
            cost = call_cost(billable_s, self._rate, self._percent, self._mode, key[1])
            found = self._costs[key] = cost.amount_kop, cost.included_s
        return found


class OwnPrices:
    """Prices of calls by the rates that stand in their own facts."""

    def __init__(self) -> None:
        self._dated: dict[tuple[object, ...], Route] = {}
        self._routes: dict[tuple[object, ...], Route] = {}

    def amount_kop(self, call: CallFacts, tariff: Tariff) -> int:
        """Kopecks of a call's charge. Args: tariff: of the terms that it was charged by."""
        key = (call.rate, call.day, call.tariff_digest)
        route = self._dated.get(key)
        if route is None:
            if len(self._dated) > _MOST_KEPT:
                self._dated.clear()
            route = self._dated[key] = self._route(call, tariff)
        return route.cost(call.duration_s, call.included_s)[0]

    def _route(self, call: CallFacts, tariff: Tariff) -> Route:
        percent = tariff.vat_percent(date.fromisoformat(call.day))
        key = (call.rate, percent, tariff.vat_mode)
        if key not in self._routes:
            self._routes[key] = Route(_rate(json.loads(call.rate)), percent, tariff.vat_mode)
        return self._routes[key]


def _rate(facts: Mapping[str, Any]) -> Rate:
    """The rate that stands in a call's facts; where to, its price doesn't depend on."""
    price, increment_s, minimum_s, free_below_s, fee = _of_rate(facts)
    return Rate("", "", Decimal(price), date.min, increment_s, minimum_s, free_below_s, Decimal(fee))


@dataclass(frozen=True, slots=True)
class Fare:
    """How calls that were charged by one prefix of one deck on one date are priced.

    Args: route: None: the deck has no rate. needs_number: the prefix isn't enough to tell.
    same_deck: it was this very deck: the prefix that they were charged by is the one that prices them.
    """

    route: Route | None
    needs_number: bool
    same_deck: bool


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
        self._fares: dict[tuple[str, str, str, str, str], Fare] = {}
        self._routes: dict[tuple[str, date, Decimal], Route] = {}
        self._percents: dict[str, Decimal] = {}

    def fare(self, call: CallFacts, answered_on: str) -> Fare:
        """What the facts of a call's charge tell. Args: answered_on: local date of the answer, ISO."""
        key = (call.deck_prefix, answered_on, call.day, call.deck, call.deck_version)
        found = self._fares.get(key)
        if found is None:
            if len(self._fares) > _MOST_KEPT:
                self._fares.clear()
            found = self._fares[key] = self._fare(*key)
        return found

    def by_number(self, number: str, answered_on: str, day: str) -> Route | None:
        """How a number is priced; None: the deck has no rate. Args: number: digits. day: of hangup, ISO."""
        return self._route(self._rate(number, date.fromisoformat(answered_on)), day)

    def _fare(self, prefix: str, answered_on: str, day: str, deck: str, version: str) -> Fare:
        same_deck = (deck, version) == (self._deck.name, self._deck.version)
        answered = date.fromisoformat(answered_on)
        if same_deck:
            rates = self._deck.by_prefix.get(prefix, ())
            rate = next((each for each in rates if each.starts_on <= answered), None)
        else:
            rate = self._rate(prefix, answered)
        is_listed_longer = any(len(each) > len(prefix) and each.startswith(prefix) for each in self._listed)
        needs_number = is_listed_longer or (not same_deck and self._has_longer(prefix))
        return Fare(self._route(rate, day), needs_number, same_deck)

    def _has_longer(self, prefix: str) -> bool:
        """Whether the deck has longer prefixes that begin with one."""
        behind = bisect_right(self._prefixes, prefix)
        return behind < len(self._prefixes) and self._prefixes[behind].startswith(prefix)

    def _rate(self, digits: str, answered_on: date) -> Rate | None:
        try:
            return self._deck.rate_of(digits, answered_on)
        except NoRate:
            return None

    def _route(self, rate: Rate | None, day: str) -> Route | None:
        if rate is None:
            return None
        percent = self._percents.get(day)
        if percent is None:
            percent = self._percents[day] = self._tariff.vat_percent(date.fromisoformat(day))
        key = (rate.prefix, rate.starts_on, percent)
        if key not in self._routes:
            self._routes[key] = Route(rate, percent, self._tariff.vat_mode)
        return self._routes[key]
