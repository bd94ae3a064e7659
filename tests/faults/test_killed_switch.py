"""A switch that dies with calls up: a slice of `make proof-killed-switch`, played by the same code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from switch_kill import Plan, play
from world import World, open_world

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch


@pytest.fixture
def world(tmp_path: Path, asterisk: Asterisk) -> Iterator[World]:
    with open_world(tmp_path, asterisk) as made:
        yield made


def test_calls_of_a_killed_switch_are_charged_to_their_last_heartbeat_and_recorded(world: World) -> None:
    outcome = play(world, Plan(calls=3, up_s=12.0))
    assert outcome.faults == []
    assert all(-10 <= error <= 1 for error in outcome.errors_s)


def test_calls_that_no_listener_saw_are_charged_to_the_last_evidence_of_the_record(world: World) -> None:
    outcome = play(world, Plan(calls=2, up_s=5.0, blind_s=60.0))
    assert outcome.faults == []
    assert outcome.charged_s == [1, 1]
