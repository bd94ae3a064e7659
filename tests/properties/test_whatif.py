"""By the tariff in force a month is the ledger's; by another it is that of who had it all along."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_billing import Plan
from played_histories import TENANT, Player
from service_histories import History, busy_histories, histories, plans, tariff_of
from service_world import fresh_store

from orchestrator.model.statement import Month
from orchestrator.model.tariff import Tariff
from orchestrator.model.whatif import Comparison
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked
from orchestrator.storage.whatif import Exchange

any_history = st.one_of(histories, busy_histories)
FINER = {
    "7": ("2.10", 60, "0.05"),
    "749": ("1.10", 30, "0"),
    "74951": ("0.90", 1, "0"),
    "7916": ("0.40", 60, "1"),
    "780": ("0.01", 60, "0"),
}
"""A deck that tells numbers apart which the other doesn't, and the other way round."""


@settings(max_examples=30, deadline=None)
@given(any_history, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 70)), max_size=5))
def test_by_the_tariff_in_force_every_month_is_the_ledgers(
    history: History, taken_back: list[tuple[int, int]]
) -> None:
    tariff = history.tariff()
    with played(history, tariff) as (store, months):
        keys = [each.key for each in store.charges(Asked(TENANT))]
        for place, days in dict(taken_back).items():
            if place < len(keys):
                at = history.moment(history.activated_at) + timedelta(days=days)
                store.take_back(keys[place], "a mistake", "olga", at)
        for new in (None, tariff):
            made = [month_of(store, history, month, new) for month in months]
            for found in made:
                assert (found.refused, found.unoffered, found.unpriced, found.guessed) == ("", (), (), 0)
                assert all(each.ledger_kop == each.whatif_kop for each in found.items), found
            assert sum(found.whatif_kop for found in made) == store.balance_kop(TENANT)


@settings(max_examples=30, deadline=None)
@given(any_history, plans)
def test_by_another_tariff_every_month_is_that_of_who_had_it_all_along(history: History, other: Plan) -> None:
    charging = replace(history, plan=charging_sms(history.plan))
    new = other_tariff(other, history.plan)
    with played(charging, charging.tariff()) as (store, months), played(charging, new) as (had, _):
        for month in months:
            found = month_of(store, charging, month, new)
            expected = month_of(had, charging, month, None)
            assert {(each.kind, each.item): each.whatif_kop for each in found.items if each.whatif_kop} == {
                (each.kind, each.item): each.ledger_kop for each in expected.items if each.ledger_kop
            }


def charging_sms(plan: Plan) -> Plan:
    """SMS that cost nothing leave no entry, and nobody knows of them any more."""
    return replace(plan, prices=[(day, {**prices, "sms": "2.50"}) for day, prices in plan.prices])


def other_tariff(other: Plan, plan: Plan) -> Tariff:
    """Another tariff of the same rhythm; dates stay those of the tariff that was had."""
    other = replace(other, trial_days=plan.trial_days, kept_days=plan.kept_days, calls=FINER, included=5)
    made = tariff_of(other)
    return replace(made, deck=replace(made.deck, name="finer", version="2"))


@contextmanager
def played(history: History, tariff: Tariff) -> Iterator[tuple[SqlStore, list[Month]]]:
    """A store with a history, all of it charged, and the months that it lies in."""
    zone = ZoneInfo(history.zone)
    month = last = Month(history.activated_at.year, history.activated_at.month)
    months = []
    while month.first <= history.until:
        months.append(month)
        month, last = Month(month.after.year, month.after.month), month
    directory = Path(tempfile.mkdtemp())
    store = fresh_store(directory / "books.db")
    try:
        Player(store, history, tariff).play(last.ends_at(zone) - timedelta(seconds=1))
        yield store, months
    finally:
        store.close()
        shutil.rmtree(directory)


def month_of(store: SqlStore, history: History, month: Month, new: Tariff | None) -> Comparison:
    real = {"master": history.tariff()}
    asked = Exchange(month, {TENANT: ZoneInfo(history.zone)}, new, real)
    with store.computing_again(asked, lambda _done, _total: None) as found:
        return next(found)
