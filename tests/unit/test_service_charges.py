"""A tenant's recurring charges and usage, each sum worked by hand. Rule: decisions 3 to 8 and 11."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator.billing.forecast import forecast
from orchestrator.billing.periods import Period, anchor, period
from orchestrator.billing.rating import compile_deck
from orchestrator.billing.sms import segments
from orchestrator.billing.tax import of_recurring
from orchestrator.definitions.imagined import read_imagined
from orchestrator.errors import ScenarioRefused
from orchestrator.model.scenario import Scenario, ScenarioEvent
from orchestrator.model.service import (
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceCharge,
    ServiceDisconnected,
    ServiceEvent,
    ServiceRestored,
    SmsSent,
    UsageEvent,
)
from orchestrator.model.tariff import BillingCycle, Tariff, Tier, Trial, VatRate

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "examples" / "scenarios" / "first-months.yaml"
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture(scope="module")
def master() -> Tariff:
    """The tariff of the price list."""
    imagined, problems = read_imagined(SCENARIO, ROOT / "examples", None)
    assert imagined is not None, problems
    return imagined.tariff


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW).astimezone(UTC)


def charges(
    tariff: Tariff,
    activated_at: str,
    *events: tuple[str, ServiceEvent | UsageEvent],
    until: str,
    employees: int = 7,
    options: Mapping[str, int] | None = None,
) -> tuple[ServiceCharge, ...]:
    happened = tuple(ScenarioEvent(local(at), what) for at, what in events)
    scenario = Scenario(
        tariff=tariff.slug,
        employees=employees,
        options=options or {},
        time_zone="Europe/Moscow",
        activated_at=local(activated_at),
        events=happened,
        until=date.fromisoformat(until),
    )
    return forecast(scenario, tariff, compile_deck(tariff.deck))


def shown(made: tuple[ServiceCharge, ...]) -> list[tuple[str, str, int, int]]:
    """Day, what for, how many, kopecks."""
    return [
        (charge.day.isoformat(), charge.item or charge.kind, charge.quantity, charge.amount_kop)
        for charge in made
    ]


def test_the_first_charge_is_made_when_seven_days_of_24_hours_are_over(master: Tariff) -> None:
    """24 January 10:00 and 7 x 24 hours is 31 January 10:00; then 28 February and 31 March, at 00:00."""
    made = charges(master, "2026-01-24 10:00", until="2026-04-01")
    assert [charge.at for charge in made] == [
        local("2026-01-31 10:00"),
        local("2026-02-28 00:00"),
        local("2026-03-31 00:00"),
    ]
    assert [charge.amount_kop for charge in made] == [100_000] * 3


@pytest.mark.parametrize(
    ("first", "following"),
    [
        ("2026-01-29", ["2026-02-28", "2026-03-29", "2026-04-29"]),
        ("2026-01-30", ["2026-02-28", "2026-03-30", "2026-04-30"]),
        ("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-31", ["2028-02-29", "2028-03-31"]),
        ("2028-02-29", ["2028-03-29", "2028-04-29"]),
        ("2026-10-31", ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]),
    ],
)
def test_an_anchor_falls_on_its_day_or_the_months_last(first: str, following: list[str]) -> None:
    """From a calendar of paper:

    February has 28 days, 29 in 2028; April, June, September, November have 30.
    """
    found = [
        anchor(date.fromisoformat(first), number, BillingCycle()) for number in range(1, len(following) + 1)
    ]
    assert [day.isoformat() for day in found] == following


def test_a_leap_days_anchor_comes_back_in_the_next_leap_year() -> None:
    """48 months after 29 February 2028 is 29 February 2032; 12 after it is 28 February 2029."""
    first = date(2028, 2, 29)
    assert anchor(first, 12, BillingCycle()) == date(2029, 2, 28)
    assert anchor(first, 48, BillingCycle()) == date(2032, 2, 29)


def test_another_operators_cycle_is_data(master: Tariff) -> None:
    """On the 1st: 31 January to 1 February is 1 of January's 31 days:

    1000.00 / 31 = 32.26. Every 30 days: 2 March.
    """
    first_of_month = replace(master, cycle=BillingCycle(anchor_day=1))
    assert shown(charges(first_of_month, "2026-01-24 10:00", until="2026-03-02")) == [
        ("2026-01-31", "master", 1, 3_226),
        ("2026-02-01", "master", 1, 100_000),
        ("2026-03-01", "master", 1, 100_000),
    ]
    thirty_days = replace(master, cycle=BillingCycle(months=0, days=30))
    made = charges(thirty_days, "2026-01-24 10:00", until="2026-03-05")
    assert [charge.day for charge in made] == [date(2026, 1, 31), date(2026, 3, 2)]
    assert period(date(2026, 1, 1), 0, BillingCycle(anchor_day=1)) == Period(
        date(2026, 1, 1), date(2026, 2, 1), 31
    )


def test_without_a_trial_the_first_charge_is_made_at_the_activation(master: Tariff) -> None:
    made = charges(replace(master, trial=Trial(days=0)), "2026-03-05 12:00", until="2026-03-06")
    assert shown(made) == [("2026-03-05", "master", 1, 100_000)]


def test_an_option_is_prorated_at_its_connection_and_full_at_the_anchor(master: Tariff) -> None:
    """Period 31 January to 28 February: 28 days; from 10 February 18 are left: 500.00 x 18/28 = 321.43."""
    connected = ("2026-02-10 12:00", OptionConnected("analytics"))
    made = charges(master, "2026-01-24 10:00", connected, until="2026-03-01")
    assert shown(made)[1:] == [
        ("2026-02-10", "analytics", 1, 32_143),
        ("2026-02-28", "master", 1, 100_000),
        ("2026-02-28", "analytics", 1, 50_000),
    ]


def test_on_the_anchor_day_itself_an_option_costs_its_full_price(master: Tariff) -> None:
    """28 February 12:00: the charge of 00:00 has been made, 31 of 31 days are left."""
    connected = ("2026-02-28 12:00", OptionConnected("crm"))
    made = charges(master, "2026-01-24 10:00", connected, until="2026-03-01")
    assert shown(made)[1:] == [("2026-02-28", "master", 1, 100_000), ("2026-02-28", "crm", 1, 50_000)]


def test_what_was_paid_for_in_a_period_is_not_paid_twice(master: Tariff) -> None:
    """9 employees from 12 February: 2 x 200.00 x 16/28 = 228.57. Back to 7, up to 10: one more, 200.00 x 8/28
    = 57.14.

    At the anchor the 8 of that moment count: one, 200.00.
    """
    made = charges(
        master,
        "2026-01-24 10:00",
        ("2026-02-12 09:00", EmployeesChanged(9)),
        ("2026-02-15 09:00", EmployeesChanged(7)),
        ("2026-02-20 09:00", EmployeesChanged(10)),
        ("2026-02-21 09:00", EmployeesChanged(8)),
        ("2026-02-22 09:00", EmployeesChanged(9)),
        ("2026-02-23 09:00", EmployeesChanged(8)),
        until="2026-03-01",
    )
    assert shown(made)[1:] == [
        ("2026-02-12", "extra_employees", 2, 22_857),
        ("2026-02-20", "extra_employees", 1, 5_714),
        ("2026-02-28", "master", 1, 100_000),
        ("2026-02-28", "extra_employees", 1, 20_000),
    ]


def test_an_option_connected_again_in_its_period_is_free_and_disconnected_refunds_nothing(
    master: Tariff,
) -> None:
    made = charges(
        master,
        "2026-01-24 10:00",
        ("2026-02-10 12:00", OptionDisconnected("crm")),
        ("2026-02-20 12:00", OptionConnected("crm")),
        ("2026-02-21 12:00", OptionDisconnected("crm")),
        until="2026-03-01",
        options={"crm": 1},
    )
    assert shown(made) == [
        ("2026-01-31", "master", 1, 100_000),
        ("2026-01-31", "crm", 1, 50_000),
        ("2026-02-28", "master", 1, 100_000),
    ]


def test_a_counted_option_is_charged_by_the_piece(master: Tariff) -> None:
    """3 years at the anchor; from 1 to 3 on 14 February, 14 of 28 days left:

    2 x 1000.00 x 14/28 = 1000.00.
    """
    made = charges(
        master,
        "2026-01-24 10:00",
        ("2026-02-14 12:00", OptionConnected("storage_year", 3)),
        until="2026-03-01",
        options={"storage_year": 1},
    )
    assert shown(made)[1:] == [
        ("2026-01-31", "storage_year", 1, 100_000),
        ("2026-02-14", "storage_year", 2, 100_000),
        ("2026-02-28", "master", 1, 100_000),
        ("2026-02-28", "storage_year", 3, 300_000),
    ]


def test_extra_employees_get_cheaper_by_volume_steps(master: Tariff) -> None:
    """12 employees are 5 extra: 2 at 200.00 and 3, from the third on, at 150.00: 850.00."""
    steps = (Tier(1, Decimal(200)), Tier(3, Decimal(150)))
    cheaper = replace(master, prices=(replace(master.prices[0], employee=steps),))
    made = charges(cheaper, "2026-01-24 10:00", until="2026-02-01", employees=12)
    assert shown(made)[1:] == [("2026-01-31", "extra_employees", 5, 85_000)]
    assert made[1].rule == "decision 4: (2 x 200 + 3 x 150) = 850.00"


def test_a_trial_charges_usage_and_options_only_where_the_tariff_says_so(master: Tariff) -> None:
    """Charged: crm from 26 January to the trial's end on the 31st, 5 of 31 days: 500.00 x 5/31 = 80.65."""
    events = (
        ("2026-01-26 10:00", OptionConnected("crm")),
        ("2026-01-26 11:00", SmsSent("+79991234567", "да")),
        ("2026-01-26 12:00", EmployeesChanged(9)),
    )
    free = charges(master, "2026-01-24 10:00", *events, until="2026-01-31")
    assert shown(free) == [("2026-01-26", "sms", 1, 250)]
    charged = replace(master, trial=Trial(7, "charged"))
    made = charges(charged, "2026-01-24 10:00", *events, until="2026-01-31")
    assert shown(made) == [("2026-01-26", "crm", 1, 8_065), ("2026-01-26", "sms", 1, 250)]


