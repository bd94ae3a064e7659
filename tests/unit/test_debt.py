"""A tenant that owes: since when, what follows, and what the switch is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posted_books import POSTED, charge_of

from orchestrator import definitions
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.billing.debt import BARRED_WAYS, debt
from orchestrator.debt_keeper import DebtKeeper
from orchestrator.model.credit import CreditTerms, Debt, OnDebt, Owed
from orchestrator.model.payment import Payment
from orchestrator.model.platform import Definitions
from orchestrator.storage.store import SqlStore

EXAMPLES = definitions.load(Path(__file__).parents[2] / "examples")
CHARGED = charge_of(1)
AT = CHARGED.occurred_at
"""When the first charge fell."""
DAY = timedelta(days=1)


def paid(store: SqlStore, kop: int, at: datetime, ref: str) -> None:
    store.pay(Payment("acme", ref, kop, at, "olga"), POSTED)


def owed(store: SqlStore, allowed_kop: int = 0) -> Owed | None:
    return store.owing({"acme": allowed_kop}, {}).get("acme")


def test_it_owes_since_the_charge_that_the_balance_has_been_below_what_it_may_from(
    any_store: SqlStore,
) -> None:
    cost = CHARGED.amount_kop
    assert owed(any_store) is None
    any_store.post([CHARGED], [], "listener", POSTED)
    assert owed(any_store) == Owed(-cost, 0, AT)
    assert owed(any_store, cost) is None
    paid(any_store, cost, AT + DAY, "1")
    assert owed(any_store) is None
    later = charge_of(5)
    any_store.post([later], [], "listener", POSTED)
    assert owed(any_store) == Owed(-later.amount_kop, 0, later.occurred_at)


def test_a_payment_that_is_not_enough_changes_nothing_and_one_of_an_earlier_day_counts_from_it(
    any_store: SqlStore,
) -> None:
    any_store.post([CHARGED, charge_of(5)], [], "listener", POSTED)
    paid(any_store, 1, AT + DAY, "1")
    found = owed(any_store)
    assert found is not None and found.since == AT
    paid(any_store, CHARGED.amount_kop, AT - DAY, "2")
    found = owed(any_store)
    assert found is not None and found.since == charge_of(5).occurred_at


def test_where_nothing_changed_the_ledger_is_not_read_again(store: SqlStore) -> None:
    store.post([CHARGED], [], "listener", POSTED)
    kept = Owed(-CHARGED.amount_kop, 0, AT - 5 * DAY)
    assert store.owing({"acme": 0}, {"acme": kept}) == {"acme": kept}
    assert store.owing({"acme": 1}, {"acme": kept})["acme"].since == AT
    assert store.owing({"beta": 0}, {}) == {}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    opened = SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('books')}/vpbx.db")
    yield opened
    opened.close()


NUMBERS = count(1000)


@given(
    changes=st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=12),
    allowed=st.sampled_from([0, 100, 700]),
)
@settings(max_examples=40)
def test_since_when_is_where_the_running_balance_last_went_below(
    books: SqlStore, changes: list[int], allowed: int
) -> None:
    balance, since, tenant = 0, None, f"t{next(NUMBERS)}"
    for day, change in enumerate(changes):
        at, number = AT + day * DAY, next(NUMBERS)
        if change > 0:
            books.pay(Payment(tenant, str(number), change, at, "olga"), POSTED)
        else:
            charge = replace(charge_of(number, tenant=tenant), occurred_at=at, amount_kop=-change)
            books.post([charge], [], "listener", POSTED)
        balance += change
        since = None if balance >= -allowed else since or at
    found = books.owing({tenant: allowed}, {}).get(tenant)
    assert (None if found is None else found.since) == since


@pytest.mark.parametrize(
    ("terms", "hours", "stage", "next_h"),
    [
        (OnDebt(0), 0, "outgoing-barred", None),
        (OnDebt(0, 0), 0, "suspended", None),
        (OnDebt(2, 5), 47, "grace", 48),
        (OnDebt(2, 5), 48, "outgoing-barred", 120),
        (OnDebt(2, 5), 119, "outgoing-barred", 120),
        (OnDebt(2, 5), 120, "suspended", None),
        (OnDebt(2, 2), 48, "suspended", None),
        (OnDebt(2), 100_000, "outgoing-barred", None),
        (None, 100_000, "none", None),
    ],
)
def test_each_stage_comes_at_its_hour(
    terms: OnDebt | None, hours: int, stage: str, next_h: int | None
) -> None:
    found = debt(CreditTerms(on_debt=terms), AT, AT + timedelta(hours=hours))
    assert found.stage == stage
    assert found.next_at == (None if next_h is None else AT + timedelta(hours=next_h))


def test_who_owes_nothing_is_at_no_stage() -> None:
    assert debt(CreditTerms(on_debt=OnDebt(0, 0)), None, AT) == Debt()
    assert BARRED_WAYS["none"] == BARRED_WAYS["grace"] == frozenset()


class Books:
    """What the ledger would say."""

    def __init__(self) -> None:
        self.since: datetime | None = None

    def owing(self, allowed: Mapping[str, int], known: Mapping[str, Owed]) -> Mapping[str, Owed]:
        assert set(known) <= set(allowed)
        since = self.since
        return {} if since is None else {name: Owed(-1, kop, since) for name, kop in allowed.items()}

    def close(self) -> None: ...


class Switch:
    """What a switch was told."""

    def __init__(self, barred: dict[str, set[str]]) -> None:
        self.now = barred
        self.told: list[tuple[str, frozenset[str]]] = []

    async def barred(self) -> dict[str, set[str]]:
        return {tenant: set(ways) for tenant, ways in self.now.items()}

    async def bar(self, tenant: str, ways: Collection[str]) -> None:
        self.told.append((tenant, frozenset(ways)))
        self.now[tenant] = set(ways)


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC)


def owing_less(terms: OnDebt | None) -> Definitions:
    """The examples, with what follows when acme owes."""
    acme = EXAMPLES.tenants["acme"]
    account = replace(acme.account, on_debt=terms)
    return replace(EXAMPLES, tenants={**EXAMPLES.tenants, "acme": replace(acme, account=account)})


def kept(keeper: DebtKeeper, switch: Switch) -> list[tuple[str, frozenset[str]]]:
    """What the switch is told by one look."""
    switch.told.clear()
    asyncio.run(keeper.keep(cast("AmiSwitch", switch)))
    return list(switch.told)


def test_the_switch_is_told_what_changed_and_no_more() -> None:
    books, terms = Books(), [OnDebt(0, 5)]
    keeper = DebtKeeper("pbx1", lambda: books, lambda: owing_less(terms[0]), Clock())
    switch = Switch({})
    assert kept(keeper, switch) == []
    books.since = Clock().now() - 4 * DAY
    assert kept(keeper, switch) == [("acme", {"out"})]
    assert kept(keeper, switch) == []
    books.since = Clock().now() - 5 * DAY
    assert kept(keeper, switch) == [("acme", {"out", "in"})]
    assert keeper.barred == 1
    books.since = None
    assert kept(keeper, switch) == [("acme", frozenset())]
    assert keeper.barred == 0


def test_another_session_begins_by_what_the_switch_has_itself() -> None:
    """It may have lost a second, another node may have had the tenant, the account may have changed."""
    books = Books()
    keeper = DebtKeeper("pbx1", lambda: books, lambda: owing_less(None), Clock())
    assert kept(keeper, Switch({"acme": {"out"}, "gone": {"out", "in"}})) == [
        ("acme", frozenset()),
        ("gone", frozenset()),
    ]
    books.since = Clock().now()
    keeper = DebtKeeper("pbx1", lambda: books, lambda: owing_less(OnDebt(0)), Clock())
    assert kept(keeper, Switch({})) == [("acme", {"out"})]
    assert kept(keeper, Switch({})) == [("acme", {"out"})]
    assert kept(keeper, Switch({"acme": {"out"}})) == []
    elsewhere = DebtKeeper("pbx2", lambda: books, lambda: owing_less(OnDebt(0)), Clock())
    assert kept(elsewhere, Switch({"acme": {"out"}})) == [("acme", frozenset())]
