"""A phone sends its call elsewhere: lines, recording and charge follow the trunk-side channels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from harness import farside, media
from harness.ami import AmiFailed
from harness.farside import CARRIER, FarSide
from harness.site import Site

pytestmark = pytest.mark.switch

DIRECT = "+74951112234"
CALLER, MOBILE = "+79035556677", "+79161112233"
CALLER_VOICE, FIRST_VOICE, SECOND_VOICE = 11, 12, 13


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102"))) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def voices(tmp_path: Path) -> dict[int, Path]:
    return {
        seed: media.write_wav(tmp_path / f"{seed}.wav", media.voice(seed))
        for seed in (CALLER_VOICE, FIRST_VOICE, SECOND_VOICE)
    }


def test_transferred_to_a_colleague_keeps_its_line_and_its_recording(
    site: Site, world: FarSide, voices: dict[int, Path]
) -> None:
    world.behave("acme101desk", farside.answer(voices[FIRST_VOICE]))
    world.behave("acme102desk", farside.answer(voices[SECOND_VOICE]))
    after = len(world.calls_to("acme101desk"))
    call = world.call(CARRIER, DIRECT, say=voices[CALLER_VOICE], from_number=CALLER)
    heard = world.wait_answered(call)
    first = world.incoming("acme101desk", after=after)
    has_heard(site, heard, 2)
    assert world.transfer(first, "102") == "SUCCESS"
    second = world.incoming("acme102desk")
    assert second.from_number == CALLER
    world.wait_answered(second)
    has_heard(site, heard, 5)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")
    [recording] = finished_recordings(site, 1)
    left, right = media.read(Path(recording))
    assert media.hear(left, media.voice(CALLER_VOICE)).same
    assert media.hear(right[media.RATE : 2 * media.RATE], media.voice(FIRST_VOICE)).same
    assert media.hear(right[-media.RATE :], media.voice(SECOND_VOICE)).same


def test_transferred_to_an_outside_number_takes_a_second_line_and_is_charged(
    site: Site, world: FarSide, voices: dict[int, Path]
) -> None:
    before = len(finished_recordings(site, 0))
    world.behave("acme101desk", farside.answer(voices[FIRST_VOICE]))
    world.behave(CARRIER, farside.answer(voices[SECOND_VOICE]))
    after, outside = len(world.calls_to("acme101desk")), len(world.calls_to(CARRIER))
    call = world.call(CARRIER, DIRECT, say=voices[CALLER_VOICE], from_number=CALLER)
    heard = world.wait_answered(call)
    first = world.incoming("acme101desk", after=after)
    world.wait_answered(first)
    assert world.transfer(first, MOBILE) == "SUCCESS"
    second = world.incoming(CARRIER, after=outside)
    assert (second.number, second.from_number, second.diverted_by) == (MOBILE, "+74951112233", CALLER)
    world.wait_answered(second)
    site.until(lambda: site.lines("acme")["in_use"] == 2, "two lines are held")
    has_heard(site, heard, 4)
    world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "both lines are free")
    [charge] = site.json("charges", "list", "acme")["charges"]
    assert (charge["to"], charge["direction"]) == (MOBILE, "out")
    recording = finished_recordings(site, before + 1)[-1]
    left, right = media.read(Path(recording))
    assert media.hear(left, media.voice(CALLER_VOICE)).same
    assert media.hear(right[-media.RATE :], media.voice(SECOND_VOICE)).same


def test_the_callee_transfers_too_and_its_calls_line_stays_one(
    site: Site, world: FarSide, voices: dict[int, Path]
) -> None:
    """A phone that placed the call sends the outside party to a colleague."""
    world.behave(CARRIER, farside.answer(voices[CALLER_VOICE]))
    world.behave("acme102desk", farside.answer(voices[SECOND_VOICE]))
    after = len(world.calls_to("acme102desk"))
    call = world.call("acme101desk", MOBILE, say=voices[FIRST_VOICE])
    world.wait_answered(call)
    assert world.transfer(call, "102") == "SUCCESS"
    second = world.incoming("acme102desk", after=after)
    world.wait_answered(second)
    world.wait_ended(call)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(second)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")


@pytest.mark.parametrize("number", ["+4930123456", "999", "+74950"])
def test_a_transfer_to_where_the_phone_may_not_call_is_refused(
    site: Site, world: FarSide, voices: dict[int, Path], number: str
) -> None:
    world.behave("acme101desk", farside.answer(voices[FIRST_VOICE]))
    after, outside = len(world.calls_to("acme101desk")), len(world.calls_to(CARRIER))
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    world.wait_answered(call)
    world.transfer(world.incoming("acme101desk", after=after), number)
    assert len(world.calls_to(CARRIER)) == outside
    with suppress(AmiFailed):  # the refused call may have ended by itself
        world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "nothing is left behind")


def has_heard(site: Site, heard: Path, seconds: int) -> None:
    """Wait until a phone has heard so much; its file grows as it hears."""
    size = seconds * media.RATE * 2
    site.until(
        lambda: heard.exists() and heard.stat().st_size > size, f"{seconds} s were heard", seconds + 10
    )


def finished_recordings(site: Site, count: int) -> list[str]:
    """Files of the finished recordings, oldest first, once there are so many."""

    def found() -> list[str]:
        return [
            r["file"]
            for r in site.json("recordings", "list", "acme")["recordings"]
            if r["state"] == "complete"
        ]

    site.until(lambda: len(found()) >= count, f"{count} recordings are finished")
    return found()
