"""The call harness by itself: what later tests believe must be shown first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, Carrier, FarSide, Phone
from harness.ports import PortBlock

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

switch = pytest.mark.switch
NUMBER = "+74951112233"


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with PortBlock() as block:
        yield block


@pytest.fixture
def sides(tmp_path: Path, asterisk: Asterisk, ports: PortBlock) -> Iterator[tuple[FarSide, FarSide]]:
    """A phone, and a carrier that it registers with: the one is the other's switch."""
    served, phones = Address("127.0.0.21", ports.port()), "127.0.0.22"
    carrier = Carrier(served, sources=("127.0.0.99",), username="d1", secret="s1")
    with (
        FarSide(asterisk, tmp_path / "b", Address("127.0.0.99", 5060), (), carrier) as network,
        FarSide(asterisk, tmp_path / "a", served, [Phone("desk", "d1", "s1")], host=phones) as home,
    ):
        home.wait_registered()
        yield home, network


def test_port_blocks_are_never_shared() -> None:
    with PortBlock() as one, PortBlock() as other:
        first = {one.port(), *one.span(20)}
        assert first.isdisjoint({other.port(), *other.span(20)})


def test_voice_is_known_again_cut_quieter_and_noisy() -> None:
    sent = media.voice(1, 10)
    heard = sent[7777:40000] * 0.3 + np.random.default_rng(5).standard_normal(40000 - 7777) * 200
    found = media.hear(heard, sent)
    assert found.same and found.score > 0.9
    assert found.lag_s == pytest.approx(7777 / media.RATE)


def test_other_voice_and_silence_score_low() -> None:
    assert media.hear(media.voice(1, 10), media.voice(2, 10)).score < 0.2
    assert media.hear(np.zeros(80000), media.voice(2, 10)) == media.Heard(0.0, 0.0, 0.0)


def test_swapped_channels_of_a_recording_score_low(tmp_path: Path) -> None:
    left, right = media.voice(1, 5), media.voice(2, 5)
    recording = tmp_path / "call.raw"
    recording.write_bytes(np.column_stack([left, right]).astype("<i2").tobytes())
    assert media.hear_file(recording, left, 0).same and media.hear_file(recording, right, 1).same
    assert not media.hear_file(recording, right, 0).same and not media.hear_file(recording, left, 1).same


@switch
def test_registered_phone_and_carrier_hear_each_other(sides: tuple[FarSide, FarSide], tmp_path: Path) -> None:
    home, network = sides
    mine, theirs = media.voice(1), media.voice(2)
    network.behave(CARRIER, farside.answer(media.write_wav(tmp_path / "theirs.wav", theirs)))
    call = home.call("desk", NUMBER, say=media.write_wav(tmp_path / "mine.wav", mine), stay_s=3)
    arrived = network.incoming(CARRIER)
    assert (arrived.number, arrived.from_number) == (NUMBER, "d1")
    heard_there = network.wait_answered(arrived)
    heard_here = home.wait_answered(call)
    assert home.wait_ended(call).code is None
    network.wait_ended(arrived)
    assert media.hear_file(heard_here, theirs).same and not media.hear_file(heard_here, mine).same
    assert media.hear_file(heard_there, mine).same and not media.hear_file(heard_there, theirs).same


@switch
@pytest.mark.parametrize("code", [486, 404, 480, 503])
def test_refusal_reaches_the_phone_with_its_code(sides: tuple[FarSide, FarSide], code: int) -> None:
    home, network = sides
    network.behave(CARRIER, farside.reject(code))
    assert home.wait_ended(home.call("desk", NUMBER)).code == code


@switch
def test_behaviour_of_one_number_is_its_own(sides: tuple[FarSide, FarSide]) -> None:
    home, network = sides
    network.behave(CARRIER, farside.answer(stay_s=1))
    network.behave(CARRIER, farside.busy(), number=NUMBER)
    assert home.wait_ended(home.call("desk", NUMBER)).code == 486
    other = home.call("desk", "+79160000000")
    home.wait_answered(other)
    assert home.wait_ended(other).cause == 16


@switch
def test_call_that_only_rings_is_given_up_by_the_caller(sides: tuple[FarSide, FarSide]) -> None:
    home, network = sides
    call = home.call("desk", NUMBER)
    arrived = network.incoming(CARRIER)
    assert not network.has_ended(arrived)
    home.hang_up(call)
    assert network.wait_ended(arrived).heard is None
    assert home.channels() == network.channels() == 0
