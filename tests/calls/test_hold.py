"""A phone puts its call on hold and takes it back: the call, its line, its recording and its charge go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from harness import farside, media
from harness.farside import CARRIER, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register
from harness.site import Site

from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

DIRECT, CALLER, MOBILE = "+74951112234", "+79035556677", "+79161112233"
SIPP_HOST = "127.0.0.5"
OUTSIDE = 41
HOLD_S = 6


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    """The carrier alone: the phone of 101 is SIPp's."""
    with site.far_side() as far:
        yield far


@pytest.fixture
def where() -> Iterator[Address]:
    with PortBlock() as ports:
        yield Address(SIPP_HOST, ports.port())


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return media.write_wav(tmp_path / "outside.wav", media.voice(OUTSIDE))


def test_held_and_taken_back_a_call_keeps_its_line_and_its_recording(
    site: Site, world: FarSide, where: Address, voice: Path, tmp_path: Path
) -> None:
    [account] = site.phones("acme", ("101",))
    row = Row(account.endpoint, secret=account.secret)
    assert register(tmp_path / "r", where, site.sip, row) == 200
    with Sipp(tmp_path / "s", "hold", where, site.sip, [row], hold_ms=HOLD_S * 1000, talk_ms=5000) as sipp:
        call = world.call(CARRIER, DIRECT, say=voice, from_number=CALLER)
        world.wait_answered(call)
        site.until(lambda: answered_offers(sipp) == ["sendonly"], "it is on hold")
        assert site.lines("acme")["in_use"] == 1
        site.until(lambda: answered_offers(sipp) == ["sendonly", "sendrecv"], "it is taken back")
        assert site.lines("acme")["in_use"] == 1
        [seen] = sipp.wait_calls(1)
    assert world.wait_ended(call).code is None
    assert (seen.code, seen.ended_by) == (200, "sipp")
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")
    [leg] = site.json("calls", "list", "acme")["calls"]
    assert abs(talked_s(leg) - seen.talk_s) < 1
    [recording] = whole_recordings(site, 1)
    assert recording["length_s"] >= HOLD_S + 2
    outside, _ = media.read(Path(recording["file"]))
    assert media.hear(outside, media.voice(OUTSIDE)).same


def test_an_outbound_call_is_charged_for_the_time_on_hold_too(
    site: Site, world: FarSide, where: Address, voice: Path, tmp_path: Path
) -> None:
    charges = site.json("charges", "list", "acme")["charges"]
    before = len(whole_recordings(site, 0))
    [account] = site.phones("acme", ("101",))
    row = Row(account.endpoint, MOBILE, secret=account.secret)
    world.behave(CARRIER, farside.answer(voice))
    outside = len(world.calls_to(CARRIER))
    assert register(tmp_path / "r", where, site.sip, row) == 200
    with Sipp(
        tmp_path / "s", "hold_caller", where, site.sip, [row], hold_ms=HOLD_S * 1000, talk_ms=1000
    ) as sipp:
        callee = world.incoming(CARRIER, after=outside)
        site.until(lambda: answered_offers(sipp) == ["sendrecv", "sendonly"], "it is on hold")
        assert site.lines("acme")["in_use"] == 1
        [seen] = sipp.wait_calls(1)
    world.wait_ended(callee)
    assert answered_offers(sipp) == ["sendrecv", "sendonly", "sendrecv"]
    [charge] = [item for item in site.json("charges", "list", "acme")["charges"] if item not in charges]
    leg = site.json("calls", "list", "acme")["calls"][0]
    assert (leg["direction"], leg["uniqueid"] in charge["key"]) == ("out", True)
    assert talked_s(leg) > HOLD_S + 1
    assert abs(talked_s(leg) - seen.talk_s) < 1
    assert len(whole_recordings(site, before + 1)) == before + 1


def answered_offers(sipp: Sipp) -> list[str]:
    """How each INVITE that SIPp sent and that was answered wanted the media."""
    found = []
    for call in sipp.calls():
        offers = [m for m in call.messages if m.method == "INVITE" and m.sent and not m.code]
        answers = [m for m in call.messages if m.method == "INVITE" and not m.sent and m.code == 200]
        unchallenged = offers[-len(answers) :] if call.placed else offers
        found += [offer.body.rpartition("a=")[2] for offer, _ in zip(unchallenged, answers, strict=False)]
    return found


def whole_recordings(site: Site, count: int) -> list[dict[str, Any]]:
    """The finished recordings, once there are so many and none is open."""

    def found() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = site.json("recordings", "list", "acme")["recordings"]
        return listed

    site.until(
        lambda: len(found()) >= count and "open" not in {item["state"] for item in found()},
        f"{count} recordings are finished",
    )
    assert {item["state"] for item in found()} <= {"complete"}
    return found()


def talked_s(leg: dict[str, Any]) -> float:
    ended, answered = (datetime.fromisoformat(leg[name]) for name in ("ended_at", "answered_at"))
    return (ended - answered).total_seconds()
