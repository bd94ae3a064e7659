"""What holds for the price of every call."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from recorded_calls import tariff

from orchestrator.billing.rating import billable_seconds, compile_deck, compile_tariff, rate
from orchestrator.errors import NoRate
from orchestrator.model.call import Charge, ChargeKey, Systemname, Usage
from orchestrator.model.tariff import Deck, Rate

ANSWER = datetime(2026, 9, 22, 9, 0, tzinfo=UTC)
prices = st.decimals(min_value=0, max_value=500, places=4)
rates = st.builds(
    Rate,
    prefix=st.just("7"),
    destination=st.just("RU"),
    price=prices,
    starts_on=st.just(date(2026, 1, 1)),
    increment_s=st.integers(1, 600),
    minimum_s=st.integers(0, 600),
    free_below_s=st.integers(0, 60),
    connect_fee=prices,
)
lengths = st.integers(0, 20_000)


def charged(talk_s: float, one: Rate, vat_mode: str = "inside") -> Charge:
    key = ChargeKey(Systemname("s1"), "s1-1.1", "call")
    end = ANSWER + timedelta(seconds=talk_s)
    usage = Usage(key, "acme", "s1-1.0", "out", "", "+74957654321", ANSWER, end)
    return rate(usage, compile_tariff(tariff(one, vat_mode=vat_mode)), UTC)


@given(lengths, lengths, rates, st.sampled_from(["inside", "on_top"]))
def test_cost_never_falls_as_a_call_gets_longer(one: int, other: int, price: Rate, vat_mode: str) -> None:
    shorter, longer = sorted((one, other))
    assert charged(shorter, price, vat_mode).amount_kop <= charged(longer, price, vat_mode).amount_kop


@given(lengths, rates)
def test_the_billable_length_is_whole_increments_and_never_short(talk_s: int, price: Rate) -> None:
    billable = billable_seconds(talk_s, price)
    if talk_s < price.free_below_s:
        assert billable == 0
    else:
        least = max(talk_s, price.minimum_s)
        assert billable % price.increment_s == 0
        assert least <= billable < least + price.increment_s


@given(lengths, rates)
def test_the_sum_is_within_half_a_kopeck_of_the_exact_price(talk_s: int, price: Rate) -> None:
    charge = charged(talk_s, price)
    if charge.billable_s:
        exact = Fraction(price.price) * charge.billable_s / 60 + Fraction(price.connect_fee)
        assert abs(charge.amount_kop - exact * 100) <= Fraction(1, 2)


@given(lengths, rates)
def test_vat_on_top_leaves_the_net_as_it_was_inside_takes_it_out_of_the_sum(talk_s: int, price: Rate) -> None:
    inside, on_top = charged(talk_s, price), charged(talk_s, price, "on_top")
    assert on_top.amount_kop - on_top.vat_kop == inside.amount_kop
    assert 0 <= inside.vat_kop <= inside.amount_kop


prefixes = st.text("0123456789", min_size=1, max_size=6)


@given(
    st.lists(st.tuples(prefixes, st.integers(0, 400)), max_size=30),
    st.text("0123456789", min_size=1, max_size=8),
    st.integers(0, 400),
)
def test_the_look_up_agrees_with_a_search_through_the_whole_deck(
    entries: list[tuple[str, int]], digits: str, at: int
) -> None:
    begin = date(2026, 1, 1)
    deck = Deck(
        "d", "1", tuple(Rate(prefix, prefix, Decimal(1), begin + timedelta(days=d)) for prefix, d in entries)
    )
    day = begin + timedelta(days=at)
    fitting = [one for one in deck.rates if digits.startswith(one.prefix) and one.starts_on <= day]
    best = max(fitting, key=lambda one: (len(one.prefix), one.starts_on), default=None)
    try:
        found = compile_deck(deck).rate_of(f"+{digits}", day)
    except NoRate:
        found = None
    assert found == best
