"""`make proof-events`: 1,000 faults on recorded calls, and their bytes cut everywhere. About 4 minutes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from event_faults import (
    Bench,
    ami_cut_at_every_byte,
    cases,
    cel_cut_at_every_byte,
    recordings,
    without_deduplication,
)
from world import Proof

_MUTANTS = 50


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20260923)
    asked.add_argument("--cases", type=int, default=1000)
    options = asked.parse_args()
    proof = Proof("events", options.seed)
    with tempfile.TemporaryDirectory(prefix="vpbx-proof-") as directory:
        bench = Bench(Path(directory))
        _play(proof, bench, options.cases)
        _mutate(proof, bench)
        _cut(proof, Path(directory))
    return proof.end()


def _play(proof: Proof, bench: Bench, number: int) -> None:
    kinds: Counter[str] = Counter()
    changed = 0
    for case in cases(proof.seed, number):
        kinds.update(case.told)
        same = bench.play(case) == bench.reference(case.names)
        changed += not same
        proof.check(same, f"case {case.number} {case.names} {case.told}: another ledger")
    proof.tell("cases", played=number, ledger_changed=changed, faults=dict(sorted(kinds.items())))


def _mutate(proof: Proof, bench: Bench) -> None:
    """The same cases against a vpbx without deduplication: they must notice."""
    noticed = 0
    for case in cases(proof.seed, _MUTANTS):
        reference = bench.reference(case.names)
        with without_deduplication():
            noticed += bench.play(case) != reference
    proof.check(noticed > 0, "deduplication taken out, and no case noticed")
    proof.tell("without deduplication", played=_MUTANTS, noticed=noticed)


def _cut(proof: Proof, directory: Path) -> None:
    ami = cel = changed = 0
    for recording in recordings().values():
        cuts, wrong = ami_cut_at_every_byte(recording)
        more, wrong_in_file = cel_cut_at_every_byte(recording, directory)
        ami, cel, changed = ami + cuts, cel + more, changed + len(wrong) + len(wrong_in_file)
        proof.check(not wrong, f"{recording.name}: other events when AMI is cut at {wrong[:5]}")
        proof.check(
            not wrong_in_file, f"{recording.name}: other events when CEL is cut at {wrong_in_file[:5]}"
        )
    proof.tell("cut at every byte", ami_cuts=ami, cel_cuts=cel, changed=changed)


if __name__ == "__main__":
    sys.exit(main())
