"""In which order trunks are tried for a number: the cheapest first, by what operators ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orchestrator.model.tariff import Deck

LEAST_COST, AS_WRITTEN = "least_cost", "as_written"
Order = tuple[str, ...]
Routes = Mapping[str, str]
"""By code of an operator the beginning of numbers, digits, that is asked the same for those ported to it."""

Price = tuple[Decimal, Decimal]
"""Roubles a minute, and roubles an answered call."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """Orders of some trunks.

    Args: trunks: as they are written. prices: by trunk and prefix, digits. orders: by prefix, digits,
    sorted; only where the order isn't that of the next shorter prefix; the empty one: of all others.
    routes: by trunk. ported: orders by code of an operator that has ported numbers, sorted.
    """

    trunks: Order
    prices: Mapping[str, Mapping[str, Price]]
    orders: Mapping[str, Order]
    routes: Mapping[str, Routes] = field(default_factory=dict)
    ported: Mapping[str, Order] = field(default_factory=dict)

    def prefix_of(self, number: str) -> str:
        """The longest prefix that an order is known of. Args: number: E.164."""
        digits = number.removeprefix("+")
        return next(digits[:n] for n in range(len(digits), -1, -1) if digits[:n] in self.orders)

    def code_of(self, codes: Sequence[str]) -> str:
        """The first of a number's codes that a trunk has a route for; empty: the number itself decides."""
        return next((code for code in codes if code in self.ported), "")

    def order_of(self, number: str, code: str = "") -> Order:
        """The trunks, the first to be tried first. Args: number: E.164. code: see `code_of`."""
        return self.ported[code] if code else self.orders[self.prefix_of(number)]

    def price_of(self, trunk: str, number: str, code: str = "") -> Price | None:
        """What the operator asks; None: it has no price. Args: as those of `order_of`."""
        digits = self.routes[trunk].get(code, "") if code else number.removeprefix("+")
        return _price(self.prices[trunk], digits)

    def distinct_of(self, number: str) -> tuple[Order, ...]:
        """Those that come up for one number, whoever has it, sorted. Args: number: E.164."""
        return tuple(sorted({self.order_of(number), *self.ported.values()}))

    @property
    def distinct(self) -> tuple[Order, ...]:
        """Every order that comes up, sorted."""
        return tuple(sorted({*self.orders.values(), *self.ported.values()}))


def cost_table(
    trunks: Sequence[str], decks: Mapping[str, Deck], routes: Mapping[str, Routes] | None = None
) -> CostTable:
    """The order for every number. Args: decks: by trunk; one without a deck comes last. routes: by trunk.

    Rule: docs/trunks.md: by the price a minute, then by that of an answered call, then by name.
    """
    prices: dict[str, Mapping[str, Price]] = {
        trunk: {rate.prefix: (rate.price, rate.connect_fee) for rate in decks[trunk].rates}
        if trunk in decks
        else {}
        for trunk in trunks
    }
    orders: dict[str, Order] = {}
    for prefix in sorted({"", *(prefix for each in prices.values() for prefix in each)}):
        order = tuple(sorted(trunks, key=lambda trunk: _rank(trunk, _price(prices[trunk], prefix))))
        above = next((orders[prefix[:n]] for n in range(len(prefix), -1, -1) if prefix[:n] in orders), None)
        if order != above:
            orders[prefix] = order
    ways = {trunk: dict((routes or {}).get(trunk, {})) for trunk in trunks}
    ported = {
        code: tuple(
            sorted(trunks, key=lambda trunk: _rank(trunk, _price(prices[trunk], ways[trunk].get(code, ""))))
        )
        for code in sorted({code for each in ways.values() for code in each})
    }
    return CostTable(tuple(trunks), prices, orders, ways, ported)


def _rank(trunk: str, price: Price | None) -> tuple[bool, Price, str]:
    return price is None, price or (Decimal(0), Decimal(0)), trunk


def _price(prices: Mapping[str, Price], digits: str) -> Price | None:
    return next((prices[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in prices), None)
