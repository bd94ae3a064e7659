"""`vpbx deck import` of large decks, from the process's start to its end: one JSON line a size.

The CSV is made of a seed. `wall_s` depends on what else the machine does, `cpu_s` (user and system time of
the process) hardly: compare that one.

python bench/bench_deck.py --prefixes 100000 10000
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_SEED = 7


@dataclass(frozen=True, slots=True)
class Run:
    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, nargs="+", default=[100_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for prefixes in given.prefixes:
        with tempfile.TemporaryDirectory(prefix="vpbx-bench-") as directory:
            root = Path(directory)
            prices = root / "prices.csv"
            prices.write_text(price_list(prefixes), "utf-8")
            new = [_imported(root, prices, prefixes, f"new-{number}") for number in range(given.rounds)]
            again = [_imported(root, prices, 0, "new-0") for _ in range(given.rounds)]
        print(
            json.dumps(
                {
                    "bench": "deck",
                    "prefixes": prefixes,
                    **_told("import", new),
                    **_told("again", again),
                }
            )
        )


def price_list(prefixes: int) -> str:
    """A CSV of so many prefixes of one to ten digits, one of one digit for every number."""
    dice = random.Random(_SEED)
    found = {str(first) for first in range(1, 10)}
    while len(found) < prefixes:
        found.add(str(dice.randrange(1, 10)) + "".join(dice.choices("0123456789", k=dice.randrange(2, 10))))
    lines = ["prefix,destination,price,starts_on\n"]
    for prefix in sorted(found):
        kopecks = dice.randrange(100, 9000)
        lines.append(f"{prefix},Zone {prefix[:3]},{kopecks // 100}.{kopecks % 100:02d},2026-01-01\n")
    return "".join(lines)


def _imported(root: Path, prices: Path, added: int, deck: str) -> Run:
    """One run of the verb; it must have added so many rates."""
    command = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(root), "deck", "import", str(prices)]
    before, began = _cpu_s(), time.perf_counter()
    done = subprocess.run(
        [*command, "--deck", deck, "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    run = Run(time.perf_counter() - began, _cpu_s() - before)
    if json.loads(done.stdout)["added"] != added:
        raise AssertionError(f"{added} rates should have been added: {done.stdout}")
    return run


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _told(what: str, runs: list[Run]) -> dict[str, float]:
    return {
        f"{what}_wall_s": round(statistics.median(run.wall_s for run in runs), 3),
        f"{what}_cpu_s": round(statistics.median(run.cpu_s for run in runs), 3),
    }


if __name__ == "__main__":
    main()
