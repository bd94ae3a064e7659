"""The SIPp side of the call harness by itself: SIPp against the far side, and around a very small switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside, media
from harness.farside import CARRIER, Carrier, FarSide, Phone
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch
NUMBER = "+74951112233"
SIPP_HOST = "127.0.0.31"


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with PortBlock() as block:
        yield block


@pytest.fixture
def carrier(tmp_path: Path, asterisk: Asterisk, ports: PortBlock) -> Iterator[FarSide]:
    """A carrier that knows SIPp's address, and an account that SIPp may register with."""
    served = Carrier(Address("127.0.0.21", ports.port()), (SIPP_HOST,), username="d1", secret="s1")
    with FarSide(asterisk, tmp_path / "far", Address(SIPP_HOST, 5060), (), served) as side:
        yield side


def _carrier_address(side: FarSide) -> Address:
    assert side.carrier is not None
    return side.carrier.address


def test_many_calls_are_counted_by_their_final_code(
    carrier: FarSide, ports: PortBlock, tmp_path: Path
) -> None:
    carrier.behave(CARRIER, farside.answer())
    carrier.behave(CARRIER, farside.busy(), number="+74950000001")
    rows = [Row("+79160000001", NUMBER), Row("+79160000002", "+74950000001")] * 3
    sipp = Sipp(
        *(tmp_path / "sipp", "uac_invite", Address(SIPP_HOST, ports.port()), _carrier_address(carrier), rows),
        talk_ms=1000,
    )
    calls = sipp.run()
    assert sipp.codes() == {200: 3, 486: 3}
    talked = [call for call in calls if call.code == 200]
    assert all(0.9 < call.talk_s < 2 and call.ended_by == "sipp" for call in talked)
    assert {call.from_user for call in talked} == {"+79160000001"}
    assert all(call.placed and call.over for call in calls)


def test_phone_registers_and_calls_with_its_secret(
    carrier: FarSide, ports: PortBlock, tmp_path: Path
) -> None:
    own, remote = Address("127.0.0.32", ports.port()), _carrier_address(carrier)
    assert register(tmp_path / "wrong", own, remote, Row("d1", secret="no")) in {401, 403}
    assert register(tmp_path / "right", own, remote, Row("d1", secret="s1")) == 200
    carrier.behave(CARRIER, farside.answer(stay_s=1))
    calls = Sipp(
        tmp_path / "call", "uac_invite", own, remote, [Row("d1", NUMBER, secret="s1")], talk_ms=9000
    ).run()
    assert [(call.code, call.ended_by) for call in calls] == [(200, "switch")]


@pytest.fixture
def home(tmp_path: Path, asterisk: Asterisk, ports: PortBlock) -> Iterator[tuple[FarSide, Address]]:
    """A phone of the far side that calls SIPp itself, and the address SIPp is expected at."""
    where = Address(SIPP_HOST, ports.port())
    with FarSide(asterisk, tmp_path / "far", where, [Phone("desk", "d1", "s1", registers=False)]) as side:
        yield side, where


def test_sipp_answers_and_hangs_up(home: tuple[FarSide, Address], tmp_path: Path) -> None:
    side, where = home
    with Sipp(tmp_path / "s", "uas_answer", where, side.address, talk_ms=1500) as sipp:
        call = side.call("desk", NUMBER)
        assert side.wait_ended(call).code is None
        (seen,) = sipp.wait_calls(1)
    assert (seen.placed, seen.to_user, seen.code, seen.ended_by) == (False, NUMBER, 200, "sipp")
    assert 1.4 < seen.talk_s < 3


def test_sipp_is_hung_up_on(home: tuple[FarSide, Address], tmp_path: Path) -> None:
    side, where = home
    with Sipp(tmp_path / "s", "uas_answer", where, side.address, talk_ms=30000) as sipp:
        call = side.call("desk", NUMBER, stay_s=1)
        side.wait_ended(call)
        assert sipp.wait_calls(1)[0].ended_by == "switch"


def test_sipp_is_busy(home: tuple[FarSide, Address], tmp_path: Path) -> None:
    side, where = home
    with Sipp(tmp_path / "s", "uas_reject", where, side.address) as sipp:
        assert side.wait_ended(side.call("desk", NUMBER)).code == 486
        assert sipp.wait_calls(1)[0].code == 486


def test_sipp_rings_until_the_caller_gives_up(home: tuple[FarSide, Address], tmp_path: Path) -> None:
    side, where = home
    with Sipp(tmp_path / "s", "uas_noanswer", where, side.address) as sipp:
        side.wait_ended(side.call("desk", NUMBER, give_up_s=1))
        (seen,) = sipp.wait_calls(1)
    assert (seen.code, seen.answered_at, seen.ended_by) in [(487, None, "switch"), (0, None, "switch")]


