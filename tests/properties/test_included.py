"""Included minutes: a ledger that is always up to date, one that catches up and a forecast take the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fresh_store import fresh_store
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_calls import BEGIN, Call, csv_line, definitions, switch_record, tariff
from sqlalchemy import text

from orchestrator.accounts import Tariffs, take_events
from orchestrator.billing.forecast import forecast
from orchestrator.billing.rating import compile_deck
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.problem import Position
from orchestrator.model.scenario import Scenario, ScenarioEvent
from orchestrator.model.service import CALL, Called, ServiceDisconnected, ServiceEvent, ServiceRestored
from orchestrator.model.tariff import IncludedMinutes, Rate, Tariff, Trial
from orchestrator.reconciliation import reconcile
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

ZONE = "Europe/Moscow"
ACTIVATED_AT = BEGIN - timedelta(hours=12)
END = BEGIN + timedelta(days=100)
NUMBERS = ("+74951234567", "+78123456789", "+79161234567")
ALLOWANCE_MIN = 7


def plan() -> Tariff:
    begun = date(2026, 1, 1)
    rates = (
        Rate("7495", "Moscow", Decimal("2.30"), begun),
        Rate("7812", "Petersburg", Decimal("1.10"), begun, 1, connect_fee=Decimal("0.50")),
        Rate("7", "RU", Decimal(5), begun),
    )
    given = tariff(*rates)
    prices = replace(given.prices[0], included_minutes=IncludedMinutes(ALLOWANCE_MIN, ("7495", "7812")))
    return replace(given, prices=(prices,), trial=Trial(days=1))


@dataclass(frozen=True)
class History:
    """Args: calls: in the order of their answers. events: of the service, in the order of time."""

    calls: tuple[Call, ...]
    events: tuple[tuple[datetime, ServiceEvent], ...]


def _history(calls: list[tuple[int, int, str]], down: tuple[int, int] | None) -> History:
    events: tuple[tuple[datetime, ServiceEvent], ...] = ()
    off = on = END
    if down is not None:
        off = BEGIN + timedelta(days=down[0])
        on = off + timedelta(days=down[1])
        events = ((off, ServiceDisconnected()), (on, ServiceRestored()))
    made = []
    for number, (minutes, talk_s, to) in enumerate(sorted(calls)):
        begin = BEGIN + timedelta(minutes=minutes, milliseconds=number)
        call = Call(number, talk_s, begin=begin, to=to)
        if call.answer < off or call.answer >= on:
            made.append(call)
    return History(tuple(made), events)


_moments = st.one_of(
    st.integers(716, 722),
    st.integers(1_000, 1_006),
    st.integers(43_000, 43_004),
    st.integers(0, 90 * 24 * 60),
)
"""Minutes: at the trial's end, many at once, and anywhere."""
histories = st.builds(
    _history,
    st.lists(st.tuples(_moments, st.integers(1, 400), st.sampled_from(NUMBERS)), min_size=4, max_size=16),
    st.one_of(st.none(), st.tuples(st.integers(2, 30), st.sampled_from((1, 3, 45)))),
)

Charges = dict[datetime, tuple[int, int]]
"""Kopecks, and seconds taken of the included minutes, by the moment of the hangup."""


@contextmanager
def books() -> Iterator[tuple[SqlStore, Path]]:
    with tempfile.TemporaryDirectory() as directory:
        store = fresh_store(Path(directory) / "vpbx.db")
        happen(store, ACTIVATED_AT, Activated("master", ZONE, 7))
        yield store, Path(directory)
        store.close()


def happen(store: SqlStore, at: datetime, event: AccountEvent) -> None:
    with store.billing() as unit:
        take_events(unit, "acme", [event], at, Tariffs({"master": plan()}), "apply")


def bring_in(store: SqlStore, directory: Path) -> None:
    reconcile(store, switch_record(directory), definitions(plan=plan()), now=END)


def write(directory: Path, lines: Sequence[bytes]) -> None:
    with (directory / "vpbx-cel.csv").open("ab") as file:
        file.write(b"".join(lines))


def lines_of(history: History) -> list[tuple[str, bytes]]:
    """Every record with its time, as the switch writes them."""
    rows = sorted((row for call in history.calls for row in call.rows()), key=lambda row: row[1])
    return [(row[1], csv_line(row)) for row in rows]


def charged(store: SqlStore) -> Charges:
    return {
        posted.occurred_at: (posted.amount_kop, posted.facts.get("included", {}).get("quantity", 0))
        for posted in store.charges(Asked())
        if posted.kind == "call"
    }


def used(store: SqlStore) -> dict[str, int]:
    with store.database.reading() as connection:
        rows = connection.execute(text("SELECT period_from, quantity FROM allowance_used")).all()
    return {row.period_from: row.quantity for row in rows}


def caught_up(history: History) -> tuple[Charges, dict[str, int]]:
    """All that happened is known before the first record is read."""
    with books() as (store, directory):
        for at, event in history.events:
            happen(store, at, event)
        write(directory, [line for _, line in lines_of(history)])
        bring_in(store, directory)
        store.verify()
        return charged(store), used(store)


def live(history: History) -> tuple[Charges, dict[str, int]]:
    """Each record is read when it is written, and read once more at the end."""
    with books() as (store, directory):
        events, lines = list(history.events), lines_of(history)
        for at, line in lines:
            while events and f"{events[0][0].timestamp():.6f}" <= at:
                happen(store, *events.pop(0))
            write(directory, [line])
            bring_in(store, directory)
        (directory / "vpbx-cel.csv").rename(directory / "elsewhere")
        write(directory, [line for _, line in lines])
        bring_in(store, directory)
        return charged(store), used(store)


def foreseen(history: History) -> Charges:
    events = [
        *((call.answer, Called("out", call.to, int(call.talk_s or 0))) for call in history.calls),
        *history.events,
    ]
    scenario = Scenario(
        tariff="master",
        employees=7,
        options={},
        time_zone=ZONE,
        activated_at=ACTIVATED_AT,
        events=tuple(
            ScenarioEvent(at, what, Position("")) for at, what in sorted(events, key=lambda event: event[0])
        ),
        until=END.date(),
    )
    return {
        charge.at: (charge.amount_kop, charge.taken.quantity if charge.taken else 0)
        for charge in forecast(scenario, plan(), compile_deck(plan().deck))
        if charge.kind == CALL
    }


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(histories)
def test_live_is_catch_up_is_forecast(history: History) -> None:
    later, taken = caught_up(history)
    assert later == foreseen(history)
    assert (later, taken) == live(history)
    assert sum(taken.values()) == sum(seconds for _, seconds in later.values())
    assert all(0 <= seconds <= ALLOWANCE_MIN * 60 for seconds in taken.values())


@settings(max_examples=8, deadline=None)
@given(histories, st.integers(1, 60))
def test_however_much_of_the_record_is_read_at_once(history: History, size: int) -> None:
    lines = [line for _, line in lines_of(history)]
    with books() as (store, directory):
        for at, event in history.events:
            happen(store, at, event)
        for begin in range(0, len(lines), size):
            write(directory, lines[begin : begin + size])
            bring_in(store, directory)
        assert (charged(store), used(store)) == caught_up(history)


@settings(max_examples=8, deadline=None)
@given(histories)
def test_reversals_give_back_all_that_was_taken(history: History) -> None:
    with books() as (store, directory):
        write(directory, [line for _, line in lines_of(history)])
        bring_in(store, directory)
        for _ in range(2):
            for call in history.calls:
                store.reverse(call.key, "correction", END)
        assert set(used(store).values()) <= {0}
