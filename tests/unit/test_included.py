"""What a subscription includes: taken once, given back, asked for only where there is some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from recorded_calls import BEGIN, SYSTEMNAME, Call, csv_bytes, definitions, switch_record, tariff
from sqlalchemy import event, text

from orchestrator.accounts import Tariffs, charge_usage, take_events
from orchestrator.billing.included import minutes_included, sms_included
from orchestrator.billing.periods import Period
from orchestrator.billing.rating import compile_tariff, price_length, rate
from orchestrator.billing.recomputing import facts_of, recomputed
from orchestrator.billing.recomputing_calls import CallTerms, call_again, call_as_posted
from orchestrator.model.account import Activated
from orchestrator.model.call import ChargeKey, Usage
from orchestrator.model.service import SmsSent
from orchestrator.model.tariff import IncludedMinutes, Portion, Rate, Tariff, Trial
from orchestrator.reconciliation import Report, reconcile
from orchestrator.storage.rows import micros
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

ACTIVATED_AT = BEGIN - timedelta(days=2)
PERIOD_FROM = date(2026, 9, 21)
NOW = BEGIN + timedelta(hours=2)
EACH_MINUTE = Rate("7", "RU", Decimal("2.30"), date(2026, 1, 1))
SPAN = Period(date(2026, 9, 21), date(2026, 10, 21), 30)


def plan(minutes: int = 3, sms: int = 2, to: tuple[str, ...] = ()) -> Tariff:
    given = tariff()
    prices = replace(
        given.prices[0], sms=Decimal("2.50"), included_sms=sms, included_minutes=IncludedMinutes(minutes, to)
    )
    return replace(given, prices=(prices,), trial=Trial(days=1))


def activate(store: SqlStore, chosen: Tariff) -> None:
    with store.billing() as unit:
        event = Activated("master", "Europe/Moscow", 7)
        take_events(unit, "acme", [event], ACTIVATED_AT, Tariffs({"master": chosen}), "apply")


def bring_in(store: SqlStore, directory: Path, calls: list[Call], chosen: Tariff) -> Report:
    with (directory / "vpbx-cel.csv").open("ab") as file:
        file.write(csv_bytes(row for call in calls for row in call.rows()))
    return reconcile(store, switch_record(directory), definitions(plan=chosen), now=NOW)


def used(store: SqlStore) -> dict[str, int]:
    with store.database.reading() as connection:
        rows = connection.execute(text("SELECT allowance, quantity FROM allowance_used")).all()
    return {row.allowance: row.quantity for row in rows}


def amounts(store: SqlStore) -> dict[str, int]:
    return {charge.key: charge.amount_kop for charge in store.charges(Asked())}


@pytest.mark.parametrize(
    ("left_s", "included_s", "sum_kop"),
    [(0, 0, 1150), (59, 0, 1150), (60, 60, 920), (179, 120, 690), (300, 300, 0), (9000, 300, 0)],
)
def test_started_increments_are_taken_whole(left_s: int, included_s: int, sum_kop: int) -> None:
    priced = price_length(241, EACH_MINUTE, left_s)
    assert (priced.billable_s, priced.included_s, priced.sum_kop) == (300, included_s, sum_kop)


def test_the_connect_fee_is_paid_unless_all_of_the_call_is_included() -> None:
    dear = replace(EACH_MINUTE, connect_fee=Decimal(1))
    assert (
        price_length(61, dear, 60).working
        == "1 of 2 x 60 s included; 1 x 60 s x 2.30/min + 1 connect fee = 3.30"
    )
    assert price_length(61, dear, 120).working == "2 x 60 s included"


@pytest.mark.parametrize(
    "free", [replace(EACH_MINUTE, price=Decimal(0)), replace(EACH_MINUTE, free_below_s=90)]
)
def test_a_call_that_costs_nothing_takes_nothing(free: Rate) -> None:
    assert price_length(61, free, 600).included_s == 0


def test_minutes_are_for_the_numbers_that_they_are_for() -> None:
    to_moscow = plan(to=("7495", "7499"))
    assert minutes_included("+74951234567", SPAN, to_moscow) == Portion("minutes", PERIOD_FROM, 180)
    assert minutes_included("+78121234567", SPAN, to_moscow) is None
    assert minutes_included("+78121234567", SPAN, plan()) == Portion("minutes", PERIOD_FROM, 180)


def test_a_trial_includes_nothing_and_a_cut_period_its_share() -> None:
    assert minutes_included("+74951234567", None, plan()) is None
    cut = Period(date(2026, 9, 21), date(2026, 10, 1), 30)
    assert minutes_included("+74951234567", cut, plan(minutes=100)) == Portion(
        "minutes", PERIOD_FROM, 34 * 60
    )
    assert sms_included(cut, plan(sms=9)) == Portion("sms", PERIOD_FROM, 3)


def test_a_key_that_stands_is_not_counted_twice(any_store: SqlStore) -> None:
    key, answer = ChargeKey(SYSTEMNAME, "s0-1.1", "call"), BEGIN
    usage = Usage(key, "acme", "s0-1.0", "out", "", "+74957654321", answer, answer + timedelta(seconds=61))
    left = Portion("minutes", PERIOD_FROM, 180)
    charge = rate(usage, compile_tariff(plan()), UTC, left)
    any_store.post([charge, charge], [], "listener", NOW)
    any_store.post([charge], [], "reconciliation", NOW)
    assert (used(any_store), charge.amount_kop, charge.taken) == (
        {"minutes": 120},
        0,
        Portion("minutes", PERIOD_FROM, 120),
    )
    for _ in range(2):
        any_store.reverse(str(key), "correction", NOW)
    assert used(any_store) == {"minutes": 0}


def test_an_entry_says_what_it_took_and_can_be_computed_again_from_it(
    store: SqlStore, tmp_path: Path
) -> None:
    activate(store, plan())
    bring_in(store, tmp_path, [Call(1, 241)], plan())
    (charge,) = [each for each in store.charges(Asked()) if each.kind == "call"]
    assert charge.facts["included"] == {
        "allowance": "minutes",
        "period_from": "2026-09-21",
        "quantity": 180,
    }
    assert charge.facts["working"] == "3 of 5 x 60 s included; 2 x 60 s x 2.30/min = 4.60"
    again = call_again(micros(charge.occurred_at), charge.facts, CallTerms(plan()))
    assert again == call_as_posted(charge.amount_kop, charge.facts)
    assert again.amount_kop == 460
    store.verify()


def test_what_an_estimated_call_took_is_given_back_when_its_exact_end_turns_up(
    store: SqlStore, tmp_path: Path
) -> None:
    """Cut off after 130 s: 3 minutes taken. It lasted 61 s: 2 taken, and one is left for the next call."""
    activate(store, plan())
    call = Call(1, 61)
    cut_off, rest = call.rows()[:8], call.rows()[8:]
    (tmp_path / "vpbx-cel.csv").write_bytes(csv_bytes(cut_off))
    store.heartbeat(SYSTEMNAME, [(call.trunk_leg, call.linkedid)], call.answer + timedelta(seconds=130))
    crash = BEGIN + timedelta(minutes=10)
    reconcile(store, switch_record(tmp_path), definitions(plan=plan()), now=crash, live=[], started_at=crash)
    assert used(store) == {"minutes": 180}
    with (tmp_path / "vpbx-cel.csv").open("ab") as file:
        file.write(csv_bytes(rest))
    report = bring_in(store, tmp_path, [Call(2, 119, begin=BEGIN + timedelta(hours=1))], plan())
    assert report.corrected == 1
    assert used(store) == {"minutes": 180}
    assert sorted(amounts(store).values()) == [0, 0, 0, 230]


def test_without_included_minutes_nothing_is_asked_for(store: SqlStore, tmp_path: Path) -> None:
    asked: list[str] = []
    with store.database.reading() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    bring_in(store, tmp_path, [Call(1, 61)], tariff())
    assert amounts(store) == {Call(1, 61).key: 460}
    assert not [each for each in asked if "allowance_used" in each or "service_event" in each]
    bring_in(store, tmp_path, [Call(2, 61, begin=BEGIN + timedelta(hours=1))], plan())
    assert [each for each in asked if "service_event" in each]


def test_a_tenant_that_was_never_activated_pays_for_every_minute(store: SqlStore, tmp_path: Path) -> None:
    bring_in(store, tmp_path, [Call(1, 61)], plan())
    assert amounts(store) == {Call(1, 61).key: 460}


def test_included_sms_are_taken_once_and_computed_again(any_store: SqlStore) -> None:
    activate(any_store, plan())
    terms = Tariffs({"master": plan()})
    sms = SmsSent("+79991234567", "я" * 80)

    def send(key: str, at: datetime) -> int:
        with any_store.billing() as unit:
            charge = charge_usage(unit, "acme", sms, at, key, terms)
        assert charge is not None
        facts = facts_of(charge, "master", "digest")
        again = recomputed(facts, plan())
        assert again is not None
        assert facts_of(again, "master", "digest") == facts
        return charge.amount_kop

    assert [send("1", BEGIN), send("2", BEGIN), send("1", BEGIN), send("2", BEGIN)] == [0, 500, 0, 500]
    assert used(any_store) == {"sms": 2}