def test_sipp_holds_and_takes_back(home: tuple[FarSide, Address], tmp_path: Path) -> None:
    side, where = home
    with Sipp(tmp_path / "s", "hold", where, side.address, hold_ms=1000, talk_ms=500) as sipp:
        side.wait_ended(side.call("desk", NUMBER), deadline_s=15)
        (seen,) = sipp.wait_calls(1)
    offers = [m for m in seen.messages if m.method == "INVITE" and m.sent and not m.code]
    assert ["a=sendonly" in offer.body for offer in offers] == [True, False]
    assert seen.talk_s > 2


@pytest.fixture
def small(tmp_path: Path, asterisk: Asterisk, ports: PortBlock) -> Iterator[tuple[FarSide, Address, Address]]:
    """A very small switch, the phones `one` and `two` around it, and where SIPp's phone `three` is."""
    three = Address(SIPP_HOST, ports.port())
    pbx = Address("127.0.0.41", ports.port())
    switch = FarSide(asterisk, tmp_path / "switch", pbx, host="127.0.0.42")
    etc = tmp_path / "switch/etc"
    phones = {"p1": "secret", "p2": "secret", "p3": "secret"}
    pjsip = f"[udp]\ntype = transport\nprotocol = udp\nbind = {pbx}\n"
    for name, secret in phones.items():
        pjsip += f"[{name}]\ntype = auth\nusername = {name}\npassword = {secret}\n"
        pjsip += f"[{name}]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\nqualify_frequency = 60\n"
        pjsip += f"[{name}]\ntype = endpoint\nauth = {name}\naors = {name}\ncontext = phones\n"
        pjsip += "disallow = all\nallow = alaw\ndirect_media = no\n"
    (etc / "pjsip.conf").write_text(pjsip, encoding="ascii")
    (etc / "extensions.conf").write_text(
        "[phones]\nexten => _[123],1,Dial(PJSIP/p${EXTEN},30)\n same => n,Hangup()\n", encoding="ascii"
    )
    accounts = [Phone("one", "p1", "secret"), Phone("two", "p2", "secret")]
    with switch, FarSide(asterisk, tmp_path / "far", pbx, accounts) as far:
        far.wait_registered()
        yield far, pbx, three


def test_sipp_transfers_blindly(small: tuple[FarSide, Address, Address], tmp_path: Path) -> None:
    far, pbx, three = small
    row = Row("p3", "2", secret="secret")
    assert register(tmp_path / "r", three, pbx, row) == 200
    far.behave("two", farside.answer(media.write_wav(tmp_path / "v.wav", media.voice(2))))
    with Sipp(tmp_path / "s", "transfer_blind", three, pbx, [row]) as sipp:
        call = far.call("one", "3", stay_s=5)
        heard = far.wait_answered(call)
        far.wait_answered(far.incoming("two"))
        (seen,) = sipp.wait_calls(1)
        far.wait_ended(call)
    assert seen.transfer_code == 202
    assert media.hear_file(heard, media.voice(2)).same


def test_sipp_transfers_attended(small: tuple[FarSide, Address, Address], tmp_path: Path) -> None:
    far, pbx, three = small
    row = Row("p3", "2", secret="secret")
    assert register(tmp_path / "r", three, pbx, row) == 200
    far.behave("two", farside.answer(media.write_wav(tmp_path / "v.wav", media.voice(2))))
    with Sipp(tmp_path / "s", "transfer_attended", three, pbx, [row]) as sipp:
        call = far.call("one", "3", stay_s=6)
        heard = far.wait_answered(call)
        first, second = sipp.wait_calls(2)
        far.wait_ended(call)
    assert (first.placed, second.placed, first.transfer_code) == (False, True, 202)
    assert (first.ended_by, second.ended_by) == ("sipp", "switch")
    assert media.hear_file(heard, media.voice(2)).same


def test_sipp_as_caller_transfers_attended(small: tuple[FarSide, Address, Address], tmp_path: Path) -> None:
    far, pbx, three = small
    far.behave("one", farside.answer(stay_s=6))
    far.behave("two", farside.answer(media.write_wav(tmp_path / "v.wav", media.voice(2))))
    row = Row("p3", "2", secret="secret", first="1")
    with Sipp(tmp_path / "s", "transfer_attended_caller", three, pbx, [row]) as sipp:
        first, second = sipp.wait_calls(2)
        one = far.incoming("one")
        ended = far.wait_ended(one)
    assert (first.to_user, second.to_user, first.transfer_code) == ("1", "2", 202)
    assert ended.heard is not None and media.hear_file(ended.heard, media.voice(2)).same


def test_far_side_phone_transfers_blindly(small: tuple[FarSide, Address, Address], tmp_path: Path) -> None:
    far, _, _ = small
    far.behave("two", farside.answer(stay_s=20))
    call = far.call("one", "2")
    far.wait_answered(call)
    assert far.transfer(call, "2") == "SUCCESS"
    far.wait_ended(call)
