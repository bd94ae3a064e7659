"""A listener that dies at any moment: a slice of `make proof-killed-listener`, played by the same code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from listener_kill import Death, play, prepare
from world import World, open_world

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch


@pytest.fixture
def world(tmp_path: Path, asterisk: Asterisk) -> Iterator[World]:
    with open_world(tmp_path, asterisk, prepare) as made:
        yield made


def test_calls_are_charged_once_whenever_the_listener_is_killed(world: World) -> None:
    points = [
        Death("charge", "before", 1),
        Death("charge", "after", 1),
        Death("write", "before", 3),
        Death("write", "after", 2),
        Death("charge", "before", 2),
        Death("time", after_s=2.0),
    ]
    outcome = play(world, random.Random(7), 20, points)
    assert outcome.faults == []
    assert outcome.answered == 18
    assert outcome.deaths["before a commit of charges"] >= 1
