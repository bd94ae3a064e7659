"""A slice of `make proof-killed-apply`."""

from __future__ import annotations

import random

import pytest
from proof_killed_apply import play, without_trial
from world import temporary_world

pytestmark = pytest.mark.switch


def test_an_apply_killed_at_any_moment_leaves_the_old_or_the_new_and_its_charges() -> None:
    faults: list[str] = []
    with temporary_world(without_trial) as world:
        found = play(world, random.Random(3), 4, faults)
    assert faults == []
    assert found["old"] + found["new"] == 4
