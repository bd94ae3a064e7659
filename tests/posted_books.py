"""Books with every kind of entry, posted by the code that posts them; and what a falsifier would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from recorded_calls import Call, events_of
from sqlalchemy import Connection, text

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.call import Charge
from orchestrator.model.service import AutoinformCalled, EmployeesChanged, OptionConnected, SmsSent
from orchestrator.model.tariff import Deck, Option, Prices, Rate, Tariff, Tier, VatRate
from orchestrator.storage.entries import GENESIS, chain_hash, walk
from orchestrator.storage.store import SqlStore

ZONE = "Europe/Moscow"
BEGIN = datetime(2025, 11, 28, 9, 0, tzinfo=UTC)
"""Of the services: a period of theirs spans the change of VAT."""

POSTED = datetime(2026, 9, 23, tzinfo=UTC)
LEDGER = ("ledger_entry", "ledger_posting", "tariff_state")
WHY = 'a "test" call\\ёлка\nof theirs'

_MOSCOW = Rate("7495", "Moscow", Decimal("2.30"), date(2026, 1, 1))
_SPAIN = Rate("34", "España", Decimal("11.337"), date(2026, 1, 1), 1, 30, 3, Decimal("0.5"))


def tariff(version: str = "1", subscription: str = "1000") -> Tariff:
    """A tariff that charges for everything."""
    prices = Prices(
        version=version,
        subscription=Decimal(subscription),
        employee=(Tier(1, Decimal(200)), Tier(3, Decimal(150))),
        options={"crm": Decimal("499.99"), "storage_year": Decimal(300)},
        sms=Decimal("2.50"),
        autoinform=Rate("", "", Decimal("2.30"), date.min),
    )
    options = {"crm": Option("crm", {"ru": "CRM"}), "storage_year": Option("storage_year", {}, counted=True)}
    vat = (VatRate(date(2019, 1, 1), Decimal(20)), VatRate(date(2026, 1, 1), Decimal(22)))
    deck = Deck("sample", "1", (_MOSCOW, _SPAIN))
    return Tariff("master", (prices,), {"ru": "Мастер"}, "RUB", 7, 2, options, deck, vat)


def charge_of(number: int, talk_s: float = 61, tenant: str = "acme", to: str = "+74957654321") -> Charge:
    """The charge of a call."""
    call = Call(number, talk_s, tenant=tenant, to=to)
    leg = leg_of(gather(events_of(call))[call.trunk_leg])
    usage = usage_of(leg) if leg is not None else None
    assert usage is not None
    return rate(usage, compile_tariff(tariff()), ZoneInfo(ZONE))


def fill(store: SqlStore) -> None:
    """Two tenants' services for some months, calls, and reversals of either kind."""
    tariffs = Tariffs({"master": tariff()})
    _happens(store, tariffs, "acme", BEGIN, Activated("master", ZONE, 9, {"crm": 1}))
    _happens(store, tariffs, "beta", BEGIN + timedelta(days=1), Activated("master", ZONE, 3))
    _happens(store, tariffs, "acme", BEGIN + timedelta(days=12), EmployeesChanged(11))
    _happens(store, tariffs, "acme", BEGIN + timedelta(days=20), OptionConnected("storage_year", 2))
    charge_due(store, tariffs, BEGIN + timedelta(days=40), posted_at=POSTED)
    with store.billing() as unit:
        at = BEGIN + timedelta(days=41)
        sms = SmsSent("+79991234567", "я" * 80)
        charge_usage(unit, "acme", sms, at, "sms-1", tariffs, posted_at=POSTED)
        informed = AutoinformCalled("+79991234567", 61)
        charge_usage(unit, "beta", informed, at, "call-1", tariffs, posted_at=POSTED)
    changed = Tariffs({"master": tariff("2", "1100")})
    charge_due(store, changed, BEGIN + timedelta(days=80), posted_at=POSTED)
    calls = [charge_of(1), charge_of(2, 5.5, "beta"), charge_of(3, 2, to="+34911234567"), charge_of(4, 3600)]
    store.post([*calls, charge_of(5, 47, to="+34911234567")], [], "listener", POSTED)
    store.take_back(str(calls[0].key), WHY, "olga as root", POSTED)
    store.reverse(str(calls[1].key), "reconciliation", POSTED)
    store.post([_corrected(charge_of(2, 9, "beta"))], [], "reconciliation", POSTED)


def _corrected(charge: Charge) -> Charge:
    return replace(charge, key=replace(charge.key, kind="call.corrected"), kind="call.corrected")


def _happens(store: SqlStore, tariffs: Tariffs, tenant: str, at: datetime, event: AccountEvent) -> None:
    with store.billing() as unit:
        take_events(unit, tenant, [event], at, tariffs, "apply", posted_at=POSTED)


def disarm(connection: Connection) -> None:
    """Take off what refuses a change: triggers and references between tables."""
    if connection.dialect.name == "postgresql":
        for table in LEDGER:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
    for name in names:
        connection.execute(text(f"DROP TRIGGER {name}"))


def falsify(store: SqlStore, *statements: str, chained: bool = True, **values: object) -> None:
    """Change the database behind vpbx's back. Args: chained: make the hashes fit again afterwards."""
    with store.database.writing() as connection:
        disarm(connection)
        for statement in statements:
            connection.execute(text(statement), values)
        if chained:
            _chain_anew(connection)


def _chain_anew(connection: Connection) -> None:
    previous = GENESIS
    fitted: list[Mapping[str, object]] = []
    for entry, accounts in walk(connection):
        found = chain_hash(entry._replace(prev_hash=previous), accounts)
        fitted.append({"seq": entry.seq, "previous": previous, "found": found})
        previous = found
    connection.execute(
        text("UPDATE ledger_entry SET prev_hash = :previous, hash = :found WHERE seq = :seq"), fitted
    )
