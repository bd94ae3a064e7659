"""A place in an operator's file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where something stands: project-relative file, 1-based line and column.

    >>> str(Position("tenants/acme.yaml", 7, 3))
    'tenants/acme.yaml:7:3'
    """

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Position("")
"""The place of what no file says."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in the definitions, as a value: all of them are reported together.

    Args: path: the YAML path, e.g. `departments.sales.members[2]`. code: stable name of the rule.
    message: what is wrong, with the rule. hint: what to do about it; may be empty.
    """

    position: Position
    path: str
    code: str
    message: str
    hint: str = ""
