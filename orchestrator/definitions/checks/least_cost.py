"""Checks of what operators ask, and of the orders that come of it: a switch holds so many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.definitions.document import Document, Written
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.model.least_cost import LEAST_COST, CostTable, Order, Routes, cost_table
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

MOST_PREFIXES, MOST_ORDERS = 20_000, 24


def purchase_decks(written: Written) -> dict[str, Deck]:
    """The deck of each trunk that has one, by trunk."""
    if written.platform is None:
        return {}
    trunks = written.platform.value.platform.trunks.values()
    return {each.name: written.decks[each.deck_file] for each in trunks if each.deck_file in written.decks}


def cost_tables(written: Written) -> Mapping[Order, CostTable]:
    """The table of each list of trunks that tenants try by cost."""
    decks = purchase_decks(written)
    lists = {each.value.trunks for each in written.tenants.values() if each.value.trunk_order == LEAST_COST}
    routes = {} if written.platform is None else _routes(written.platform.value.platform)
    return {trunks: cost_table(trunks, decks, routes) for trunks in sorted(lists)}


def _routes(platform: Platform) -> Mapping[str, Routes]:
    return {
        each.name: {code: prefix.removeprefix("+") for code, prefix in each.routes}
        for each in platform.trunks.values()
    }


def check_least_cost(written: Written) -> Iterator[Problem]:
    """Problems of purchase decks and of tenants that go by them."""
    decks = purchase_decks(written)
    if written.platform is not None:
        for name, deck in decks.items():
            twice = _priced_twice(deck)
            if twice:
                message = (
                    f"the deck has several rates of prefix {quoted(twice)}: what holds from when isn't known"
                )
                hint = "a trunk's deck has one rate for each prefix, that of today"
                yield written.platform.problem(("trunks", name, "deck"), "deck-dates", message, hint)
        yield from _check_routes(written.platform, decks)
    tables = cost_tables(written)
    for file in written.tenants.values():
        if file.value.trunk_order == LEAST_COST:
            yield from _check_tenant(file, decks, tables[file.value.trunks])


def _check_routes(file: Document[PlatformFile], decks: Mapping[str, Deck]) -> Iterator[Problem]:
    for trunk in file.value.platform.trunks.values():
        where = ("trunks", trunk.name, "routes")
        if trunk.routes and not trunk.deck_file:
            message = "the trunk has no deck: nothing says what is asked for ported numbers"
            yield file.problem(where, "routes-without-deck", message, "deck: decks/operator.csv")
        priced = {rate.prefix for rate in decks[trunk.name].rates} if trunk.name in decks else None
        for code, prefix in trunk.routes:
            digits = prefix.removeprefix("+")
            if (
                priced is not None
                and prefix
                and not any(digits[:n] in priced for n in range(1, len(digits) + 1))
            ):
                message = f"the deck has no price for numbers that begin with {prefix}"
                yield file.problem((*where, code), "route-without-price", message, "a prefix of the deck")


def _priced_twice(deck: Deck) -> str:
    seen: set[str] = set()
    for rate in deck.rates:
        if rate.prefix in seen:
            return rate.prefix
        seen.add(rate.prefix)
    return ""


def _check_tenant(file: Document[Tenant], decks: Mapping[str, Deck], table: CostTable) -> Iterator[Problem]:
    where = ("trunk_order",)
    if not any(trunk in decks for trunk in file.value.trunks):
        message = (
            f"none of the trunks {', '.join(file.value.trunks)} has a deck: nothing says which is cheapest"
        )
        hint = "deck: decks/operator.csv at the trunk in platform.yaml"
        yield file.problem(where, "least-cost-without-deck", message, hint)
    elif len(table.orders) + len(table.ported) > MOST_PREFIXES or len(table.distinct) > MOST_ORDERS:
        message = (
            f"its trunks' decks make {len(table.orders)} prefixes and {len(table.distinct)} orders of them"
        )
        hint = f"a switch holds {MOST_PREFIXES} prefixes and {MOST_ORDERS} orders: name fewer trunks"
        yield file.problem(where, "least-cost-too-many", message, hint)
