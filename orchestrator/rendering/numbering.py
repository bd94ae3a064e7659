"""The rules of a trunk's numbering as patterns of the dialplan. Rule: as `by_numbering`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.model.number import LEAST_DIGITS, MOST_DIGITS
from orchestrator.model.numbering import LONGEST, SHORTEST
from orchestrator.model.platform import Trunk


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """Args: pattern: without its `_`. put, cut: what is put before what is left when `cut` is cut off.

    known: False: it makes no number.
    """

    pattern: str
    put: str
    cut: int
    known: bool = True


def numbering_patterns(trunk: Trunk) -> Iterator[NumberPattern]:
    """For every number that the operator may send, by its beginning and its length."""
    rules = dict(trunk.numbering)
    rules.setdefault("+", "+")
    for begins, stands_for in sorted(rules.items()):
        for length in range(max(SHORTEST, len(begins)), LONGEST + 1):
            rest = length - len(begins)
            digits = len(stands_for) - 1 + rest
            known = LEAST_DIGITS <= digits <= MOST_DIGITS
            if stands_for == "+" and rest:
                yield NumberPattern(f"{begins}Z{'X' * (rest - 1)}", "+", len(begins), known)
                yield NumberPattern(f"{begins}0{'X' * (rest - 1)}", "", 0, False)
            else:
                yield NumberPattern(begins + "X" * rest, stands_for, len(begins), known)
