"""`make proof-distributions`: 50 calls by each distribution, a restart and a SIGKILL among them: 9 minutes.

Then calls at once. Who rang when, as the switch has recorded it, is held against the rule.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from distribution_order import (
    DISTRIBUTIONS,
    MEMBERS,
    WRAP_UP_S,
    Judge,
    Planned,
    Player,
    first_rung,
    office,
    overlaps,
    plan,
    played,
)
from world import Proof

from orchestrator.asterisk import install


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--calls", type=int, default=50, help="of each distribution, one after another")
    asked.add_argument("--bursts", type=int, default=5, help="of calls at once, of each distribution")
    options = asked.parse_args()
    proof = Proof("distributions", options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="vpbx-distributions-") as directory,
        office(Path(directory), install.ensure()) as (site, far),
    ):
        player = Player(site, far, proof.chance)
        judge = Judge()
        for distribution in DISTRIBUTIONS:
            in_turn(proof, player, judge, distribution, options.calls)
        for distribution in DISTRIBUTIONS:
            at_once(proof, player, distribution, options.bursts)
    return proof.end()


def in_turn(proof: Proof, player: Player, judge: Judge, distribution: str, count: int) -> None:
    """Calls one after another; a restart after a third of them, a SIGKILL in a talk after two."""
    decided, near = judge.decisions, judge.near
    planned: dict[str, Planned] = {}
    for number, each in enumerate(plan(player.chance, count, killed_at=2 * count // 3)):
        if number == count // 3:
            player.restart()
        planned[player.one(distribution, each)] = each
    calls = played(player.site, planned)
    before = len(proof.faults)
    for call in calls:
        for fault in judge.faults(distribution, call):
            proof.check(False, fault)
    attempts = Counter(attempt.member for call in calls for attempt in call.attempts)
    proof.check(bool(attempts), f"{distribution}: nobody was rung")
    proof.tell(
        f"{distribution}, one after another",
        calls=len(calls),
        wrap_up_s=WRAP_UP_S,
        restarts=1,
        kills=1,
        answered=sum(call.talk is not None for call in calls),
        attempts=dict(sorted(attempts.items())),
        decisions=judge.decisions - decided,
        too_near_to_an_edge=judge.near - near,
        out_of_order=len(proof.faults) - before,
    )


def at_once(proof: Proof, player: Player, distribution: str, bursts: int) -> None:
    """Calls at once: nobody rings for two of them, and each call rings somebody else first."""
    callers: list[str] = []
    same = refused = 0
    for _ in range(bursts):
        size = player.chance.randint(3, len(MEMBERS))
        burst, not_taken = player.together(distribution, size)
        callers += burst
        refused += not_taken
        if distribution != "all":
            first = first_rung(player.site, burst)
            same += len(first) - len(set(first))
    twice = overlaps(player.site, callers)
    proof.check(not twice, f"{distribution}: {twice}")
    proof.check(not refused, f"{distribution}: {refused} of as many calls as there are members were refused")
    proof.check(not same, f"{distribution}: {same} calls rang first whom another rang first")
    proof.tell(
        f"{distribution}, at once",
        bursts=bursts,
        calls=len(callers),
        refused=refused,
        rang_twice=len(twice),
        same_first=same,
    )


if __name__ == "__main__":
    sys.exit(main())
