"""`make proof-isolation`: 20 tenants on one switch, each tries to get at each other. About a minute."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from harness.neighbours import LEAKS, PROBES, Neighbourhood, leaking, through, turned
from world import Proof

from orchestrator.asterisk import install


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tenants", type=int, default=20)
    options = asked.parse_args()
    proof = Proof("isolation", 0)
    with tempfile.TemporaryDirectory(prefix="vpbx-isolation-") as directory:
        root = Path(directory) / "project"
        with Neighbourhood(root, install.ensure(), options.tenants) as world:
            pairs, found = through(world.tenants)
            found += [f"the switch of {name} was turned" for name in turned(world.site)]
            proof.tell(
                "ordered pairs", tenants=len(world.tenants), pairs=pairs, probes=PROBES, through=len(found)
            )
            proof.faults += found
            first, second = world.tenants[:2]
            for leak, line in LEAKS.items():
                with leaking(world.site, leak, first.name, second.name):
                    _, seen = through((first, second))
                proof.tell("leak", leak=leak, caught=bool(seen))
                proof.check(any(line.probe in each for each in seen), f"not caught: {leak}")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
