"""The ledger and reconciliation: one JSON line with postings and recorded calls a second.

python bench/bench_ledger.py --calls 5000 [--database postgresql://...]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded_calls import BEGIN, Call, definitions, events_of, record_of, switch_record, tariff

from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.model.call import Charge
from orchestrator.reconciliation import reconcile
from orchestrator.storage.store import SqlStore

NOW = datetime(2026, 9, 24, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--database", help="URL of an empty database; a temporary SQLite file by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        store = SqlStore.open(given.database or f"sqlite:///{directory}/vpbx.db")
        calls = [Call(number, 61, begin=BEGIN + timedelta(seconds=number)) for number in range(given.calls)]
        (Path(directory) / "vpbx-cel.csv").write_bytes(record_of(calls))
        one_by_one = _one_by_one(store, 500, given.calls)
        began = time.perf_counter()
        report = reconcile(store, switch_record(Path(directory)), definitions(), now=NOW)
        reconcile_s = time.perf_counter() - began
        began = time.perf_counter()
        entries = store.verify().entries
        verify_s = time.perf_counter() - began
        store.close()
    print(
        json.dumps(
            {
                "bench": "ledger",
                "database": (given.database or "sqlite").split(":")[0],
                "posts_per_s_one_by_one": round(one_by_one),
                "reconciled_calls_per_s": round(report.charged / reconcile_s),
                "record_rows_per_s": round(report.rows / reconcile_s),
                "verified_entries_per_s": round(entries / verify_s),
            }
        )
    )


def _one_by_one(store: SqlStore, number: int, after: int) -> float:
    """Postings a second when each is a transaction of its own, made safe on the disk."""
    charges = [_charge(Call(after + index, 61)) for index in range(number)]
    began = time.perf_counter()
    for charge in charges:
        store.post([charge], [], "listener", NOW)
    return number / (time.perf_counter() - began)


def _charge(call: Call) -> Charge:
    leg = leg_of(gather(events_of(call))[call.trunk_leg])
    usage = usage_of(leg) if leg else None
    if usage is None:
        raise AssertionError("an answered outbound call is charged")
    return rate(usage, compile_tariff(tariff()), UTC)


if __name__ == "__main__":
    main()
