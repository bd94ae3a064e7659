"""A platform's month in the ledger: services, calls beyond what is included, SMS, corrections."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import insert

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.included import Allowances
from orchestrator.billing.timeline import ChargedPeriods
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.call import Charge, ChargeKey, Systemname, Usage
from orchestrator.model.platform import Definitions
from orchestrator.model.service import (
    AutoinformCalled,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    SmsSent,
)
from orchestrator.model.statement import Month
from orchestrator.model.tariff import Tariff
from orchestrator.pricing import Pricing, Taking
from orchestrator.storage import allowances as taken_tables
from orchestrator.storage import ledger
from orchestrator.storage.schema import call_leg
from orchestrator.storage.store import SqlStore
from orchestrator.storage.tariff_states import keep_states
from orchestrator.storage.values import micros

EXAMPLES = Path(__file__).parents[1] / "examples"
OCTOBER = Month(2026, 10)
ZONES = ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")
SYSTEM = Systemname("s0a1b2c3d4e5f607")
BEGIN = datetime(2026, 8, 20, 6, 0, tzinfo=UTC)
CHARGED = datetime(2026, 11, 2, tzinfo=UTC)
DESTINATIONS = 200
_CALLS_FROM = datetime(2026, 9, 30, 12, 0, tzinfo=UTC)
"""Local dates of October anywhere, and some of the months around it."""
_CALLS_S = 32 * 86_400
_AT_ONCE = 20_000


def platform(directory: Path) -> Path:
    """A project whose tariff charges for everything and includes some; `next/` has another tariff, whose deck
    tells numbers apart that the first doesn't."""
    project = directory / "project"
    shutil.copytree(EXAMPLES, project, ignore=shutil.ignore_patterns(".vpbx", "tenants"))
    (project / "tenants").mkdir()
    (project / ".vpbx").mkdir()
    drawn = random.Random(1)
    rates = [
        (
            prefix,
            Decimal(drawn.randrange(50, 900)) / 100,
            drawn.choice([1, 60, 60]),
            drawn.choice([0, 0, 30]),
            drawn.choice([0, 0, 3]),
            drawn.choice([0, 0, 1]),
        )
        for prefix in range(7300, 7300 + DESTINATIONS)
    ]
    listed = ", ".join(f'"+{prefix}"' for prefix, *_ in rates[::5])
    included = f"  minutes: {{quantity: 300, to: [{listed}]}}\n  sms: 10\n"
    text = (project / "tariffs" / "master.yaml").read_text().replace("multifon-business", "coarse")
    (project / "tariffs" / "master.yaml").write_text(
        text.replace("  employees: 7\n", f"  employees: 7\n{included}")
    )
    _write_deck(project / "decks" / "coarse.csv", rates)
    finer = [
        (f"{prefix}{digit}", price - Decimal(5 - digit) / 25, *more)
        for prefix, price, *more in rates
        for digit in range(10)
    ]
    (project / "next").mkdir()
    _write_deck(project / "next" / "finer.csv", finer)
    changes = (
        ("slug: master", "slug: next"),
        ("decks/coarse.csv", "finer.csv"),
        ('subscription: "1000.00"', 'subscription: "700.00"'),
        ("  employees: 7\n", "  employees: 5\n  minutes: {quantity: 100}\n"),
        ('  price: "200.00"', '  price: "240.00"'),
    )
    for before, after in changes:
        assert before in text or "coarse" in before, before
        text = text.replace(before, after)
    (project / "next" / "next.yaml").write_text(text)
    return project


def _write_deck(file: Path, rates: Iterable[Sequence[object]]) -> None:
    lines = [
        f"{prefix},Destination {prefix},{price},{','.join(map(str, more))},2026-01-01"
        for prefix, price, *more in rates
    ]
    head = "prefix,destination,price,increment_s,minimum_s,free_below_s,connect_fee,starts_on"
    file.write_text("\n".join([head, *lines, ""]))


