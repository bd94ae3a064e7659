"""Ported numbers: whether the switch can look them up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

TABLE = Check(
    "portability",
    "the table of ported numbers, where a trunk has `routes`",
    "without it calls go as if no number had been ported",
    warning_when="there is none yet, or it is empty",
    problem_when="it can't be read",
)
CHECKS = (TABLE,)
_DO = "vpbx portability import FILE.csv --replace"


@dataclass(frozen=True, slots=True)
class Ported:
    """Args: routed: trunks that have routes. rows: None: there is no table. fault: why it can't be read."""

    routed: Sequence[str]
    rows: int | None = None
    fault: str = ""


def check(seen: Ported) -> Iterator[Finding]:
    """Findings."""
    if not seen.routed:
        yield TABLE.ok("no trunk has routes: nothing is looked up")
    elif seen.fault:
        yield TABLE.problem(f"{seen.fault}; trunks with routes: {some(seen.routed)}", _DO)
    elif not seen.rows:
        what = "there is none" if seen.rows is None else "it is empty"
        yield TABLE.warning(f"{what}; trunks with routes: {some(seen.routed)}", _DO)
    else:
        yield TABLE.ok(f"{seen.rows} numbers and beginnings")
