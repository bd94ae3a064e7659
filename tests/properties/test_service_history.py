"""Any history of a tenant's service, against a model that walks every day; and what must hold of the
charges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_billing import Line
from service_histories import History, busy_histories, histories

from orchestrator.billing.forecast import forecast
from orchestrator.billing.rating import compile_deck
from orchestrator.errors import ScenarioRefused
from orchestrator.model.scenario import Scenario
from orchestrator.model.service import CALL, EXTRA_EMPLOYEES, OPTION, SMS, SUBSCRIPTION, ServiceCharge

FEW = settings(max_examples=40)
"""For the inner loop; a history is long, and the model walks each of its days."""


def computed(history: History, scenario: Scenario) -> tuple[ServiceCharge, ...]:
    tariff = history.tariff()
    return forecast(scenario, tariff, compile_deck(tariff.deck))


def as_line(charge: ServiceCharge) -> Line:
    period = None
    if charge.period_from is not None and charge.period_to is not None:
        period = (charge.period_from, charge.period_to)
    return Line(
        day=charge.day,
        kind=charge.kind,
        item=charge.item,
        quantity=charge.quantity,
        amount_kop=charge.amount_kop,
        licence_kop=charge.licence_kop,
        support_kop=charge.support_kop,
        vat_kop=charge.vat_kop,
        period=period,
    )


def valid(history: History) -> Scenario:
    """The history without what is refused, as the naive model says."""
    return history.scenario(without=history.books().play(history.events, history.until))


@FEW
@given(st.one_of(histories, busy_histories))
def test_every_charge_is_the_one_of_the_model_that_walks_every_day(history: History) -> None:
    books = history.books()
    refused = books.play(history.events, history.until)
    assert [as_line(charge) for charge in computed(history, history.scenario(without=refused))] == books.lines


@FEW
@given(histories)
def test_what_the_model_refuses_is_refused_and_nothing_else(history: History) -> None:
    refused = history.books().play(history.events, history.until)
    try:
        computed(history, history.scenario())
    except ScenarioRefused as stopped:
        assert refused
        assert stopped.position.line == refused[0] + 1
    else:
        assert refused == []


@FEW
@given(histories)
def test_an_amount_is_licence_and_support_or_a_net_sum_and_vat(history: History) -> None:
    for charge in computed(history, valid(history)):
        assert 0 <= charge.vat_kop <= charge.amount_kop
        assert charge.vat_kop < charge.amount_kop or charge.taken
        if charge.kind in (SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION):
            assert charge.amount_kop == charge.licence_kop + charge.support_kop
            assert charge.vat_kop <= charge.support_kop
        else:
            assert (charge.licence_kop, charge.support_kop) == (0, 0)


@FEW
@given(busy_histories)
def test_no_use_is_dearer_for_what_is_included_and_no_more_is_taken_than_that(history: History) -> None:
    scenario = valid(history)
    including = [charge for charge in computed(history, scenario) if charge.kind in (SMS, CALL)]
    taken: dict[tuple[str, date], int] = {}
    for charge in including:
        if charge.taken is not None:
            key = (charge.taken.allowance, charge.taken.period_from)
            taken[key] = taken.get(key, 0) + charge.taken.quantity
    tariff = history.tariff()
    for (allowance, begun), quantity in taken.items():
        prices = tariff.prices_on(begun)
        minutes = prices.included_minutes.quantity if prices.included_minutes else 0
        assert quantity <= (minutes * 60 if allowance == "minutes" else prices.included_sms)
    for _, prices in history.plan.prices:
        prices.update(minutes=(0, ()), segments=0)
    without = [charge for charge in computed(history, scenario) if charge.kind in (SMS, CALL)]
    assert [charge.at for charge in including] == [charge.at for charge in without]
    for with_it, alone in zip(including, without, strict=True):
        assert with_it.amount_kop <= alone.amount_kop


@FEW
@given(histories)
def test_a_longer_forecast_begins_with_the_shorter_one(history: History) -> None:
    scenario = valid(history)
    shorter = computed(history, scenario)
    longer = computed(history, replace(scenario, until=scenario.until + timedelta(days=200)))
    assert longer[: len(shorter)] == shorter


@FEW
@given(histories)
def test_no_option_costs_more_in_a_period_than_its_highest_quantity_at_its_full_price(
    history: History,
) -> None:
    """With one price throughout; each part is rounded, so each may be half a kopeck above."""
    plan = history.plan
    plan.prices = plan.prices[:1]
    plan.vat_mode = "inside"
    by_end: dict[tuple[str, object], list[ServiceCharge]] = {}
    for charge in computed(history, valid(history)):
        if charge.kind == OPTION:
            by_end.setdefault((charge.item, charge.period_to), []).append(charge)
    for (slug, _), charges in by_end.items():
        quantity = sum(charge.quantity for charge in charges)
        full_kop = quantity * int(Decimal(plan.prices[0][1]["options"][slug]) * 100)
        assert sum(charge.amount_kop for charge in charges) <= full_kop + len(charges) // 2


@FEW
@given(histories)
def test_subscriptions_tile_the_time_in_which_the_service_is_up(history: History) -> None:
    """Periods don't overlap, and between two of them the service was disconnected when the first one
    ended."""
    periods = [
        (charge.period_from, charge.period_to)
        for charge in computed(history, valid(history))
        if charge.kind == SUBSCRIPTION
    ]
    for (_, ended), (begun, _) in pairwise(periods):
        assert ended is not None
        assert begun is not None
        assert ended <= begun
        if ended < begun:
            assert any(what == "down" and at.date() <= ended for at, what, _ in history.events)
