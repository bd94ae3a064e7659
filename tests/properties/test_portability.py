"""The table of ported numbers against a reading of every line, for any ranges, dates and numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.asterisk.porting_table import PortingTable
from orchestrator.model.portability import Porting, prefixes

FIRST = 79160000000
Line = tuple[int, int, int, str]
"""First and last number, since, code."""

numbers = st.integers(FIRST, FIRST + 1199)
ranges = st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))
blocks = st.tuples(numbers, st.sampled_from([1, 10, 100, 1000])).map(
    lambda each: (each[0] // each[1] * each[1], each[0] // each[1] * each[1] + each[1] - 1)
)
lines = st.builds(
    lambda span, since, code: (*span, since, code),
    ranges | blocks,
    st.integers(0, 3),
    st.sampled_from(["a", "b", "c"]),
)


def naive(table: Sequence[Line], number: int, now: int) -> str:
    """Who has a number: of the largest round block around it in each line the smallest, then the latest."""
    found = []
    for first, last, since, code in table:
        around = [
            size
            for size in (1, 10, 100, 1000)
            if first <= number // size * size and number // size * size + size - 1 <= last
        ]
        if around and since <= now:
            found.append((max(around), -since, last - first, code))
    return min(found)[3] if found else ""


@given(ranges)
def test_the_beginnings_of_a_range_are_of_its_numbers_and_no_others(span: tuple[int, int]) -> None:
    found = prefixes(str(span[0]), str(span[1]))
    near = range(FIRST - 5, FIRST + 1210)
    covered = [number for number in near if any(str(number).startswith(each) for each in found)]
    assert covered == list(range(span[0], span[1] + 1))
    assert len(found) == len(set(found)) <= 18 * 3


@given(st.lists(lines, max_size=8), numbers, st.integers(0, 3))
def test_the_table_says_what_every_line_says(table: list[Line], number: int, now: int) -> None:
    rows = [
        (line, Porting(prefix, since, code, "", last - first + 1))
        for line, (first, last, since, code) in enumerate(table)
        for prefix in prefixes(str(first), str(last))
    ]
    with tempfile.TemporaryDirectory() as directory:
        kept = PortingTable(Path(directory) / "table")
        with kept.staged(rows) as staged:
            assume(not staged.clashes())
            staged.write(replace=False)
        found = kept.find(f"+{number}", datetime.fromtimestamp(now, UTC))
    assert ("" if found is None else found.codes) == naive(table, number, now)
