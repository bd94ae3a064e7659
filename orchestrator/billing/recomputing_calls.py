"""Charges computed again from what the ledger kept of them, by the code that charged them.

Rule: docs/decisions.md, decisions 6 (VAT by date), 7 (minutes) and 12 (money).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.billing.rating import CallCost, call_cost
from orchestrator.model.tariff import Rate, Tariff

Facts = Mapping[str, Any]
"""An entry's facts, as `storage.ledger` writes them."""

_SECOND_US = 1_000_000


def can_compute_call(facts: Facts) -> bool:
    """Whether a call's entry has the rate that priced it; earlier vpbx posted calls without."""
    return "rate" in facts


class CallTerms:
    """What a tariff's terms say of calls: which tariff and deck, and by date their version and VAT."""

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._by_days: dict[tuple[date, date], tuple[str, ...]] = {}

    def on(self, answered_on: date, ended_on: date) -> tuple[str, ...]:
        """Tariff, its version, deck, its version, VAT percent and mode, of local dates."""
        days = (answered_on, ended_on)
        if days not in self._by_days:
            tariff = self._tariff
            self._by_days[days] = (
                tariff.slug,
                tariff.prices_on(answered_on).version,
                tariff.deck.name,
                tariff.deck.version,
                str(tariff.vat_percent(ended_on)),
                tariff.vat_mode,
            )
        return self._by_days[days]


class CallAgain(NamedTuple):
    """What of a call charge is computed, by the names that the ledger has for it."""

    amount_kop: int
    vat_kop: int
    duration_s: int
    billable_s: int
    day: str
    working: str
    tariff: str
    tariff_version: str
    deck: str
    deck_version: str
    vat_percent: str
    vat_mode: str


_of_facts = itemgetter(*CallAgain._fields[1:])
_of_rate = itemgetter("price", "increment_s", "minimum_s", "free_below_s", "connect_fee")


def call_as_posted(amount_kop: int, facts: Facts) -> CallAgain:
    """What the ledger says of a call charge. Raises: KeyError: the facts are not those of one."""
    return CallAgain(amount_kop, *_of_facts(facts))


def call_again(ended_us: int, facts: Facts, terms: CallTerms) -> CallAgain:
    """A call charge computed from its times, the rate that is kept with it, and the tariff's terms.

    Args: ended_us: microseconds since 1970 UTC. terms: those under `facts["tariff_digest"]`.
    Raises: KeyError, ValueError, ArithmeticError, TypeError: the facts are not those of a call charge.
    """
    rate, answered_us, zone = facts["rate"], facts["answered_at"], ZoneInfo(facts["time_zone"])
    duration_s = max(1, (ended_us - answered_us) // _SECOND_US)
    answered_on = datetime.fromtimestamp(answered_us // _SECOND_US, zone).date()
    ended_on = datetime.fromtimestamp(ended_us // _SECOND_US, zone).date()
    applied = terms.on(answered_on, ended_on)
    included_s = facts["included"]["quantity"] if "included" in facts else 0
    cost = _cost(duration_s, *_of_rate(rate), *applied[-2:], included_s)
    return CallAgain(
        cost.amount_kop,
        cost.vat_kop,
        duration_s,
        cost.billable_s,
        ended_on.isoformat(),
        cost.working,
        *applied,
    )


@lru_cache(maxsize=1 << 15)
def _cost(
    duration_s: int,
    price: str,
    increment_s: int,
    minimum_s: int,
    free_below_s: int,
    connect_fee: str,
    vat_percent: str,
    vat_mode: str,
    included_s: int,
) -> CallCost:
    rate = Rate("", "", Decimal(price), date.min, increment_s, minimum_s, free_below_s, Decimal(connect_fee))
    return call_cost(duration_s, rate, Decimal(vat_percent), vat_mode, included_s)
