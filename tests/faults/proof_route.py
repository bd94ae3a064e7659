"""`make proof-route`: `vpbx route` and the switch, step by step, on 320 generated calls. About 6 minutes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from harness.agreement import World
from world import Proof

from orchestrator.asterisk import install


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261126)
    asked.add_argument("--tenants", type=int, default=10)
    asked.add_argument("--rounds", type=int, default=32, help="calls of each tenant")
    options = asked.parse_args()
    proof = Proof("route", options.seed)
    ways: Counter[tuple[str, ...]] = Counter()
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="vpbx-route-") as directory:
        root = Path(directory) / "project"
        with World(root, install.ensure(), proof.chance, options.tenants) as world:
            for _ in range(options.rounds):
                for each in world.round():
                    proof.check(each.said == each.done, str(each))
                    ways[each.done] += 1
                    kinds.update(set(each.kinds))
    proof.tell(
        "calls",
        calls=ways.total(),
        on_a_clock_of_their_own=ways.total(),
        agree=ways.total() - len(proof.faults),
        different_ways=len(ways),
        steps=sum(len(way) * count for way, count in ways.items()),
    )
    proof.tell("calls that pass a step of a kind", **dict(sorted(kinds.items())))
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
