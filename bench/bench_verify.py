"""Proof of the books: a ledger of many entries, mixed as a platform's is, and what verifying it takes.

    python bench/bench_verify.py --entries 100000 1000000 [--keep DIRECTORY]

Entries are posted by the code that posts them, in large batches. Each verification is a process of its own,
so that its peak of memory is its alone. One JSON line for each size.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.accounts import Tariffs, charge_due, take_events
from orchestrator.billing.included import Allowances
from orchestrator.billing.rating import CompiledTariff, compile_tariff, rate
from orchestrator.billing.usage import UsageTerms, Use, charge_usage
from orchestrator.model.account import Activated, ServiceEntry
from orchestrator.model.call import Charge, ChargeKey, Systemname, Usage
from orchestrator.model.service import AutoinformCalled, SmsSent
from orchestrator.model.tariff import Deck, Option, Prices, Rate, Tariff, Tier, VatRate
from orchestrator.storage.store import SqlStore

BEGIN = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
YEAR_S = 360 * 24 * 3600
ZONE = "Europe/Moscow"
_SYSTEMNAME = Systemname("s0a1b2c3d4e5f607")
_MOST = 20_000
_MONTHS_BY_ENTRIES = 60
_SMS_SHARE, _REVERSED_SHARE = 0.2, 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[100_000])
    parser.add_argument("--keep", type=Path, help="Where the ledgers are made and left.")
    parser.add_argument("--verify", type=Path, help="Only verify this ledger, in this process.")
    given = parser.parse_args()
    if given.verify:
        print(json.dumps(_verify(given.verify)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for entries in given.entries:
            _measure((given.keep or Path(temporary)) / f"ledger-{entries}.db", entries)


def _measure(path: Path, entries: int) -> None:
    filled_s = 0.0
    if not path.exists():
        began = time.perf_counter()
        _fill(path, entries)
        filled_s = time.perf_counter() - began
    command = [sys.executable, __file__, "--verify", str(path)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    size_mb = round(path.stat().st_size / 1e6)
    posted = {"posted_per_s": round(entries / filled_s)} if filled_s else {}
    print(json.dumps({"bench": "verify", **told, "file_mb": size_mb, **posted}))


def _verify(path: Path) -> dict[str, float]:
    store = SqlStore.open(f"sqlite:///{path}")
    began, began_cpu = time.perf_counter(), time.process_time()
    verified = store.verify()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    return {
        "entries": verified.entries,
        "recomputed": verified.recomputed,
        "reversals": verified.reversals,
        "seconds": round(wall_s, 2),
        "cpu_seconds": round(cpu_s, 2),
        "entries_per_s": round(verified.entries / wall_s),
        "peak_mb": round(_peak_kb() / 1024),
    }


def _peak_kb() -> int:
    """The most memory that this process has had; what `getrusage` says has its parent's in it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _fill(path: Path, entries: int) -> None:
    """A year of a platform: subscriptions, options, SMS, calls, and some of them reversed."""
    store = SqlStore.open(f"sqlite:///{path}")
    drawn = random.Random(entries)
    tenants = [f"tenant-{number}" for number in range(max(1, entries // (_MONTHS_BY_ENTRIES * 16)))]
    tariff = _tariff(drawn)
    tariffs = Tariffs({tariff.slug: tariff})
    for tenant in tenants:
        begin = BEGIN + timedelta(seconds=drawn.randrange(20 * 24 * 3600))
        activated = Activated(tariff.slug, ZONE, drawn.randint(3, 30), {"crm": 1, "storage_year": 2})
        with store.billing() as unit:
            take_events(unit, tenant, [activated], begin, tariffs, "apply")
    charge_due(store, tariffs, BEGIN + timedelta(seconds=YEAR_S))
    used, reversed_ones = int(entries * _SMS_SHARE), int(entries * _REVERSED_SHARE)
    for batch in _batches(_usages(used, tenants, tariffs, drawn)):
        with store.billing() as unit:
            unit.post(batch, "usage", batch[-1].charge.at)
    compiled = compile_tariff(tariff)
    calls = entries - reversed_ones - store.verify().entries
    keys: list[str] = []
    for charges in _batches(_calls(calls, tenants, compiled, drawn)):
        store.post(charges, [], "listener", charges[-1].occurred_at)
        keys += [str(charge.key) for charge in charges[: 1 + reversed_ones * _MOST // calls]]
    with store.reconciling() as unit:
        for key in keys[:reversed_ones]:
            unit.reverse(key, "reconciliation", BEGIN)
    store.close()


def _batches(items: Iterator[Charge] | Iterator[ServiceEntry]) -> Iterator[Sequence]:
    while batch := list(islice(items, _MOST)):
        yield batch


def _usages(
    number: int, tenants: Sequence[str], tariffs: Tariffs, drawn: random.Random
) -> Iterator[ServiceEntry]:
    by = UsageTerms(tariffs.terms("master", ZONE), compile_tariff(_tariff(drawn)).deck)
    allowances = Allowances(lambda _tenant, _portion: 0)
    for index in range(number):
        at = BEGIN + timedelta(seconds=index * YEAR_S // number, microseconds=drawn.randrange(10**6))
        tenant = drawn.choice(tenants)
        event = (
            SmsSent("+79161234567", "я" * drawn.randint(1, 200))
            if drawn.random() < 0.7
            else AutoinformCalled("+79161234567", drawn.randint(1, 180))
        )
        charge = charge_usage(Use(event, at), by, allowances)
        assert charge is not None
        yield ServiceEntry(f"usage/{tenant}/{index}", tenant, charge, tariffs.state("master"))


def _calls(
    number: int, tenants: Sequence[str], tariff: CompiledTariff, drawn: random.Random
) -> Iterator[Charge]:
    zone = ZoneInfo(ZONE)
    for index in range(number):
        answer = BEGIN + timedelta(seconds=index * YEAR_S // number, microseconds=drawn.randrange(10**6))
        end = answer + timedelta(seconds=min(7200.0, drawn.expovariate(1 / 150)))
        name = f"{_SYSTEMNAME}-{int(answer.timestamp())}"
        to_number = f"+7{drawn.randint(100, 399)}1234567"
        key = ChargeKey(_SYSTEMNAME, f"{name}.{2 * index + 1}", "call")
        tenant, linkedid = drawn.choice(tenants), f"{name}.{2 * index}"
        yield rate(Usage(key, tenant, linkedid, "out", "", to_number, answer, end), tariff, zone)


def _tariff(drawn: random.Random) -> Tariff:
    """A tariff that charges for everything, with 300 destinations at prices of their own."""
    rates = tuple(
        Rate(
            f"7{prefix}",
            f"Destination {prefix}",
            Decimal(drawn.randrange(50, 900)) / 100,
            date(2026, 1, 1),
            drawn.choice([1, 60, 60]),
            connect_fee=Decimal(drawn.choice([0, 0, 1])),
        )
        for prefix in range(100, 400)
    )
    prices = Prices(
        version="2026",
        subscription=Decimal(1000),
        employee=(Tier(1, Decimal(200)),),
        options={"crm": Decimal(500), "storage_year": Decimal(300)},
        sms=Decimal("2.50"),
        autoinform=Rate("", "", Decimal("2.30"), date.min),
    )
    options = {"crm": Option("crm", {}), "storage_year": Option("storage_year", {}, counted=True)}
    vat = (VatRate(date(2019, 1, 1), Decimal(20)), VatRate(date(2026, 1, 1), Decimal(22)))
    return Tariff("master", (prices,), {}, "RUB", 7, 2, options, Deck("bench", "1", rates), vat)


if __name__ == "__main__":
    main()
