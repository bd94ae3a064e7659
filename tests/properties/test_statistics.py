"""What holds for the figures of any calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.statistics.figures import SECOND, Asked, CallRow, Figures, Rung, compute, percentile
from orchestrator.statistics.periods import hour_of
from orchestrator.statistics.report import Grouping, Report, report

BEGIN_US = 1_790_000_000 * SECOND
SINCE_US = BEGIN_US + 12 * 3600 * SECOND
AGAIN_US = 6 * 3600 * SECOND
ADDED = ("calls", "answered", "missed", "abandoned", "full", "blocked", "in_time", "talk_us", "again")
"""Figures that add up."""


@st.composite
def rows(draw: st.DrawFn) -> list[CallRow]:
    found = []
    for second in sorted(draw(st.lists(st.integers(0, 72 * 3600), max_size=60))):
        outcome = draw(st.sampled_from(["answered", "answered", "missed", "abandoned", "full", "blocked"]))
        found.append(
            CallRow(
                "acme",
                draw(st.sampled_from(["+74951112233", "+74951112234"])),
                draw(st.sampled_from(["", "+79035550001", "+79035550002"])),
                BEGIN_US + second * SECOND,
                outcome,
                draw(st.integers(0, 60 * SECOND)),
                draw(st.integers(0, 900 * SECOND)) if outcome == "answered" else 0,
                draw(st.sampled_from(["", "101", "102"])),
                draw(st.sampled_from(["", "sales"])),
            )
        )
    return found


def asked(since_us: int = SINCE_US) -> Asked:
    return Asked({"acme": since_us}, 20, AGAIN_US)


def told(by: Grouping, given_rows: Sequence[CallRow], rung: Sequence[Rung] = ()) -> Report:
    return report(by, given_rows, rung, asked(), {"acme": hour_of(ZoneInfo("Europe/Moscow"))})


@given(rows(), st.sampled_from(get_args(Grouping)))
def test_lines_add_up_to_the_total_however_calls_are_grouped(found: list[CallRow], by: Grouping) -> None:
    made = told(by, found)
    for name in ADDED:
        assert sum(getattr(line.figures, name) for line in made.lines) == getattr(made.total, name), name
    assert made.total == told("tenant", found).total


@given(rows())
def test_every_call_in_the_span_is_answered_missed_abandoned_or_refused(found: list[CallRow]) -> None:
    total = told("hour", found).total
    inside = [row for row in found if row.began_us >= SINCE_US]
    assert total.calls + total.full + total.blocked == len(inside)
    assert total.calls == total.answered + total.missed + total.abandoned
    assert total.in_time <= total.answered


@given(rows())
def test_repeated_calls_are_those_that_a_look_at_every_pair_finds(found: list[CallRow]) -> None:
    again = [
        row
        for place, row in enumerate(found)
        if row.began_us >= SINCE_US
        and row.caller
        and row.outcome != "blocked"
        and any(
            each.caller == row.caller
            and each.outcome != "blocked"
            and row.began_us - each.began_us <= AGAIN_US
            for each in found[:place]
        )
    ]
    total = told("number", found).total
    assert (total.again, total.again_callers) == (len(again), len({row.caller for row in again}))


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_one_of_the_values_and_so_many_are_no_larger(values: list[int], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_employees_talk_is_what_their_phones_did_and_the_rest_is_nobodys() -> None:
    row = CallRow("acme", "+7495", "", SINCE_US, "answered", SECOND, 100 * SECOND, "101", "")
    made = told("employee", [row], [Rung("acme", "101", 1, 30 * SECOND), Rung("acme", "102", 1, 50 * SECOND)])
    assert [
        (line.name, line.figures.calls, line.figures.talk_us // SECOND, line.rung) for line in made.lines
    ] == [
        ("", 0, 20, 0),
        ("101", 1, 30, 1),
        ("102", 0, 50, 1),
    ]


def test_no_calls_have_no_figures() -> None:
    made = compute([], lambda row: (row.tenant, ""), asked())
    assert (made.groups, made.total) == ({}, Figures())
    assert made.total.service_level is None


@pytest.mark.parametrize(
    ("zone", "hours"), [("Europe/Berlin", [1, 2, 2, 3]), ("Europe/Moscow", [2, 3, 4, 5])]
)
def test_an_hour_that_comes_twice_is_one_hour(zone: str, hours: list[int]) -> None:
    """25 October 2026, 23:30 UTC of the day before and on: in Berlin the clock goes back at 01:00 UTC."""
    at_us = 1_792_884_600 * SECOND
    assert [hour_of(ZoneInfo(zone))(at_us + hour * 3600 * SECOND) for hour in range(4)] == hours
