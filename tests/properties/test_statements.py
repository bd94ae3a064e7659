"""Whatever happens to a tenant, statements hold every entry of its ledger once; their sums are its sums."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from fresh_store import fresh_store
from hypothesis import given, settings
from hypothesis import strategies as st
from service_histories import History, event_of, histories

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.billing.statement import statement_of
from orchestrator.billing.transfer import transfer_of
from orchestrator.errors import EventRefused
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.call import ChargeKey, Systemname, Usage
from orchestrator.model.payment import Payment
from orchestrator.model.service import AutoinformCalled, Called, SmsSent, UsageEvent
from orchestrator.model.statement import Month, Statement
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked, PostedCharge

Corrections = list[tuple[int, int]]


@settings(max_examples=25, deadline=None)
@given(
    histories,
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 70)), max_size=6),
    st.lists(st.tuples(st.integers(1, 10_000_000), st.integers(0, 70)), max_size=3),
)
def test_statements_are_the_ledger_cut_into_months(
    history: History, taken_back: Corrections, payments: Corrections
) -> None:
    directory = Path(tempfile.mkdtemp())
    store = fresh_store(directory / "books.db")
    try:
        _play(store, history)
        _pay(store, history, payments)
        _take_back(store, history, taken_back)
        _check(store, history)
    finally:
        store.close()
        shutil.rmtree(directory)


def _check(store: SqlStore, history: History) -> None:
    zone = ZoneInfo(history.zone)
    posted = store.charges(Asked("acme"))
    first = min((_day(each, zone) for each in posted), default=history.until)
    last = max((_day(each, zone) for each in posted), default=history.until)
    made_at = history.moment(datetime.combine(last, datetime.min.time()))
    carried_kop, seen = 0, Counter[str]()
    month = Month(first.year, first.month)
    while month.first <= last:
        rows = store.posted_month("acme", month.begins_at(zone), month.ends_at(zone))
        found = statement_of(rows, "acme", month, zone, made_at)
        of_month = [each for each in posted if month.first <= _day(each, zone) < month.after]
        _check_month(found, of_month)
        assert found.opening_kop == carried_kop
        carried_kop = found.closing_kop
        seen.update(line.key for line in found.lines)
        seen.update(paid.key for paid in found.payments)
        month = Month(month.after.year, month.after.month)
    assert seen == Counter(each.key for each in posted)
    assert carried_kop == -store.balance_kop("acme")


def _check_month(found: Statement, of_month: list[PostedCharge]) -> None:
    paid = [each for each in of_month if each.key.startswith("payment/")]
    charged_kop = sum(each.amount_kop for each in of_month if each not in paid)
    assert found.charged_kop == charged_kop
    assert found.paid_kop == -sum(each.amount_kop for each in paid)
    assert sum(group.amount_kop for group in found.groups) == charged_kop
    assert sum(part.amount_kop for part in found.taxes) == charged_kop
    transfer = transfer_of(found)
    assert transfer.total_kop == charged_kop
    assert transfer.vat_kop == sum(line.vat_kop for line in found.lines)
    for line in found.lines:
        if line.kind in ("subscription", "extra_employees", "option"):
            assert line.licence_kop + line.support_kop == line.amount_kop


def _play(store: SqlStore, history: History) -> None:
    """What the service refuses doesn't happen; everything is charged at last."""
    tariffs = Tariffs({"master": history.tariff()})
    activated = Activated("master", history.zone, history.employees, dict(history.options))
    _happen(store, tariffs, activated, history.moment(history.activated_at))
    for number, (at, what, value) in enumerate(history.events):
        event = event_of(what, value)
        if isinstance(event, Called):
            _call(store, history, event, history.moment(at), number)
        elif isinstance(event, SmsSent | AutoinformCalled):
            _use(store, tariffs, event, history.moment(at), number)
        else:
            _happen(store, tariffs, event, history.moment(at))
    ended_at = history.moment(datetime.combine(history.until, datetime.min.time()))
    charge_due(store, tariffs, ended_at, posted_at=ended_at)


def _happen(store: SqlStore, tariffs: Tariffs, event: AccountEvent, at: datetime) -> None:
    try:
        with store.billing() as unit:
            take_events(unit, "acme", [event], at, tariffs, "test", posted_at=at)
    except EventRefused:
        return


def _use(store: SqlStore, tariffs: Tariffs, event: UsageEvent, at: datetime, number: int) -> None:
    assert isinstance(event, SmsSent | AutoinformCalled)
    try:
        with store.billing() as unit:
            charge_usage(unit, "acme", event, at, f"use-{number}", tariffs, posted_at=at)
    except EventRefused:
        return


def _call(store: SqlStore, history: History, event: Called, at: datetime, number: int) -> None:
    key = ChargeKey(Systemname("s1"), f"s1-{number}.1", "call")
    ended_at = at + timedelta(seconds=event.duration_s)
    usage = Usage(key, "acme", f"s1-{number}.0", "out", "+74951110000", event.to_number, at, ended_at)
    charge = rate(usage, compile_tariff(history.tariff()), ZoneInfo(history.zone))
    store.post([charge], [], "listener", ended_at)


def _pay(store: SqlStore, history: History, payments: Corrections) -> None:
    for number, (amount_kop, days) in enumerate(payments):
        at = history.moment(history.activated_at) + timedelta(days=days)
        store.pay(Payment("acme", f"p{number}", amount_kop, at, "olga"), at + timedelta(days=2))


def _take_back(store: SqlStore, history: History, taken_back: Corrections) -> None:
    """Args: taken_back: which entry, and how many days after the beginning."""
    keys = [each.key for each in store.charges(Asked("acme"))]
    for place, days in {place: days for place, days in taken_back if place < len(keys)}.items():
        at = history.moment(history.activated_at) + timedelta(days=days)
        store.take_back(keys[place], "a mistake", "olga", at)


def _day(each: PostedCharge, zone: ZoneInfo) -> date:
    said = each.facts.get("day")
    return date.fromisoformat(said) if isinstance(said, str) else each.occurred_at.astimezone(zone).date()
