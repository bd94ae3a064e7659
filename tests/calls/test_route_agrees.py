"""`vpbx route` says the very steps that the switch takes: tenants, times, callers, line counts by chance."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from harness.agreement import World

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

ROUNDS, TENANTS = 3, 10


def test_route_agrees_with_the_switch_step_by_step(tmp_path: Path, asterisk: Asterisk) -> None:
    """A slice of `make proof-route`."""
    with World(tmp_path / "project", asterisk, random.Random(20261126), TENANTS) as world:
        compared = [each for _ in range(ROUNDS) for each in world.round()]
    assert len(compared) == ROUNDS * TENANTS
    assert [str(each) for each in compared if each.said != each.done] == []
    assert len({each.done for each in compared}) > len(compared) / 2
