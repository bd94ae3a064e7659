"""`vpbx statement` of a busy tenant, as a process: one JSON line with seconds and memory of each form.

python bench/bench_statement.py --calls 20000 --pdf-calls 2000
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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded_calls import Call, events_of

from orchestrator import definitions
from orchestrator.billing.rating import CompiledTariff, compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.model.call import Charge, Leg
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[1] / "examples"
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
MONTH_S = 30 * 86_400
NUMBERS = ("+74957654321", "+79161112233", "+78123456789", "+442071234567", "+15551234567")
AT_ONCE = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="of one tenant in a month")
    parser.add_argument("--pdf-calls", type=int, default=2_000, help="the same for the PDF")
    given = parser.parse_args()
    for calls, forms in ((given.calls, ("html", "csv", "json", "upd-csv")), (given.pdf_calls, ("pdf",))):
        with tempfile.TemporaryDirectory() as directory:
            project = Path(directory) / "project"
            shutil.copytree(EXAMPLES, project, ignore=shutil.ignore_patterns(".vpbx"))
            _fill(project, calls)
            figures: dict[str, object] = {"bench": "statement", "calls": calls}
            for form in forms:
                took_s, peak_mb, size_kb = _statement(project, form)
                figures |= {f"{form}_s": round(took_s, 1), f"{form}_mb": peak_mb, f"{form}_kb": size_kb}
            print(json.dumps(figures))


def _fill(project: Path, calls: int) -> None:
    (project / ".vpbx").mkdir()
    tariff = compile_tariff(definitions.load(project).tariffs["master"])
    store = SqlStore.open(f"sqlite:///{project}/.vpbx/vpbx.db")
    chance = random.Random(1)
    for first in range(0, calls, AT_ONCE):
        made = [_call(chance, number, tariff) for number in range(first, min(first + AT_ONCE, calls))]
        legs, charges = [leg for leg, _ in made], [charge for _, charge in made]
        store.post(charges, legs, "listener", BEGIN + timedelta(seconds=MONTH_S))
    store.close()


def _call(chance: random.Random, number: int, tariff: CompiledTariff) -> tuple[Leg, Charge]:
    begin = BEGIN + timedelta(seconds=chance.randrange(MONTH_S))
    call = Call(number, 1 + int(chance.expovariate(1 / 120)), begin=begin, to=chance.choice(NUMBERS))
    leg = leg_of(gather(events_of(call))[call.trunk_leg])
    usage = usage_of(leg) if leg is not None else None
    assert leg is not None and usage is not None
    return replace(leg, employee="101"), rate(usage, tariff, ZoneInfo("Europe/Moscow"))


def _statement(project: Path, form: str) -> tuple[float, int, int]:
    """Returns: seconds, the most memory in MB, and what was written in KB."""
    out = project / f"paper.{form}"
    command = [str(Path(sys.executable).with_name("vpbx")), "-C", str(project), "statement", "acme"]
    command += ["--period", "2026-10", "--format", form, "-o", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return took_s, usage.ru_maxrss // 1024, out.stat().st_size // 1024


if __name__ == "__main__":
    main()