def test_a_restore_within_what_is_paid_goes_on_and_later_starts_anew(master: Tariff) -> None:
    """Down on 5 February, back on the 20th:

    nothing, anchor 28 February. Down on 10 March, back on 2 May: all anew.
    """
    made = charges(
        master,
        "2026-01-24 10:00",
        ("2026-02-05 10:00", ServiceDisconnected()),
        ("2026-02-20 10:00", ServiceRestored()),
        ("2026-03-10 10:00", ServiceDisconnected()),
        ("2026-05-02 18:00", ServiceRestored()),
        until="2026-06-03",
        options={"crm": 1},
    )
    assert [charge.day.isoformat() for charge in made if charge.item == "crm"] == [
        "2026-01-31",
        "2026-02-28",
        "2026-05-02",
        "2026-06-02",
    ]
    assert made[4].at == local("2026-05-02 18:00")


def test_a_trial_goes_on_after_a_restore_inside_it_and_there_is_no_second_one(master: Tariff) -> None:
    inside = charges(
        master,
        "2026-01-24 10:00",
        ("2026-01-26 10:00", ServiceDisconnected()),
        ("2026-01-31 09:59", ServiceRestored()),
        until="2026-02-01",
    )
    assert [charge.at for charge in inside] == [local("2026-01-31 10:00")]
    after = charges(
        master,
        "2026-01-24 10:00",
        ("2026-01-26 10:00", ServiceDisconnected()),
        ("2026-01-31 10:00", ServiceRestored()),
        until="2026-02-01",
    )
    assert [charge.rule for charge in after] == ["decision 11: 1000.00 = 1000.00"]


