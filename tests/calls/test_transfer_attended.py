"""A phone speaks to a third party first and then joins the two: lines, recording and charges stay whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, FarSide, Phone
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register
from harness.site import Site

from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

DIRECT, SHOWN = "+74951112234", "+74951112233"
CALLER, MOBILE = "+79035556677", "+79161112233"
SIPP_HOST = "127.0.0.4"
CALLER_VOICE, COLLEAGUE_VOICE = 31, 32
_WAV_HEADER = 44


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    """The carrier, and the phone of 102; that of 101 is SIPp's."""
    with site.far_side(*site.phones("acme", ("102",))) as far:
        far.wait_registered()
        yield far


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    directory = tmp_path_factory.mktemp("voices")
    return {
        seed: media.write_wav(directory / f"{seed}.wav", media.voice(seed))
        for seed in (CALLER_VOICE, COLLEAGUE_VOICE)
    }


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with PortBlock() as block:
        yield block


@pytest.fixture
def where(ports: PortBlock) -> Address:
    return Address(SIPP_HOST, ports.port())


@pytest.fixture
def account(site: Site) -> Phone:
    """What the phone of 101 registers with."""
    [phone] = site.phones("acme", ("101",))
    return phone


@pytest.mark.parametrize("leaves", ["caller", "colleague"])
def test_joined_to_a_colleague_a_call_keeps_its_line_and_its_recording(
    site: Site,
    world: FarSide,
    voices: dict[int, Path],
    account: Phone,
    where: Address,
    tmp_path: Path,
    leaves: str,
) -> None:
    world.behave("acme102desk", farside.answer(voices[COLLEAGUE_VOICE]))
    row = Row(account.endpoint, "102", secret=account.secret)
    assert register(tmp_path / "r", where, site.sip, row) == 200
    before, charges, consulted = recordings(site), charged(site), len(world.calls_to("acme102desk"))
    with Sipp(tmp_path / "s", "transfer_attended", where, site.sip, [row]) as sipp:
        call = world.call(CARRIER, DIRECT, say=voices[CALLER_VOICE], from_number=CALLER)
        heard = world.wait_answered(call)
        colleague = world.incoming("acme102desk", after=consulted)
        held, consult = sipp.wait_calls(2)
    assert (held.transfer_code, consult.to_user) == (202, "102")
    hears(site, heard, COLLEAGUE_VOICE)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call if leaves == "caller" else colleague)
    world.wait_ended(colleague if leaves == "caller" else call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")
    [recording] = finished(site, before, 1)
    left, right = media.read(Path(recording["file"]))
    assert media.hear(left, media.voice(CALLER_VOICE)).same
    assert media.hear(right[-media.RATE :], media.voice(COLLEAGUE_VOICE)).same
    assert charged(site) == charges
    leg = newest_leg(site, "in")
    assert abs(recording["length_s"] - talked_s(leg)) <= 1


@pytest.mark.parametrize("leaves", ["caller", "callee"])
def test_two_outside_parties_joined_hold_two_lines_and_the_way_out_is_charged_to_its_own_end(
    site: Site,
    world: FarSide,
    voices: dict[int, Path],
    account: Phone,
    where: Address,
    tmp_path: Path,
    leaves: str,
) -> None:
    world.behave(CARRIER, farside.answer(voices[COLLEAGUE_VOICE]))
    row = Row(account.endpoint, MOBILE, secret=account.secret)
    assert register(tmp_path / "r", where, site.sip, row) == 200
    before, charges, outside = recordings(site), charged(site), len(world.calls_to(CARRIER))
    with Sipp(tmp_path / "s", "transfer_attended", where, site.sip, [row]) as sipp:
        call = world.call(CARRIER, DIRECT, say=voices[CALLER_VOICE], from_number=CALLER)
        heard = world.wait_answered(call)
        callee = world.incoming(CARRIER, after=outside)
        assert (callee.number, callee.from_number) == (MOBILE, SHOWN)
        _, consult = sipp.wait_calls(2)
    left_at = consult.ended_at
    assert left_at is not None and consult.answered_at is not None
    hears(site, heard, COLLEAGUE_VOICE)
    assert site.lines("acme")["in_use"] == 2
    site.until(lambda: datetime.now(UTC) - left_at > timedelta(seconds=3), "they talk on without the phone")
    assert site.lines("acme")["in_use"] == 2
    ended_at = datetime.now(UTC)
    world.hang_up(call if leaves == "caller" else callee)
    world.wait_ended(callee if leaves == "caller" else call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "both lines are free")
    [charge] = [item for item in charged(site) if item not in charges]
    assert (charge["to"], charge["direction"]) == (MOBILE, "out")
    out = newest_leg(site, "out")
    assert out["uniqueid"] in charge["key"]
    talked = (ended_at - consult.answered_at).total_seconds()
    assert abs(talked_s(out) - talked) <= 1.5
    assert talked_s(newest_leg(site, "in")) >= talked_s(out)
    of_caller, of_callee = finished(site, before, 2)
    left, right = media.read(Path(of_caller["file"]))
    assert media.hear(left, media.voice(CALLER_VOICE)).same
    assert media.hear(right[-media.RATE :], media.voice(COLLEAGUE_VOICE)).same
    left, right = media.read(Path(of_callee["file"]))
    assert media.hear(left, media.voice(COLLEAGUE_VOICE)).same
    assert media.hear(right[-media.RATE :], media.voice(CALLER_VOICE)).same


def hears(site: Site, heard: Path, voice: int) -> None:
    """Wait until a phone hears a voice. Its file grows as it hears; the header is filled in at the end."""

    def heard_it() -> bool:
        data = heard.read_bytes()[_WAV_HEADER:] if heard.exists() else b""
        samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float64)
        return media.hear(samples[-2 * media.RATE :], media.voice(voice)).same

    site.until(heard_it, f"voice {voice} is heard")


def recordings(site: Site) -> list[dict[str, Any]]:
    """Recordings of acme, oldest first."""
    found: list[dict[str, Any]] = site.json("recordings", "list", "acme")["recordings"]
    return found


def finished(site: Site, before: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """What was recorded since, once it is all finished: so many, and all of them whole."""

    def new() -> list[dict[str, Any]]:
        known = {recording["id"] for recording in before}
        return [recording for recording in recordings(site) if recording["id"] not in known]

    site.until(lambda: "open" not in {item["state"] for item in new()}, "nothing is being recorded any more")
    assert [recording["state"] for recording in new()] == ["complete"] * count
    return new()


def charged(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.json("charges", "list", "acme")["charges"]
    return found


def newest_leg(site: Site, direction: str) -> dict[str, Any]:
    legs: list[dict[str, Any]] = site.json("calls", "list", "acme")["calls"]
    return next(leg for leg in legs if leg["direction"] == direction)


def talked_s(leg: dict[str, Any]) -> float:
    """Seconds from a leg's answer to its end."""
    ended, answered = (datetime.fromisoformat(leg[name]) for name in ("ended_at", "answered_at"))
    return (ended - answered).total_seconds()
