"""Credit control: whatever calls, payments, charges and crashes do, a tenant owes no more than it may.

`make proof-credit` runs hundreds of such sequences; here are some.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations

from credit_machine import BEGIN, DEFINITIONS, TENANT, ZONE, CreditMachine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.billing.credit import CallPrice, Purse, Reservation, held_kop
from orchestrator.billing.rating import call_cost
from orchestrator.model.tariff import Portion, Rate

TestCredit = CreditMachine.TestCase
TestCredit.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def call_of(rate: Rate, seconds: int, allowance: Portion | None) -> Reservation:
    tariff = DEFINITIONS.tariffs["master"]
    price = CallPrice((rate,), tariff, ZONE, BEGIN, allowance)
    return Reservation(TENANT, f"{rate.prefix}-{seconds}", price, seconds, BEGIN, BEGIN)


RATES = st.builds(
    Rate,
    prefix=st.just("7"),
    destination=st.just("RU"),
    price=st.decimals(0, 60, places=2),
    starts_on=st.just(date(2026, 1, 1)),
    increment_s=st.sampled_from([1, 6, 60]),
    minimum_s=st.sampled_from([0, 30]),
    free_below_s=st.sampled_from([0, 5]),
    connect_fee=st.sampled_from([Decimal(0), Decimal(5)]),
)
WHOLE = Portion("minutes", date(2026, 11, 1), 6000)


@settings(deadline=None, max_examples=150)
@given(
    talks=st.lists(st.tuples(RATES, st.integers(1, 200), st.booleans()), min_size=1, max_size=4),
    left_s=st.integers(0, 500),
)
def test_what_calls_hold_covers_them_in_whatever_order_they_are_charged(
    talks: list[tuple[Rate, int, bool]], left_s: int
) -> None:
    calls = [call_of(rate, seconds, WHOLE if covered else None) for rate, seconds, covered in talks]
    held = held_kop(calls, lambda _whole: left_s)
    for order in permutations(zip(calls, talks, strict=True)):
        left, charged_kop = left_s, 0
        for call, (rate, seconds, covered) in order:
            tariff = call.price.tariff
            percent = tariff.vat_percent(BEGIN.date())
            cost = call_cost(seconds, rate, percent, tariff.vat_mode, left if covered else 0)
            charged_kop += cost.amount_kop
            left -= cost.included_s
        assert charged_kop <= held


@settings(deadline=None, max_examples=150)
@given(
    rate=RATES,
    others=st.lists(RATES, max_size=3),
    spendable=st.integers(0, 8000),
    slice_s=st.integers(10, 200),
)
def test_a_call_is_granted_whole_increments_and_the_next_one_would_be_too_much(
    rate: Rate, others: list[Rate], spendable: int, slice_s: int
) -> None:
    beside = [call_of(each, 60, None) for each in others]
    purse, call = Purse(spendable, lambda _whole: 0), call_of(rate, 0, None)
    granted_s = purse.granted_s(call, beside, slice_s, 36_000)
    slice_s = -(-slice_s // rate.increment_s) * rate.increment_s
    assert granted_s % rate.increment_s == 0 and granted_s <= slice_s
    held = held_kop([*beside, replace(call, granted_s=granted_s)], purse.left)
    assert granted_s == 0 or held <= spendable or held == held_kop(beside, purse.left)
    if granted_s < slice_s:
        more = held_kop([*beside, replace(call, granted_s=granted_s + rate.increment_s)], purse.left)
        assert more > spendable