@pytest.mark.parametrize(
    ("restored", "is_possible"), [("2026-05-09 23:59", True), ("2026-05-10 00:00", False)]
)
def test_data_is_kept_through_the_ninetieth_day(master: Tariff, restored: str, is_possible: bool) -> None:
    """Disconnected on 8 February:

    20 days are left of it, March 31 (51), April 30 (81), so 9 May is the 90th.
    """
    events = (("2026-02-08 12:00", ServiceDisconnected()), (restored, ServiceRestored()))
    if is_possible:
        assert charges(master, "2026-01-24 10:00", *events, until="2026-05-11")[-1].day == date(2026, 5, 9)
    else:
        with pytest.raises(ScenarioRefused) as refused:
            charges(master, "2026-01-24 10:00", *events, until="2026-05-11")
        assert refused.value.reason == "purged"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([OptionConnected("crm"), OptionConnected("crm")], "option-on"),
        ([OptionDisconnected("crm")], "option-off"),
        ([OptionConnected("cream")], "unknown-option"),
        ([OptionConnected("crm", 2)], "option-quantity"),
        ([ServiceRestored()], "not-disconnected"),
        ([ServiceDisconnected(), OptionConnected("crm")], "disconnected"),
        ([ServiceDisconnected(), EmployeesChanged(9)], "disconnected"),
        ([ServiceDisconnected(), SmsSent("+79991234567", "да")], "disconnected"),
        ([ServiceDisconnected(), ServiceDisconnected()], "disconnected"),
    ],
)
def test_what_cannot_happen_is_refused(
    master: Tariff, events: list[ServiceEvent | UsageEvent], reason: str
) -> None:
    with pytest.raises(ScenarioRefused) as refused:
        charges(
            master, "2026-01-24 10:00", *(("2026-02-01 10:00", what) for what in events), until="2026-03-01"
        )
    assert refused.value.reason == reason


