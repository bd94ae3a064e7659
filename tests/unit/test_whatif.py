"""A month by another tariff, with figures worked out by hand.

acme's anchors are on the first. October by the tariff in force: subscription 1000.00; 2 employees above 7
at 200.00; CRM 499.99; from the 11th 2 more at 150.00 for 21 of 31 days, 203.23; an SMS of 2 segments 5.00;
61 s to Moscow 2 x 2.30 = 4.60; 47 s to Spain at 11.337 by the second and 0.50: 9.38.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from posted_books import ZONE, tariff
from recorded_calls import Call, events_of
from sqlalchemy import text

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.errors import DatabaseUnavailable
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.service import EmployeesChanged, OptionConnected, SmsSent
from orchestrator.model.statement import Month
from orchestrator.model.tariff import BillingCycle, Deck, IncludedMinutes, Rate, Tariff, Tier, Trial
from orchestrator.model.whatif import Comparison
from orchestrator.storage.schema import metadata
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked
from orchestrator.storage.whatif import Exchange, allow_writes, refuse_writes

OCTOBER = Month(2026, 10)
MOSCOW = ZoneInfo(ZONE)
ACTIVATED = datetime(2026, 8, 25, 9, 0, tzinfo=UTC)
IN_OCTOBER = datetime(2026, 10, 11, 9, 0, tzinfo=UTC)
LEDGER = {
    "subscription": 100000,
    "extra_employees": 40000 + 20323,
    "option crm": 49999,
    "sms": 500,
    "call": 460 + 938,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """acme as above; nothing here changes it."""
    made = SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('whatif')}/vpbx.db")
    fill(made)
    yield made
    made.close()


def fill(store: SqlStore) -> None:
    tariffs = Tariffs({"master": tariff()})
    happens(store, ACTIVATED, Activated("master", ZONE, 9, {"crm": 1}))
    happens(store, IN_OCTOBER, EmployeesChanged(11))
    charge_due(store, tariffs, datetime(2026, 10, 31, tzinfo=UTC))
    with store.billing() as unit:
        charge_usage(unit, "acme", SmsSent("+79991234567", "я" * 80), IN_OCTOBER, "sms-1", tariffs)
    calls(store, (1, 61, "+74957654321"), (2, 47, "+34911234567"))


def happens(store: SqlStore, at: datetime, event: AccountEvent) -> None:
    with store.billing() as unit:
        take_events(unit, "acme", [event], at, Tariffs({"master": tariff()}), "apply")


def calls(store: SqlStore, *made: tuple[int, float, str]) -> None:
    """Args: made: number, seconds of talk, and to whom."""
    for number, talk_s, to in made:
        call = Call(number, talk_s, begin=IN_OCTOBER, to=to)
        leg = leg_of(gather(events_of(call))[call.trunk_leg])
        usage = usage_of(leg) if leg is not None else None
        assert leg is not None and usage is not None
        charge = rate(usage, compile_tariff(tariff()), MOSCOW)
        store.post([charge], [leg], "listener", call.answer)


def by(store: SqlStore, new: Tariff | None, month: Month = OCTOBER) -> Comparison:
    asked = Exchange(month, {"acme": MOSCOW}, new, {"master": tariff()})
    with store.computing_again(asked, lambda _done, _total: None) as found:
        return next(found)


def sums(found: Comparison) -> dict[str, int]:
    return {f"{each.kind} {each.item}".strip(): each.whatif_kop for each in found.items}


def priced(**prices: object) -> Tariff:
    """The tariff in force with other prices."""
    given = tariff()
    return replace(given, prices=(replace(given.prices[0], **prices),))  # type: ignore[arg-type]


@pytest.mark.parametrize("new", [None, tariff()], ids=["own terms", "in force"])
def test_by_the_tariff_in_force_it_is_the_ledger(store: SqlStore, new: Tariff | None) -> None:
    found = by(store, new)
    assert {f"{each.kind} {each.item}".strip(): each.ledger_kop for each in found.items} == LEDGER
    assert sums(found) == LEDGER
    assert (found.entries, found.difference_kop, found.refused) == (7, 0, "")


@pytest.mark.parametrize(
    ("new", "differs"),
    [
        (priced(subscription=Decimal(700)), {"subscription": 70000}),
        (priced(options={"crm": Decimal(600), "storage_year": Decimal(1)}), {"option crm": 60000}),
        # 4 above 5: 2 x 200.00 + 2 x 150.00; then 2 more at 150.00 for 21 of 31 days.
        (replace(tariff(), included_employees=5), {"extra_employees": 70000 + 20323}),
        # None above 10, and from the 11th one at 200.00 x 21/31 = 135.48.
        (replace(tariff(), included_employees=10), {"extra_employees": 13548}),
        # 2 x 10.00, and 2 x 10.00 x 21/31 = 13.55.
        (priced(employee=(Tier(1, Decimal(10)),)), {"extra_employees": 2000 + 1355}),
        (priced(sms=Decimal("1.90")), {"sms": 380}),
        (priced(included_sms=1), {"sms": 250}),
        # One of two started minutes is included; Spain isn't among them.
        (priced(included_minutes=IncludedMinutes(1, ("7495",))), {"call": 230 + 938}),
        # Both started minutes are, and none is left for Spain, which is called later.
        (priced(included_minutes=IncludedMinutes(2)), {"call": 938}),
        (replace(tariff(), vat_mode="on_top"), {"sms": 610, "call": 561 + 1144, "subscription": 100220}),
    ],
)
def test_what_another_tariff_would_cost(store: SqlStore, new: Tariff, differs: dict[str, int]) -> None:
    found = sums(by(store, new))
    assert {name: found[name] for name in differs} == differs
    if new.vat_mode == tariff().vat_mode:
        assert {**LEDGER, **differs} == found


def test_another_deck_prices_a_number_by_its_own_longest_prefix(store: SqlStore) -> None:
    """61 s at 3.00 by the second: 3.05; the number called decides, as the ledger only knows 7495."""
    begun = date(2026, 1, 1)
    rates = (
        Rate("7", "RU", Decimal(9), begun),
        Rate("7495765", "Here", Decimal(3), begun, 1),
        Rate("34", "Spain", Decimal(6), begun),
    )
    found = by(store, replace(tariff(), deck=Deck("other", "1", rates)))
    assert (sums(found)["call"], found.guessed) == (305 + 600, 0)


def test_a_number_that_is_gone_is_rated_by_its_prefix_and_counted(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path}/vpbx.db")
    fill(store)
    with store.database.writing() as connection:
        connection.execute(text("DELETE FROM call_leg"))
    begun = date(2026, 1, 1)
    rates = (Rate("7", "RU", Decimal(9), begun), Rate("74957", "Here", Decimal(3), begun, 1))
    found = by(store, replace(tariff(), deck=Deck("other", "1", (*rates, Rate("34", "", Decimal(6), begun)))))
    assert (sums(found)["call"], found.guessed) == (1800 + 600, 1)
    assert sums(by(store, tariff())) == LEDGER
    store.close()


def test_calls_without_a_rate_are_listed_and_in_no_sum(store: SqlStore) -> None:
    found = by(store, replace(tariff(), deck=Deck("other", "1", tariff().deck.rates[:1])))
    assert [(each.prefix, each.example, each.calls, each.ledger_kop) for each in found.unpriced] == [
        ("34", "+34911234567", 1, 938)
    ]
    assert sums(found)["call"] == 460


def test_an_option_that_is_not_offered_is_told(store: SqlStore) -> None:
    without = replace(tariff(), options={"storage_year": tariff().options["storage_year"]})
    found = by(store, without)
    assert [(each.option, each.quantity, each.ledger_kop) for each in found.unoffered] == [("crm", 1, 49999)]
    assert sums(found) == {**LEDGER, "option crm": 0}


def test_an_option_that_was_off_before_the_month_is_nothing_to_tell(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path}/vpbx.db")
    happens(store, ACTIVATED, Activated("master", ZONE, 9))
    happens(store, ACTIVATED.replace(day=30), OptionConnected("storage_year", 3))
    charge_due(store, Tariffs({"master": tariff()}), datetime(2026, 10, 31, tzinfo=UTC))
    uncounted = replace(tariff().options["storage_year"], counted=False)
    once = replace(tariff(), options={**tariff().options, "storage_year": uncounted})
    assert [each.quantity for each in by(store, once).unoffered] == [3]
    assert by(store, once, Month(2026, 8)).unoffered != ()
    assert by(store, once, Month(2026, 7)).unoffered == ()
    store.close()


def test_another_rhythm_of_charging_is_refused(store: SqlStore) -> None:
    found = by(store, replace(tariff(), cycle=BillingCycle(months=3)))
    assert "another rhythm" in found.refused
    assert (found.ledger_kop, found.whatif_kop) == (sum(LEDGER.values()), 0)


def test_dates_stay_those_on_which_it_was_charged(store: SqlStore) -> None:
    assert sums(by(store, replace(tariff(), trial=Trial(0, "charged")))) == LEDGER


def test_what_was_taken_back_is_taken_back_in_both_and_gives_minutes_back(tmp_path: Path) -> None:
    """The first call takes the included minute and is taken back, so a later one has it: it costs nothing."""
    store = SqlStore.open(f"sqlite:///{tmp_path}/vpbx.db")
    fill(store)
    keys = [each.key for each in store.charges(Asked("acme"))]
    first = Call(1, 61, begin=IN_OCTOBER, to="+74957654321").key
    for key in (first, next(key for key in keys if key.endswith("2026-10-01/option/crm"))):
        store.take_back(key, "a mistake", "olga", datetime(2026, 11, 5, tzinfo=UTC))
    calls(store, (3, 50, "+74957654321"))
    ledger = {**LEDGER, "option crm": 0, "call": 938 + 230}
    assert sums(by(store, None)) == sums(by(store, tariff())) == ledger
    given = sums(by(store, priced(included_minutes=IncludedMinutes(1, ("7495",)))))
    assert given == {**ledger, "call": 938}
    store.close()


def test_nothing_can_be_written_while_it_is_computed_and_nothing_was(any_store: SqlStore) -> None:
    fill(any_store)
    before = content(any_store)
    with pytest.raises(DatabaseUnavailable), any_store.database.reading() as connection:
        refuse_writes(connection)
        try:
            connection.execute(text("DELETE FROM call_leg"))
        finally:
            allow_writes(connection)
    finer = Deck(
        "other", "1", tuple(replace(each, prefix=f"{each.prefix}765"[:6]) for each in tariff().deck.rates)
    )
    for new in (None, tariff(), priced(included_minutes=IncludedMinutes(2)), replace(tariff(), deck=finer)):
        found = by(any_store, new)
        assert found.ledger_kop == sum(LEDGER.values())
        assert found.unpriced == () or new not in (None, tariff())
    assert content(any_store) == before
    with any_store.database.writing() as connection:
        connection.execute(text("DELETE FROM heartbeat"))


def content(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with store.database.reading() as connection:
        return {
            name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))]
            for name in metadata.tables
        }
