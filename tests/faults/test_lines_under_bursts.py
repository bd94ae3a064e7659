"""A tenant's lines under bursts of calls: a slice of `make proof-lines`, played by the same code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from line_bursts import Wave, play
from world import World, open_world

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("lines"), asterisk) as made:
        yield made


def held_exactly(world: World, wave: Wave) -> None:
    assert play(world, wave, world.site.lines("acme")["refused"]).faults == []


def test_of_thirty_inbound_calls_fourteen_are_admitted_and_the_rest_refused_with_486(world: World) -> None:
    held_exactly(world, Wave(inbound=30, outbound=0, spread_s=0.1))


def test_of_thirty_outbound_calls_fourteen_are_admitted_and_the_rest_refused_with_486(world: World) -> None:
    held_exactly(world, Wave(inbound=0, outbound=30, spread_s=0.5))


def test_inbound_and_outbound_calls_share_the_lines(world: World) -> None:
    held_exactly(world, Wave(inbound=15, outbound=15, spread_s=0.1))


def test_of_two_hundred_calls_in_a_second_fourteen_are_admitted(world: World) -> None:
    held_exactly(world, Wave(inbound=120, outbound=80, spread_s=1.0))


def test_the_limit_holds_while_the_listener_is_killed(world: World) -> None:
    world.site.listen()
    held_exactly(world, Wave(inbound=15, outbound=15, spread_s=0.5, listener="killed"))
