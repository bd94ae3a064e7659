"""The table of all checks, as the operator's page has it."""

from __future__ import annotations

from orchestrator.doctor.examine import CHECKS


def table() -> str:
    """The checks as a table in Markdown."""
    rows = [
        ("check", "looks at", "warning when", "problem when", "why"),
        ("---",) * 5,
        *((f"`{c.code}`", c.looks_at, c.warning_when or "-", c.problem_when or "-", c.why) for c in CHECKS),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
