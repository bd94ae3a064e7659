"""A check and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "problem"]
WORST_FIRST: Sequence[Severity] = ("problem", "warning", "ok")

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args: code: of the check, stable. node: the node it is about; None when no node could be read.
    seen: what is there, never a secret. why: why it matters. do: what to do next; empty when all is well.
    """

    code: str
    severity: Severity
    seen: str
    why: str
    do: str = ""
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check, as the operator's page shows it.

    Args: code: stable. looks_at: what is looked at. why: why it matters. warning_when, problem_when: what
    makes it go red; empty: it never does.
    """

    code: str
    looks_at: str
    why: str
    warning_when: str = ""
    problem_when: str = ""

    def ok(self, seen: str) -> Finding:
        return Finding(self.code, "ok", seen, self.why)

    def warning(self, seen: str, do: str) -> Finding:
        assert self.warning_when, f"{self.code} is said to give no warning"
        return Finding(self.code, "warning", seen, self.why, do)

    def problem(self, seen: str, do: str) -> Finding:
        assert self.problem_when, f"{self.code} is said to find no problem"
        return Finding(self.code, "problem", seen, self.why, do)


def some(names: Sequence[str]) -> str:
    """Names in one line; the first few when they are many.

    >>> some(["a", "b"]), some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    first = ", ".join(names[:_MOST_NAMED])
    return first if len(names) <= _MOST_NAMED else f"{first} and {len(names) - _MOST_NAMED} more"
