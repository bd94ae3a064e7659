"""`make proof-portability`: a million ported numbers on the switch, and 50 calls. About 2 minutes."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from portability_calls import HEADER, chosen, expected_trunk, ported_world, table
from world import Proof


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--calls", type=int, default=50)
    options = asked.parse_args()
    proof = Proof("portability", options.seed)
    chance = proof.chance
    now = datetime.now(UTC).replace(microsecond=0)
    rows = list(table(chance, options.rows, now))
    lines = [HEADER, *(row.text for row in rows)]
    numbers = chosen(chance, rows, options.calls)
    with ported_world() as world:
        file = world.site.root.with_name("ported.csv")
        file.write_text("".join(lines))
        proof.tell("import", rows=len(rows), seconds=round(world.bring(file), 1))
        proof.tell("the same again", rows=len(rows), seconds=round(world.bring(file), 1))
        own = [row.first for row in chance.sample(rows, 60) if row.first == row.last]
        proof.tell("look-up on the switch", of="numbers with a line", us=round(world.look_up_us(own)))
        nobody = list(range(8_000_000_001, 8_600_000_000, 9_999_991))
        proof.tell("look-up on the switch", of="numbers without one", us=round(world.look_up_us(nobody)))
        trunks: Counter[str] = Counter()
        agree = 0
        for number in numbers:
            expected, taken = expected_trunk(lines, number, now), world.trunk_of(number)
            proof.check(taken == expected, f"{number}: by {taken}, the file says {expected}")
            agree += taken == expected
            trunks[taken] += 1
        proof.tell("calls", calls=len(numbers), agree=agree, by_trunk=dict(sorted(trunks.items())))
        proof.check(len(trunks) > 1, "all calls left by one trunk")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
