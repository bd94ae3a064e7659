"""`make proof-killed-switch`: ten calls up for a minute, then SIGKILL of the switch. About 6 minutes.

With the listener alive, killed with the switch, killed 20 s before it, and never there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from switch_kill import TOLERANCE_S, Plan, play
from world import Proof, temporary_world


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--calls", type=int, default=10)
    asked.add_argument("--up", type=float, default=60.0, help="seconds")
    options = asked.parse_args()
    proof = Proof("killed-switch", seed=0)
    listeners = {"alive": None, "killed with it": 0.0, "killed before": 20.0, "never there": options.up + 1}
    for listener, blind_s in listeners.items():
        with temporary_world() as world:
            outcome = play(world, Plan(options.calls, options.up, blind_s))
        proof.faults += outcome.faults
        proof.tell(
            f"listener {listener}",
            calls=options.calls,
            charged=len(outcome.charged_s),
            estimated=outcome.estimated,
            charged_again=outcome.again,
            true_s=[round(length, 1) for length in outcome.true_s],
            charged_s=outcome.charged_s,
            worst_error_s=max((abs(error) for error in outcome.errors_s), default=None),
            tolerance_s=TOLERANCE_S,
            recorded_s=outcome.recorded_s,
            ledger_verifies=outcome.verified,
        )
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
