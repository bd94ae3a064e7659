"""A small ledger with every kind of line that a statement has, posted by the code that posts them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from posted_books import ZONE, tariff
from recorded_calls import Call, events_of

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.billing.statement import statement_of
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.call import Charge, Leg
from orchestrator.model.party import Bank, Party
from orchestrator.model.payment import Payment
from orchestrator.model.service import AutoinformCalled, EmployeesChanged, OptionConnected, SmsSent
from orchestrator.model.statement import Month, Statement
from orchestrator.model.tariff import Portion, Tariff
from orchestrator.papers.sides import Sides
from orchestrator.papers.titles import Titles
from orchestrator.storage.store import SqlStore

MOSCOW = ZoneInfo(ZONE)
DECEMBER, JANUARY = Month(2025, 12), Month(2026, 1)
MADE = datetime(2026, 2, 2, 6, 0, tzinfo=UTC)
BEGIN = datetime(2025, 12, 3, 9, 0, tzinfo=UTC)
WHY = '<b>их</b> "пробный" звонок & ёлка'

OPERATOR = Party(
    name="ООО «Связь & <Пример>»",
    inn="7700000009",
    kpp="770001001",
    address="Москва, Примерная ул., д. 1",
    bank=Bank("АО «Банк»", "044525999", "40702810000000000001", "30101810600000000999"),
    director="Иванов И. И.",
    accountant="Петрова А. А.",
)
CUSTOMER = Party(name="=ООО «Акме»", inn="7700000016", kpp="770001001", contract="№ 17 от 01.12.2025")


def stated_tariff() -> Tariff:
    """It charges for everything, in 2025 too."""
    made = tariff()
    rates = tuple(replace(each, starts_on=date(2025, 1, 1)) for each in made.deck.rates)
    return replace(made, deck=replace(made.deck, rates=rates))


def sides(language: str) -> Sides:
    return Sides(OPERATOR, CUSTOMER, Titles({"master": stated_tariff()}, language), language)


def call(
    number: int, begin: datetime, talk_s: float, to: str, left: Portion | None = None
) -> tuple[Leg, Charge]:
    """A call of acme's and its charge. Args: left: of the included minutes."""
    made = Call(number, talk_s, begin=begin, to=to)
    leg = leg_of(gather(events_of(made))[made.trunk_leg])
    usage = usage_of(leg) if leg is not None else None
    assert leg is not None and usage is not None
    return leg, rate(usage, compile_tariff(stated_tariff()), MOSCOW, left)


def fill(store: SqlStore) -> None:
    """acme from December 2025 to February: charges of each kind, payments, what was taken back and when."""
    tariffs = Tariffs({"master": stated_tariff()})
    _happens(store, tariffs, BEGIN, Activated("master", ZONE, 9, {"crm": 1}))
    charge_due(store, tariffs, BEGIN + timedelta(days=8), posted_at=BEGIN + timedelta(days=8))
    _happens(store, tariffs, BEGIN + timedelta(days=12), EmployeesChanged(11))
    _happens(store, tariffs, BEGIN + timedelta(days=20), OptionConnected("storage_year", 2))
    pay(store, "1047", 500_000, BEGIN + timedelta(days=1))
    pay(store, "1048", 1_000, BEGIN + timedelta(days=2))
    store.take_back("payment/acme/1048", "чужой", "olga", BEGIN + timedelta(days=3))
    at = BEGIN + timedelta(days=9)
    with store.billing() as unit:
        sms = SmsSent("+79991234567", "я" * 80)
        charge_usage(unit, "acme", sms, at, "sms-1", tariffs, posted_at=at)
        informed = AutoinformCalled("+79991234567", 61)
        charge_usage(unit, "acme", informed, at, "call-1", tariffs, posted_at=at)
    made = [
        call(1, at, 61, "+74957654321", Portion("minutes", date(2025, 12, 10), 60)),
        call(2, at + timedelta(hours=1), 2, "+34911234567"),
        call(3, at + timedelta(hours=2), 3725, "+34911234567"),
        call(4, datetime(2025, 12, 31, 20, 59, 50, tzinfo=UTC), 30, "+74957654321"),
    ]
    store.post([charge for _, charge in made], [leg for leg, _ in made], "listener", at + timedelta(hours=4))
    store.take_back(str(made[0][1].key), WHY, "olga", at + timedelta(hours=5))
    store.take_back(str(made[2][1].key), "late", "olga", JANUARY.begins_at(MOSCOW) + timedelta(days=4))
    charge_due(store, tariffs, BEGIN + timedelta(days=50), posted_at=BEGIN + timedelta(days=50))
    pay(store, "1049", 123_456_789, JANUARY.begins_at(MOSCOW) + timedelta(days=7))


def pay(store: SqlStore, ref: str, amount_kop: int, at: datetime) -> None:
    store.pay(Payment("acme", ref, amount_kop, at, "olga"), at)


def month_of(store: SqlStore, month: Month, tenant: str = "acme", *, draft: bool = False) -> Statement:
    posted = store.posted_month(tenant, month.begins_at(MOSCOW), month.ends_at(MOSCOW))
    return statement_of(posted, tenant, month, MOSCOW, MADE, draft=draft)


def _happens(store: SqlStore, tariffs: Tariffs, at: datetime, event: AccountEvent) -> None:
    with store.billing() as unit:
        take_events(unit, "acme", [event], at, tariffs, "apply", posted_at=at)
