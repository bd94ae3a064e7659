"""Rating: decisions 6, 7, 9 and 12."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from recorded_calls import tariff

from orchestrator.billing.rating import compile_deck, compile_tariff, rate
from orchestrator.errors import NoRate
from orchestrator.model.call import Charge, ChargeKey, Systemname, Usage
from orchestrator.model.tariff import Deck, Rate

MOSCOW = ZoneInfo("Europe/Moscow")
YEAR = date(2026, 1, 1)


def charged(
    talk_s: float,
    *rates: Rate,
    to: str = "+74957654321",
    answer: datetime = datetime(2026, 9, 22, 9, 0, tzinfo=UTC),
    vat_mode: str = "inside",
) -> Charge:
    key = ChargeKey(Systemname("s1"), "s1-1.1", "call")
    end = answer + timedelta(seconds=talk_s)
    usage = Usage(key, "acme", "s1-1.0", "out", "+74951110000", to, answer, end)
    return rate(usage, compile_tariff(tariff(*rates, vat_mode=vat_mode)), MOSCOW)


@pytest.mark.parametrize(
    ("talk_s", "billable_s", "amount_kop"),
    [
        (0, 60, 230),
        (0.4, 60, 230),
        (1, 60, 230),
        (60, 60, 230),
        (60.99, 60, 230),
        (61, 120, 460),
        (600, 600, 2300),
    ],
)
def test_each_started_minute_counts_whole(talk_s: float, billable_s: int, amount_kop: int) -> None:
    charge = charged(talk_s)
    assert (charge.billable_s, charge.amount_kop) == (billable_s, amount_kop)


def test_an_answered_call_lasts_at_least_one_second() -> None:
    assert charged(0.2).duration_s == 1


def test_a_call_by_the_second_with_minimum_and_fee_shows_its_working() -> None:
    each_second = Rate("7", "RU", Decimal("1.00"), YEAR, 1, minimum_s=30, connect_fee=Decimal("0.50"))
    assert charged(10, each_second).working == (
        "10 s, at least 30 s: 30 x 1 s x 1.00/min + 0.50 connect fee = 1.00"
    )
    assert charged(45, each_second).amount_kop == 125


def test_the_sum_is_rounded_half_up_once() -> None:
    # 1 s x 0.30/min = 0.005: half a kopeck.
    assert charged(1, Rate("7", "RU", Decimal("0.30"), YEAR, 1)).amount_kop == 1
    # 7 s x 1.00/min = 11.67 kopecks, not 7 x 1.67 rounded.
    assert charged(7, Rate("7", "RU", Decimal("1.00"), YEAR, 1)).amount_kop == 12


def test_a_call_below_the_free_length_costs_nothing_not_even_the_fee() -> None:
    generous = Rate("7", "RU", Decimal(2), YEAR, free_below_s=10, connect_fee=Decimal(1))
    free = charged(9, generous)
    assert (free.amount_kop, free.vat_kop, free.billable_s, free.working) == (0, 0, 0, "9 s < 10 s: free")
    assert charged(10, generous).amount_kop == 300


def test_vat_is_inside_the_amount_or_on_top_of_it() -> None:
    inside, on_top = charged(60), charged(60, vat_mode="on_top")
    assert (inside.amount_kop, inside.vat_kop) == (230, 41)
    assert (on_top.amount_kop, on_top.vat_kop) == (281, 51)
    assert on_top.working == "1 x 60 s x 2.30/min = 2.30 + VAT 22% 0.51 = 2.81"


def test_vat_is_of_the_local_date_of_hangup_and_the_rate_of_the_answer() -> None:
    # Answered 31 December 23:59 in Moscow, ended 1 January.
    new_year = datetime(2025, 12, 31, 20, 59, tzinfo=UTC)
    old = Rate("7", "RU", Decimal(1), date(2025, 1, 1))
    dearer = Rate("7", "RU", Decimal(9), YEAR)
    charge = charged(61, old, dearer, answer=new_year)
    assert (charge.amount_kop, charge.vat_percent, charge.day) == (200, Decimal(22), YEAR)
    assert charged(59, old, dearer, answer=new_year).vat_percent == Decimal(20)


def test_the_longest_prefix_in_force_prices_the_call() -> None:
    deck = compile_deck(
        Deck(
            "d",
            "1",
            (
                Rate("7", "RU", Decimal(3), YEAR),
                Rate("7495", "Moscow", Decimal(2), YEAR),
                Rate("7495765", "Special", Decimal(1), date(2026, 6, 1)),
            ),
        )
    )
    assert deck.rate_of("+74957654321", date(2026, 5, 31)).destination == "Moscow"
    assert deck.rate_of("+74957654321", date(2026, 6, 1)).destination == "Special"
    assert deck.rate_of("+74997654321", date(2026, 6, 1)).destination == "RU"


def test_a_number_without_prefix_is_an_error_that_does_not_tell_the_number() -> None:
    with pytest.raises(NoRate) as caught:
        charged(60, to="+4930123456")
    assert "4930..." in caught.value.message
    assert "4930123456" not in caught.value.message
