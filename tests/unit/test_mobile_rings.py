"""A walk past an employee's phones and their mobile, which ring together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.walk import Situation, find_entry, last_of, walk

PROJECT = Path(__file__).parents[1] / "golden/rendering/outgoing/project"
LOADED = definitions.load(PROJECT)
STUDIO = compile_tenant(LOADED, LOADED.tenants["studio"])
AT = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
EXTENSION, MOBILE, LIMIT = "102", "+79169990102", 14


def outcomes(told: Mapping[str, str], lines: int = 0, dead: frozenset[str] = frozenset()) -> tuple[str, str]:
    """How the phones' step and the mobile's go, when a colleague calls."""
    found = find_entry(STUDIO, "phone", EXTENSION, "RU")
    assert found is not None
    passed = walk(STUDIO, found[0], Situation(AT, lines, told, caller="101", dead=dead))
    by_id = {each.step.id: each.outcome for each in passed}
    if by_id["employees.102"] == "answered":
        assert passed[last_of(passed)].step.id == "employees.102"
    return by_id["employees.102"], by_id["employees.102.mobile"]


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ({}, ("answered", "answered")),
        ({EXTENSION: "busy"}, ("answered", "answered")),
        ({EXTENSION: "unavailable", MOBILE: "busy"}, ("busy", "busy")),
        ({EXTENSION: "busy", MOBILE: "no_answer"}, ("no_answer", "no_answer")),
        ({MOBILE: "busy"}, ("answered", "busy")),
    ],
)
def test_whoever_answers_takes_the_call(told: Mapping[str, str], end: tuple[str, str]) -> None:
    assert outcomes(told) == end


def test_with_no_line_left_or_a_dead_trunk_the_phones_decide() -> None:
    assert outcomes({EXTENSION: "no_answer"}, LIMIT) == ("no_answer", "full")
    assert outcomes({EXTENSION: "unavailable"}, LIMIT) == ("busy", "full")
    assert outcomes({EXTENSION: "unavailable"}, dead=frozenset({"second-way"})) == ("unavailable", "failed")