def fill(store: SqlStore, tariff: Tariff, calls: int, tenants: int, seed: int) -> None:
    """Services since August, calls around October in the order of their hangups, some taken back."""
    drawn = random.Random(seed)
    names = [f"tenant-{number:04}" for number in range(tenants)]
    zones = {name: drawn.choice(ZONES) for name in names}
    _serve(store, zones, Tariffs({tariff.slug: tariff}), drawn)
    keys = _call(store, zones, tariff, calls, drawn)
    for key in drawn.sample(keys, len(keys) // 10):
        store.take_back(key, "a mistake", "olga", CHARGED)


def _serve(store: SqlStore, zones: dict[str, str], tariffs: Tariffs, drawn: random.Random) -> None:
    for name, zone in zones.items():
        at = BEGIN + timedelta(seconds=drawn.randrange(30 * 86_400))
        activated = Activated(
            "master", zone, drawn.randint(3, 30), {"crm": 1} if drawn.random() < 0.5 else {}
        )
        happened: list[tuple[datetime, AccountEvent]] = [(at, activated)]
        if drawn.random() < 0.5:
            later = at + timedelta(days=drawn.randint(8, 40))
            happened.append((later, OptionConnected("storage_year", drawn.randint(1, 3))))
            happened.append((later + timedelta(days=1), EmployeesChanged(drawn.randint(1, 40))))
        if "crm" in activated.options and drawn.random() < 0.2:
            happened.append((at + timedelta(days=43), OptionDisconnected("crm")))
        for moment, event in happened:
            with store.billing() as unit:
                take_events(unit, name, [event], moment, tariffs, "apply")
    charge_due(store, tariffs, CHARGED)
    for number in range(len(zones) * 3):
        name = drawn.choice(list(zones))
        at = _CALLS_FROM + timedelta(seconds=drawn.randrange(_CALLS_S))
        used = SmsSent("+79161234567", "я" * drawn.randint(1, 400))
        event = used if drawn.random() < 0.7 else AutoinformCalled("+79161234567", drawn.randint(1, 180))
        with store.billing() as unit:
            charge_usage(unit, name, event, at, str(number), tariffs)


def _call(
    store: SqlStore, zones: dict[str, str], tariff: Tariff, calls: int, drawn: random.Random
) -> list[str]:
    """Charge calls as the listener does, in large transactions."""
    known = {name: SimpleNamespace(tariff="master", time_zone=zone) for name, zone in zones.items()}
    definitions = cast(Definitions, SimpleNamespace(tariffs={"master": tariff}, tenants=known))
    pricing = Pricing(definitions)
    events = {name: store.service_events(name)[::-1] for name in zones}
    periods = ChargedPeriods(Tariffs({"master": tariff}), events.__getitem__)
    taking = Taking(periods, Allowances(lambda _tenant, _whole: 0), events.__getitem__)
    keys: list[str] = []
    made = (pricing.charge(usage, taking) for usage in _usages(list(zones), calls, drawn))
    while charges := list(islice(made, _AT_ONCE)):
        with store.database.writing() as connection:
            keep_states(connection, (charges[0].state,))
            entries = [ledger.call_entry(charge) for charge in charges]
            ledger.append(connection, entries, "listener", charges[-1].occurred_at)
            taken = [(charge.tenant, charge.taken) for charge in charges if charge.taken is not None]
            taken_tables.take(connection, taken)
            connection.execute(insert(call_leg), [_leg(charge, drawn) for charge in charges])
        keys += [str(charge.key) for charge in charges[:: max(1, calls // 2000)]]
    return keys


def _usages(names: Sequence[str], calls: int, drawn: random.Random) -> Iterator[Usage]:
    for index in range(calls):
        end = _CALLS_FROM + timedelta(seconds=index * _CALLS_S // calls, microseconds=drawn.randrange(10**6))
        answer = end - timedelta(seconds=min(7200.0, 1 + drawn.expovariate(1 / 150)))
        name = f"{SYSTEM}-{int(answer.timestamp())}"
        to_number = f"+{drawn.randrange(7300, 7300 + DESTINATIONS)}{drawn.randrange(10**7):07}"
        key = ChargeKey(SYSTEM, f"{name}.{2 * index + 1}", "call")
        yield Usage(key, drawn.choice(names), f"{name}.{2 * index}", "out", "", to_number, answer, end)


def _leg(charge: Charge, drawn: random.Random) -> dict[str, Any]:
    """Its number is one of the prefix that it was charged by."""
    return {
        "systemname": charge.key.systemname,
        "uniqueid": charge.key.uniqueid,
        "linkedid": charge.linkedid,
        "tenant": charge.tenant,
        "direction": "out",
        "from_number": "",
        "to_number": f"+{charge.deck_prefix}{drawn.randrange(10**7):07}",
        "employee": "101",
        "trunk": "carrier",
        "decision": "admitted",
        "started_at": micros(charge.answered_at),
        "answered_at": micros(charge.answered_at),
        "ended_at": micros(charge.occurred_at),
        "cause": 16,
        "estimated": False,
    }
