"""What falls due: one JSON line with the seconds of a `billing run` on the anchor day of many tenants.

SQLite with full sync and the hash chain on; a second line at a tenth of the tenants shows how it grows.

python bench/bench_billing.py --tenants 10000 --options 5 [--database postgresql://...]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator import definitions
from orchestrator.accounts import Tariffs, charge_due, take_events
from orchestrator.model.account import Activated
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[1] / "examples"
BEGUN = datetime(2026, 1, 24, 9, tzinfo=UTC)
FIRST_CHARGE, ANCHOR_DAY = BEGUN + timedelta(days=8), datetime(2026, 3, 1, tzinfo=UTC)
OPTIONS = ("analytics", "crm", "effective_sales", "raised_voices", "recording")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--options", type=int, default=len(OPTIONS))
    parser.add_argument("--database", help="URL of an empty database; a temporary SQLite file by default")
    given = parser.parse_args()
    for tenants in (given.tenants // 10, given.tenants):
        with tempfile.TemporaryDirectory() as directory:
            # A database that is given holds what the smaller run left in it: other tenants, charged already.
            url = given.database or f"sqlite:///{directory}/vpbx.db"
            print(json.dumps(measured(url, tenants, given.options)), flush=True)


def measured(url: str, tenants: int, options: int) -> dict[str, object]:
    """One anchor day. The tenants were activated, and charged for the first time, before it."""
    tariffs = Tariffs(definitions.load_tariffs(EXAMPLES).tariffs)
    store = SqlStore.open(url)
    names = [f"of{tenants}-{number:05}" for number in range(tenants)]
    on = dict.fromkeys(OPTIONS[:options], 1)
    with store.billing() as unit:
        for name in names:
            activated = Activated("master", "Europe/Moscow", 9, on)
            take_events(unit, name, [activated], BEGUN, tariffs, "apply")
    charge_due(store, tariffs, FIRST_CHARGE)
    began = time.perf_counter()
    ran = charge_due(store, tariffs, ANCHOR_DAY)
    run_s = time.perf_counter() - began
    began = time.perf_counter()
    again = charge_due(store, tariffs, ANCHOR_DAY)
    again_s = time.perf_counter() - began
    began = time.perf_counter()
    accounts = store.accounts()
    accounts_s = time.perf_counter() - began
    store.verify()
    store.close()
    entries = sum(charged.entries for charged in ran.charged.values())
    if entries != tenants * (options + 2) or again.charged:
        raise AssertionError(f"{entries} entries, {len(again.charged)} tenants charged again")
    return {
        "bench": "billing",
        "database": url.split(":")[0],
        "tenants": tenants,
        "options": options,
        "entries": entries,
        "run_s": round(run_s, 2),
        "entries_per_s": round(entries / run_s),
        "nothing_due_ms": round(again_s * 1000, 1),
        "accounts_read_ms": round(accounts_s * 1000, 1),
        "accounts": len(accounts),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
