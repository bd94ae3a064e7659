"""Each distribution keeps its order under many calls: a slice of `make proof-distributions`."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from distribution_order import (
    ANSWERS,
    DECLINES,
    DISTRIBUTIONS,
    MEMBERS,
    RINGS,
    Attempt,
    Judge,
    Planned,
    Played,
    Player,
    Talk,
    first_rung,
    office,
    overlaps,
    plan,
    played,
)
from harness.farside import FarSide
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

CALLS = 5
NOON = 1_790_000_000.5


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Player]:
    made: tuple[Site, FarSide]
    with office(tmp_path_factory.mktemp("distributions"), asterisk) as made:
        yield Player(*made, random.Random(20261127))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.mark.switch
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_calls_one_after_another_ring_in_order_through_a_killed_switch(
    player: Player, judge: Judge, distribution: str
) -> None:
    planned = {player.one(distribution, each): each for each in plan(player.chance, CALLS, killed_at=2)}
    calls = played(player.site, planned)
    assert [fault for call in calls for fault in judge.faults(distribution, call)] == []
    assert all(call.attempts for call in calls)


@pytest.mark.switch
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_calls_at_once_never_ring_a_phone_twice(player: Player, distribution: str) -> None:
    callers, refused = player.together(distribution, len(MEMBERS))
    assert refused == 0
    assert overlaps(player.site, callers) == []
    if distribution != "all":
        assert sorted(first_rung(player.site, callers)) == list(MEMBERS)


def call(*rung: tuple[str, float], talks: str = "", **does: str) -> Played:
    """A call at noon. Args: rung: who, and after how many seconds. does: by `m101`; others answer."""
    planned = Planned({each: does.get(f"m{each}", ANSWERS) for each in MEMBERS})
    talk = Talk(talks, NOON + 5, NOON + 6) if talks else None
    attempts = tuple(Attempt(member, NOON + after_s) for member, after_s in rung)
    ends = {member: NOON + 9 for member, _ in rung}
    return Played(planned, NOON, attempts, talk, ends)


RIGHT = {
    "in_order": call(
        *(("101", 0.1), ("102", 0.2), ("103", 1.2), ("104", 1.3), ("105", 2.3), ("102", 3.3)),
        m101=DECLINES,
        m102=RINGS,
        m103=DECLINES,
        m104=RINGS,
        m105=RINGS,
    ),
    "evenly": call(("103", 0.1), ("105", 0.2), m103=DECLINES),
    "cascade": call(("101", 0.1), ("102", 1.1), ("103", 2.1), m101=RINGS, m102=RINGS),
    "all": call(("101", 0.1), ("102", 0.1), ("103", 0.1), ("105", 0.1), ("104", 1.1), m101=RINGS),
}
WRONG = {
    "in_order": [
        call(("102", 0.1)),
        call(("101", 0.1), ("101", 1.1), m101=DECLINES),
        call(("101", 0.1), ("103", 1.1), m101=RINGS),
        call(("101", 0.1), ("102", 4.1), m101=RINGS),
    ],
    "evenly": [call(("101", 0.1)), call(("103", 0.1), ("104", 0.2), m103=DECLINES)],
    "cascade": [
        call(("102", 0.1)),
        call(("101", 0.1), ("102", 1.1), ("103", 1.3), m101=RINGS, m102=RINGS),
        call(("101", 0.1), ("102", 0.3), m101=RINGS),
        call(("101", 0.1), ("103", 1.1), m101=RINGS),
        call(("101", 0.1), ("102", 1.9), m101=RINGS),
    ],
    "all": [
        call(("101", 0.1), ("102", 0.1), ("103", 0.1)),
        call(("101", 0.1), ("102", 0.1), ("103", 0.9), ("105", 0.1)),
        call(("101", 0.1), ("102", 0.1), ("103", 0.1), ("105", 0.1), ("104", 0.1)),
    ],
}


def remembering() -> Judge:
    """Somebody who knows since when who is idle: 103 the longest, then 105."""
    return Judge(
        idle={"101": NOON - 40, "102": NOON - 50, "103": NOON - 90, "104": NOON - 60, "105": NOON - 80}
    )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_judge_finds_what_is_right_right_and_what_is_wrong_wrong(distribution: str) -> None:
    assert remembering().faults(distribution, RIGHT[distribution]) == []
    for each in WRONG[distribution]:
        assert remembering().faults(distribution, each), each


def test_the_judge_knows_who_has_wrap_up_time() -> None:
    judge = remembering()
    judge.wrap["101"] = NOON - 0.2
    assert judge.faults("in_order", call(("101", 0.1)))
    assert judge.faults("in_order", call(("102", 0.1))) == []
    assert judge.faults("in_order", call(("102", 3.1)))
