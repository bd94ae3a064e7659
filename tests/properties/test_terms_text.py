"""A tariff's terms as text: any tariff comes back whole, and only other terms have another digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.billing.terms_text import tariff_from_terms, tariff_state, terms_text
from orchestrator.model.problem import Position
from orchestrator.model.tariff import (
    BillingCycle,
    Deck,
    IncludedMinutes,
    Option,
    Prices,
    Rate,
    Tariff,
    Tier,
    Trial,
    VatRate,
)

_texts = st.text(max_size=12)
_slugs = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
_money = st.decimals(0, 10_000, places=2)
_rates = st.builds(
    Rate,
    _texts,
    _texts,
    _money,
    st.dates(),
    st.integers(1, 90),
    st.integers(0, 90),
    st.integers(0, 9),
    _money,
)
_prices = st.builds(
    Prices,
    _texts,
    st.dates(),
    _money,
    st.lists(st.builds(Tier, st.integers(1, 99), _money), max_size=3).map(tuple),
    st.dictionaries(_slugs, _money, max_size=3),
    _money,
    _rates,
    st.none()
    | st.builds(
        IncludedMinutes, st.integers(0, 900), st.lists(st.sampled_from("1247"), max_size=3).map(tuple)
    ),
    st.integers(0, 99),
)
_options = st.dictionaries(
    _slugs, st.tuples(_texts, st.lists(_slugs, max_size=2), st.booleans()), max_size=3
).map(
    lambda found: {
        slug: Option(slug, {"ru": title}, tuple(unlocks), 1, counted)
        for slug, (title, unlocks, counted) in found.items()
    }
)
tariffs = st.builds(
    Tariff,
    slug=_slugs,
    prices=st.lists(_prices, min_size=1, max_size=3).map(tuple),
    title=st.dictionaries(_slugs, _texts, max_size=2),
    currency=_texts,
    included_employees=st.integers(0, 99),
    lines_per_seat=st.integers(1, 9),
    options=_options,
    deck=st.builds(Deck, _texts, _texts, st.just(())),
    vat=st.lists(st.builds(VatRate, st.dates(), _money), max_size=3).map(tuple),
    vat_mode=st.sampled_from(("inside", "on_top")),
    internal_calls_use_lines=st.booleans(),
    trial=st.builds(Trial, st.integers(0, 30), st.sampled_from(("free", "charged"))),
    cycle=st.builds(BillingCycle, st.integers(0, 12), st.integers(0, 60), st.integers(0, 31)),
    support_percent=_money,
    sms_segmentation=st.sampled_from(("as_sent", "per_70")),
    kept_days=st.integers(0, 400),
    includes=st.lists(_slugs, max_size=3).map(tuple),
)


@given(tariffs)
def test_a_tariff_comes_back_from_its_terms(tariff: Tariff) -> None:
    text = terms_text(tariff)
    assert tariff_from_terms(text) == tariff
    assert terms_text(tariff_from_terms(text)) == text


@given(tariffs)
def test_what_charges_nobody_is_not_in_the_terms(tariff: Tariff) -> None:
    rate = Rate("7495", "Moscow", Decimal(1), date(2026, 1, 1))
    same = replace(tariff, position=Position("other.yaml", 9), deck=replace(tariff.deck, rates=(rate,)))
    assert tariff_state(same) == tariff_state(tariff)


@given(tariffs, st.data())
def test_other_terms_have_another_digest(tariff: Tariff, data: st.DataObject) -> None:
    other = data.draw(tariffs)
    assert (tariff_state(other).digest == tariff_state(tariff).digest) == (other == tariff)
