"""`vpbx reconcile --carrier` of a month of many calls, as a process: one JSON line.

Calls and list are made of a seed: of a thousand calls two are dropped, two moved and one is there twice.

python bench/bench_carrier.py --calls 1000000
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.storage.store import SqlStore

_SEED = 7
_BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
_MONTH_S = 29 * 86400
_EXAMPLES = Path(__file__).parents[1] / "examples"
_MOSCOW = timedelta(hours=3)
_LEG = (
    "INSERT INTO call_leg (systemname, uniqueid, linkedid, tenant, direction, from_number, to_number,"
    " employee, trunk, decision, started_at, answered_at, ended_at, cause, estimated)"
    " VALUES ('s0', ?, ?, 'acme', ?, ?, ?, '101', 'main', 'admitted', ?, ?, ?, 16, 0)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vpbx-bench-") as directory:
        root = Path(directory) / "project"
        shutil.copytree(_EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
        expected = _make(root, given.calls)
        print(json.dumps({"bench": "carrier", "calls": given.calls, **_compared(root, expected)}))


def _make(root: Path, calls: int) -> int:
    """Calls in the database and in `list.csv`. Returns: differences that there are."""
    base = root / ".vpbx" / "vpbx.db"
    SqlStore.open(f"sqlite:///{base}").close()
    dice = random.Random(_SEED)
    expected, legs = 0, []
    with (root / "list.csv").open("w", encoding="cp1251") as text:
        text.write("Дата и время;Номер А;Номер Б;Длительность, сек;Стоимость, руб\n")
        for number in range(calls):
            at = _BEGIN + timedelta(seconds=number * _MONTH_S / calls)
            far = f"+7916{dice.randrange(max(calls // 5, 1)):07}"
            seconds, incoming = dice.randrange(1, 600), dice.random() < 0.4
            one, two = (far, "+74951112233") if incoming else ("+74951112233", far)
            began = int(at.timestamp() * 1_000_000)
            answered = began + 5_000_000
            ends = answered + seconds * 1_000_000 + 300_000
            legs.append(
                (
                    f"s0-{number}.1",
                    f"s0-{number}.0",
                    "in" if incoming else "out",
                    one,
                    two,
                    began,
                    answered,
                    ends,
                )
            )
            fate = dice.randrange(1000)
            if fate < 2:
                expected += 1
                continue
            expected += 2 if fate < 4 else fate == 4
            shown = at + _MOSCOW + timedelta(seconds=900 if fate in (2, 3) else 0)
            line = f"{shown:%d.%m.%Y %H:%M:%S};{one[1:]};{two[1:]};{seconds};{seconds * 0.03:.2f}\n".replace(
                ".", ",", 0
            )
            text.write(line * (2 if fate == 4 else 1))
    with sqlite3.connect(base) as connection:
        connection.executemany(_LEG, legs)
    return expected


def _compared(root: Path, expected: int) -> dict[str, float]:
    command = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(root), "reconcile", "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--carrier", str(root / "list.csv"), "--period", "2026-10"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    wall_s = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 2:
        raise AssertionError(done.stderr)
    found = len(json.loads(done.stdout)["differences"])
    return {
        "wall_s": round(wall_s, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "memory_mb": used.ru_maxrss // 1024,
        "differences": found,
        "expected": expected,
    }


if __name__ == "__main__":
    main()
