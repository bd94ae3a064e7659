"""`make proof-lines`: 100 bursts of 30 calls and 10 of 200 in a second against 14 lines. About 12 minutes."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from line_bursts import LIMIT, Outcome, Wave, play
from world import Proof, World, temporary_world


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20260923)
    asked.add_argument("--small", type=int, default=100, help="bursts of 30")
    asked.add_argument("--large", type=int, default=10, help="bursts of 200")
    options = asked.parse_args()
    proof = Proof("lines", options.seed)
    with temporary_world() as world:
        for size, count in ((30, options.small), (200, options.large)):
            outcomes = list(_played(world, waves(proof.chance, size, count), proof))
            _tell(proof, size, outcomes)
    return proof.end()


def waves(chance: random.Random, size: int, count: int) -> Iterator[Wave]:
    """In, out and mixed in turn; a third with the listener on, one with it killed in the middle, then off."""
    for number in range(count):
        outbound = (0, size, chance.randint(size // 4, size * 3 // 4))[number % 3]
        listener = "on" if number < count // 2 else "killed" if number == count // 2 else "off"
        spread_s = 1.0 if size > 100 else chance.choice((0.1, 0.5, 1.0))
        yield Wave(size - outbound, outbound, spread_s, listener=listener)


def _played(world: World, planned: Iterator[Wave], proof: Proof) -> Iterator[Outcome]:
    told, listening = world.site.lines("acme")["refused"], False
    for wave in planned:
        if wave.listener != "off" and not listening:
            world.site.listen()
            listening = True
        outcome = play(world, wave, told)
        listening = listening and wave.listener != "killed"
        told += outcome.told_refused
        proof.faults += outcome.faults
        yield outcome


def _tell(proof: Proof, size: int, outcomes: list[Outcome]) -> None:
    proof.tell(
        f"bursts of {size}",
        bursts=len(outcomes),
        limit=LIMIT,
        admitted=sorted({outcome.admitted for outcome in outcomes}),
        most_at_once=max(outcome.at_once for outcome in outcomes),
        refused_486=sum(outcome.refused for outcome in outcomes),
        told_refused=sum(outcome.told_refused for outcome in outcomes),
        other_answers=dict(sum((Counter(outcome.odd) for outcome in outcomes), Counter())),
        other_tenant=sum(outcome.beta_answered for outcome in outcomes),
        other_tenant_placed=sum(outcome.wave.beta for outcome in outcomes),
        held_after=sum(outcome.held_after + outcome.in_use_after for outcome in outcomes),
        listener={
            kind: sum(outcome.wave.listener == kind for outcome in outcomes)
            for kind in ("on", "killed", "off")
        },
    )


if __name__ == "__main__":
    sys.exit(main())
