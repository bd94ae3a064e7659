"""`make proof-killed-listener`: 100 calls, and SIGKILL of the listener at 50 points. About 3 minutes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from listener_kill import deaths, play, prepare
from world import Proof, temporary_world


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20260923)
    asked.add_argument("--calls", type=int, default=100)
    asked.add_argument("--kills", type=int, default=50)
    options = asked.parse_args()
    proof = Proof("killed-listener", options.seed)
    chance = proof.chance
    with temporary_world(prepare) as world:
        outcome = play(world, chance, options.calls, deaths(chance, options.kills))
    proof.faults += outcome.faults
    proof.tell("kills", total=sum(outcome.deaths.values()), **outcome.deaths)
    proof.tell("calls", answered=outcome.answered, unanswered=outcome.unanswered, inbound=outcome.inbound)
    proof.tell("charges", by_path=outcome.paths, wrong=len(outcome.wrong), ledger_verifies=outcome.verified)
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
