"""Calls to ported numbers by the table, read independently: a slice of `make proof-portability`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from portability_calls import HEADER, PortedWorld, chosen, expected_trunk, ported_world, table

pytestmark = pytest.mark.switch


@pytest.fixture(scope="module")
def world() -> Iterator[PortedWorld]:
    with ported_world() as made:
        yield made


def test_calls_to_generated_numbers_take_the_trunk_that_the_file_says(world: PortedWorld) -> None:
    chance, now = random.Random(7), datetime.now(UTC).replace(microsecond=0)
    rows = list(table(chance, 2000, now))
    lines = [HEADER, *(row.text for row in rows)]
    file = world.site.root.with_name("ported.csv")
    file.write_text("".join(lines))
    world.bring(file)
    numbers = chosen(chance, rows, 12)
    expected = {number: expected_trunk(lines, number, now) for number in numbers}
    assert {number: world.trunk_of(number) for number in numbers} == expected
    assert len(set(expected.values())) == 2