def test_a_new_price_counts_from_its_date_and_old_periods_keep_theirs(master: Tariff) -> None:
    """1100.00 from 15 February:

    charged on 28 February; crm on the 20th costs the new 560.00 x 8/28 = 160.00.
    """
    first = master.prices[0]
    second = replace(
        first,
        version="2026-02",
        starts_on=date(2026, 2, 15),
        subscription=Decimal("1100.00"),
        options={**first.options, "crm": Decimal("560.00")},
    )
    dearer = replace(master, prices=(first, second))
    connected = ("2026-02-20 10:00", OptionConnected("crm"))
    made = charges(dearer, "2026-01-24 10:00", connected, until="2026-03-01")
    assert [(charge.amount_kop, charge.tariff_version) for charge in made] == [
        (100_000, "2026-01"),
        (16_000, "2026-02"),
        (110_000, "2026-02"),
        (56_000, "2026-02"),
    ]


def test_a_period_over_a_change_of_vat_has_each_days_rate(master: Tariff) -> None:
    """15 December 2025 to 15 January 2026, 31 days, 17 at 20% and 14 at 22%; support 10.00: 5.48 and 4.52.

    VAT 5.48 x 20/120 = 0.913, 0.91; 4.52 x 22/122 = 0.815, 0.82; in all 1.73. On top: 1.10 + 0.99 = 2.09.
    """
    span = date(2025, 12, 15), date(2026, 1, 15)
    inside = of_recurring(100_000, *span, master)
    assert (inside.licence_kop, inside.support_kop, inside.vat_kop) == (99_000, 1_000, 173)
    on_top = of_recurring(100_000, *span, replace(master, vat_mode="on_top"))
    assert (on_top.amount_kop, on_top.licence_kop, on_top.support_kop, on_top.vat_kop) == (
        100_209,
        99_000,
        1_209,
        209,
    )


def test_a_vat_rate_that_stays_the_same_on_a_listed_date_is_no_change(master: Tariff) -> None:
    """0.10 of support at 18%: 0.015; in two parts it would be 0.00 and 0.01."""
    rates = tuple(VatRate(date(2026, month, 1), Decimal(18)) for month in (1, 5))
    span = date(2026, 4, 29), date(2026, 5, 27)
    taxed = of_recurring(1_000, *span, replace(master, vat=rates))
    assert (taxed.support_kop, taxed.vat_kop, taxed.percents) == (10, 2, (Decimal(18),))


def test_three_vat_rates_in_one_period_leave_the_remainder_to_the_last(master: Tariff) -> None:
    """Support 1.00 over 3 days at 10, 20 and 30%: 0.33, 0.33 and the remaining 0.34."""
    rates = tuple(
        VatRate(date(2026, 5, day), Decimal(percent)) for day, percent in ((1, 10), (2, 20), (3, 30))
    )
    taxed = of_recurring(10_000, date(2026, 5, 1), date(2026, 5, 4), replace(master, vat=rates))
    assert (taxed.support_kop, taxed.vat_kop) == (100, 3 + 6 + 8)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # 2 septets each
        ("€" * 81, 2),
        ("€" * 152, 2),  # 76 pairs fill 152 of 153 septets
        ("€" * 153, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("😀" * 35, 1),  # 2 UTF-16 units each
        ("😀" * 36, 2),
        ("😀" * 66, 2),  # 33 pairs fill 66 of 67 units
        ("😀" * 67, 3),
        ("a" * 69 + "😀", 2),
        ("", 1),
    ],
)
def test_segments_are_those_the_network_sends(text: str, count: int) -> None:
    assert segments(text) == count


def test_segments_to_the_letter_of_the_price_list_are_seventy_characters() -> None:
    assert [segments("a" * length, "per_70") for length in (0, 1, 70, 71, 140, 141)] == [1, 1, 1, 2, 2, 3]
