"""`make proof-history`: 5,000 random histories of tenants on a real database, against a naive model.

Each is 20 steps of what may happen to two tenants: activation, options, employees, SMS, auto-informing, days
on which nothing runs, billing runs, disconnection, another tariff, time zone or price. Two processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from service_machine import ServiceMachine
from service_mutants import MUTANTS, mutated
from world import Proof

STEPS = 20
_MUTANT_HISTORIES = 150


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261126)
    asked.add_argument("--histories", type=int, default=5000)
    asked.add_argument("--part", type=int, help="of two: what one of the processes runs")
    options = asked.parse_args()
    if options.part is not None:
        print(json.dumps(_play(options.seed + options.part, options.histories // 2)), flush=True)
        return 0
    proof = Proof("history", options.seed)
    began = time.monotonic()
    _play_at_once(proof, options.histories)
    proof.tell("took", seconds=round(time.monotonic() - began))
    _mutate(proof)
    return proof.end()


def _play_at_once(proof: Proof, histories: int) -> None:
    arguments = [sys.executable, __file__, "--seed", str(proof.seed), "--histories", str(histories)]
    running = [
        subprocess.Popen([*arguments, "--part", str(part)], stdout=subprocess.PIPE, text=True)
        for part in range(2)
    ]
    figures: Counter[str] = Counter()
    for part, process in enumerate(running):
        told, _ = process.communicate()
        proof.check(process.returncode == 0, f"part {part}: a history broke; hypothesis says which, above")
        if process.returncode == 0:
            figures.update(json.loads(told))
    proof.check(
        figures["histories"] >= histories // 2 * 2, f"{figures['histories']} of {histories} were played"
    )
    proof.tell("histories", **figures)


def _play(number: int, histories: int) -> dict[str, int]:
    """Histories in this process. Returns: how much of what they had. Raises: what broke one of them."""
    figures: Counter[str] = Counter()

    class Counted(ServiceMachine):
        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "world"):
                figures.update(self.figures)
                figures["histories"] += 1

    run_state_machine_as_test(
        seed(number)(Counted),
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            # What broke is told as it was found: a smaller history takes longer to find than all the others.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return dict(figures)


def _mutate(proof: Proof) -> None:
    """The same histories against a vpbx with one rule taken out: they must notice."""
    for name in MUTANTS:
        with mutated(name):
            try:
                _play(proof.seed, _MUTANT_HISTORIES)
            except BaseException as broke:  # noqa: BLE001 - whatever a broken rule leads to
                noticed = type(broke).__name__
            else:
                noticed = ""
        proof.check(bool(noticed), f"{name}: no history noticed")
        proof.tell("mutant", rule=name, noticed=noticed)


if __name__ == "__main__":
    sys.exit(main())
