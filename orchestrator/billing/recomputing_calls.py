"""Charges computed again from what the ledger kept of them, by the code that charged them.

Rule: docs/decisions.md, decisions 6 (VAT by date), 7 (minutes) and 12 (money).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.billing.rating import CallCost, price_call
from orchestrator.model.tariff import Rate

Facts = Mapping[str, Any]
"""An entry's facts, as `storage.ledger` writes them."""

_SECOND_US = 1_000_000


def can_compute_call(facts: Facts) -> bool:
    """Whether a call's entry has the rate that priced it; entries of vpbx 0.1's first ledgers have none."""
    return "rate" in facts


class CallAgain(NamedTuple):
    """What of a call charge is computed, by the names that the ledger has for it."""

    amount_kop: int
    vat_kop: int
    duration_s: int
    billable_s: int
    day: str
    working: str


def call_as_posted(amount_kop: int, facts: Facts) -> CallAgain:
    """What the ledger says of a call charge. Raises: KeyError: the facts are not those of one."""
    return CallAgain(
        amount_kop,
        facts["vat_kop"],
        facts["duration_s"],
        facts["billable_s"],
        facts["day"],
        facts["working"],
    )


def call_again(ended_us: int, facts: Facts) -> CallAgain:
    """A call charge computed from its times and the rate that is kept with it.

    Args: ended_us: microseconds since 1970 UTC.
    Raises: KeyError, ValueError, ArithmeticError, TypeError: the facts are not those of a call charge.
    """
    rate = facts["rate"]
    duration_s = max(1, (ended_us - facts["answered_at"]) // _SECOND_US)
    cost = _cost(
        duration_s,
        rate["price"],
        rate["increment_s"],
        rate["minimum_s"],
        rate["free_below_s"],
        rate["connect_fee"],
        facts["vat_percent"],
        facts["vat_mode"],
    )
    ended = datetime.fromtimestamp(ended_us // _SECOND_US, ZoneInfo(facts["time_zone"]))
    return CallAgain(
        cost.amount_kop, cost.vat_kop, duration_s, cost.billable_s, ended.date().isoformat(), cost.working
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
) -> CallCost:
    rate = Rate("", "", Decimal(price), date.min, increment_s, minimum_s, free_below_s, Decimal(connect_fee))
    return price_call(duration_s, rate, Decimal(vat_percent), vat_mode)
