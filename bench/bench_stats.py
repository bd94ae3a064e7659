"""`vpbx stats` over many stored calls, as a process: one JSON line with seconds and memory for each grouping.

python bench/bench_stats.py --calls 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from orchestrator.storage.database import open_database
from orchestrator.storage.schema import inbound_call, rung_phone

EXAMPLES = Path(__file__).parents[1] / "examples"
YEAR_US = 365 * 86400 * 1_000_000
BEGIN_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
AT_ONCE = 20_000
NUMBERS = ("+74951112233", "+74951112234", "+74951112235")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="of one tenant, over a year")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory) / "project"
        shutil.copytree(EXAMPLES, project, ignore=shutil.ignore_patterns(".vpbx"))
        began = time.perf_counter()
        rows = _fill(f"sqlite:///{project}/.vpbx/vpbx.db", given.calls)
        filled_s = time.perf_counter() - began
        figures: dict[str, object] = {"bench": "stats", "calls": given.calls, "phones": rows}
        figures["filled_s"] = round(filled_s, 1)
        for by in ("hour", "number", "department", "employee"):
            took_s, peak_mb = _stats(project, by)
            figures[f"{by}_s"], figures[f"{by}_mb"] = round(took_s, 1), peak_mb
    print(json.dumps(figures))


def _fill(url: str, calls: int) -> int:
    """Two phones a call, one caller in three has called before. Returns: rows of phones."""
    chance = random.Random(1)
    database = open_database(url)
    phones = 0
    pages = _pages(chance, calls)
    for page in pages:
        rung = [row for call in page for row in _phones(call)]
        phones += len(rung)
        with database.writing() as connection:
            connection.execute(insert(inbound_call), page)
            connection.execute(insert(rung_phone), rung)
    database.close()
    return phones


def _pages(chance: random.Random, calls: int) -> Iterator[list[dict[str, object]]]:
    page: list[dict[str, object]] = []
    for index in range(calls):
        outcome = chance.choices(("answered", "missed", "abandoned"), (85, 5, 10))[0]
        wait_us = int(chance.expovariate(1 / 12) * 1_000_000)
        talk_us = int(chance.expovariate(1 / 120) * 1_000_000) if outcome == "answered" else 0
        began_us = BEGIN_US + YEAR_US * index // calls
        page.append(
            {
                "systemname": "s1",
                "uniqueid": f"s1-{index}.1",
                "linkedid": f"s1-{index}.1",
                "tenant": "acme",
                "caller": f"+7903{chance.randrange(calls * 2 // 3 + 1):07}",
                "number": chance.choice(NUMBERS),
                "began_at": began_us,
                "ended_at": began_us + wait_us + talk_us,
                "outcome": outcome,
                "wait_us": wait_us,
                "talk_us": talk_us,
                "employee": f"10{chance.randrange(1, 8)}",
                "department": chance.choice(("", "sales")),
            }
        )
        if len(page) == AT_ONCE:
            yield page
            page = []
    if page:
        yield page


def _phones(call: dict[str, object]) -> list[dict[str, object]]:
    return [
        {
            "systemname": "s1",
            "call": call["uniqueid"],
            "uniqueid": f"{call['uniqueid']}{place}",
            "tenant": "acme",
            "began_at": call["began_at"],
            "employee": employee,
            "department": call["department"],
            "step": "departments.sales",
            "rung_at": call["began_at"],
            "answered_at": None,
            "talk_us": call["talk_us"] if place == 0 else 0,
        }
        for place, employee in enumerate((call["employee"], "108"))
    ]


def _stats(project: Path, by: str) -> tuple[float, int]:
    """Seconds and peak megabytes of one run."""
    vpbx = str(Path(sys.executable).with_name("vpbx"))
    command = [vpbx, "-C", str(project), "stats", "acme", "--from", "2026-01-01", "--to", "2026-12-31"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--by", by, "--json", "--no-reconcile"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} exited with {status}")
    return time.perf_counter() - began, used.ru_maxrss // 1024


if __name__ == "__main__":
    main()
