"""In which order trunks are tried for a number: the cheapest first, by what operators ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.model.tariff import Deck

LEAST_COST, AS_WRITTEN = "least_cost", "as_written"
Order = tuple[str, ...]
Price = tuple[Decimal, Decimal]
"""Roubles a minute, and roubles an answered call."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """Orders of some trunks.

    Args: trunks: as they are written. prices: by trunk and prefix, digits. orders: by prefix, digits,
    sorted; only where the order isn't that of the next shorter prefix; the empty one: of all others.
    """

    trunks: Order
    prices: Mapping[str, Mapping[str, Price]]
    orders: Mapping[str, Order]

    def prefix_of(self, number: str) -> str:
        """The longest prefix that an order is known of. Args: number: E.164."""
        digits = number.removeprefix("+")
        return next(digits[:n] for n in range(len(digits), -1, -1) if digits[:n] in self.orders)

    def order_of(self, number: str) -> Order:
        """The trunks, the first to be tried first. Args: number: E.164."""
        return self.orders[self.prefix_of(number)]

    def price_of(self, trunk: str, number: str) -> Price | None:
        """What the operator asks; None: it has no price. Args: number: E.164."""
        return _price(self.prices[trunk], number.removeprefix("+"))

    @property
    def distinct(self) -> tuple[Order, ...]:
        """Every order that comes up, sorted."""
        return tuple(sorted(set(self.orders.values())))


def cost_table(trunks: Sequence[str], decks: Mapping[str, Deck]) -> CostTable:
    """The order for every number. Args: decks: by trunk; one without a deck comes last.

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
    return CostTable(tuple(trunks), prices, orders)


def _rank(trunk: str, price: Price | None) -> tuple[bool, Price, str]:
    return price is None, price or (Decimal(0), Decimal(0)), trunk


def _price(prices: Mapping[str, Price], digits: str) -> Price | None:
    return next((prices[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in prices), None)
