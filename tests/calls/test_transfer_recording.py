"""A recording goes on through an attended transfer, whatever the next speaker's packets are numbered.

Asterisk's recorder takes a new speaker whose sequence numbers are "behind" the last one's for a stream of
late packets. Here every next speaker is numbered so, on purpose.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import media
from harness.farside import Phone
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register
from harness.site import CARRIER_HOST, Site
from harness.talker import HALF, Talker, behind, has_media, media_of

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

DIRECT = "+74951112234"
CALLER, MOBILE = "+79035556677", "+79161112233"
PHONE_HOST, COLLEAGUE_HOST = "127.0.0.4", "127.0.0.5"
CALLER_VOICE, FIRST_VOICE, CONSULT_VOICE, SECOND_VOICE = (media.voice(seed) for seed in (41, 42, 43, 44))
TALK_MS, CONSULT_MS = 4000, 4000
"""How long the first phone talks with the caller, and then with its colleague: longer than what is listened
to of it, for on a busy machine both begin late."""
_RESTART_MS = 15_000
"""A listener is started anew in this time on a loaded machine too."""
_CALL_MS = 60_000
_ANYBODY = Row("sipp")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The example tenants on a running switch that a listener follows."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk) as made:
        made.start()
        made.listen()
        yield made


@pytest.fixture
def stage(site: Site, tmp_path: Path) -> Iterator[Stage]:
    with PortBlock() as ports, ExitStack() as parts:
        yield Stage(site, tmp_path, ports, parts)


@dataclass
class Stage:
    """One inbound call to 101, who consults somebody and then joins the two. All of them are SIPp's.

    Args: parts: what is running, ended after the test.
    """

    site: Site
    work: Path
    ports: PortBlock
    parts: ExitStack
    caller: Talker = field(init=False)
    first: Talker = field(init=False)
    second: Talker = field(init=False)
    line: Sipp = field(init=False)

    def consult(self, number: str, then: str = "", silent: bool = False) -> None:
        """The caller talks with 101, who then talks with a number and joins them after.

        Args: then: signal to the listener, which is started anew while caller and 101 talk. silent: the
        caller sends nothing from the consultation on.
        """
        known = {item["id"] for item in self.recordings()}
        phone, place = self._phone("101"), Address(PHONE_HOST, self.ports.port())
        row = Row(phone.endpoint, number, secret=phone.secret)
        assert register(self.work / "r", place, self.site.sip, row) == 200
        callee = (
            self._colleague() if number == "102" else self._sipp("callee", "uas_answer", self.site.carrier)
        )
        transferer = self._sipp(
            "phone",
            "transfer_attended",
            place,
            row,
            talk_first_ms=TALK_MS + (_RESTART_MS if then else 0),
            before_ms=CONSULT_MS,
        )
        self.line = self._sipp(
            "caller", "uac_invite", Address(CARRIER_HOST, self.ports.port()), Row(CALLER, DIRECT)
        )
        self._until(lambda: any(call.code == 200 for call in self.line.calls()), "101 answers")
        self.caller = self._talks(CARRIER_HOST, self.line, CALLER_VOICE, 1000)
        self.first = self._talks(PHONE_HOST, transferer, FIRST_VOICE, 20_000)
        self._until(lambda: media.hear(self.caller.heard(), FIRST_VOICE).same, "the caller hears 101")
        self._until(lambda: {item["id"] for item in self.recordings()} != known, "it is being recorded")
        if then:
            self.site.stop_listener(signal.Signals[then])
            self.site.listen()
        self._until(lambda: any(call.code == 200 for call in callee.calls()), "the other one answers")
        last = self.first.fall_silent()
        self.caller.pause = silent
        asks = self._talks(
            PHONE_HOST, transferer, CONSULT_VOICE, (self.caller.seqno + HALF // 2) % 0x10000, 1
        )
        self.second = self._talks(callee.own.host, callee, SECOND_VOICE, behind(last))
        self._until(lambda: transferer.calls()[0].transfer_code == 202, "101 joins them")
        asks.fall_silent()

    def finish(self, count: int) -> list[dict[str, Any]]:
        """The two talk for four seconds more, and leave. Returns: the newest recordings, once finished."""
        for talker, voice in ((self.caller, SECOND_VOICE), (self.second, CALLER_VOICE)):
            self._until(
                lambda t=talker, v=voice: media.hear(t.heard()[-media.RATE :], v).same, "each hears the other"
            )
        spoken_s = self.second.spoken_s
        self._until(lambda: self.second.spoken_s > spoken_s + 4, "they talk")
        self.hang_up()
        self._until(
            lambda: "open" not in {item["state"] for item in self.recordings()},
            "nothing is recorded any more",
        )
        return self.recordings()[-count:]

    def hang_up(self) -> None:
        """Whoever is left is asked by the switch to leave."""
        self.site.rx("channel request hangup all")
        self._until(lambda: self.site.lines("acme")["in_use"] == 0, "the lines are free")

    def recordings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.site.json("recordings", "list", "acme")["recordings"]
        return found

    def _colleague(self) -> Sipp:
        phone, place = self._phone("102"), Address(COLLEAGUE_HOST, self.ports.port())
        row = Row(phone.endpoint, secret=phone.secret)
        assert register(self.work / "r2", place, self.site.sip, row) == 200
        return self._sipp("callee", "uas_answer", place, row)

    def _phone(self, extension: str) -> Phone:
        [phone] = self.site.phones("acme", (extension,))
        return phone

    def _sipp(self, name: str, scenario: str, own: Address, row: Row = _ANYBODY, **settings: object) -> Sipp:
        made = Sipp(self.work / name, scenario, own, self.site.sip, [row], talk_ms=_CALL_MS, **settings)
        return self.parts.enter_context(made)

    def _talks(self, host: str, sipp: Sipp, voice: media.Samples, seqno: int, call: int = 0) -> Talker:
        def told() -> bool:
            calls = sipp.calls()
            return len(calls) > call and has_media(calls[call])

        self._until(told, "the switch says where it wants the sound")
        return self.parts.enter_context(Talker(host, media_of(sipp.calls()[call]), voice, seqno))

    def _until(self, true: Any, what: str) -> None:
        self.site.until(true, what, 30)


def renewed(site: Site) -> dict[str, float]:
    """The listener's own count of recorders."""
    lines = [line.split() for line in site.metrics_text().splitlines() if line.startswith("vpbx_recorders")]
    return {
        name.removeprefix("vpbx_recorders_").removesuffix("_total"): float(value) for name, value in lines
    }


def starts_with(sound: media.Samples, voice: media.Samples) -> bool:
    return media.hear(sound[media.RATE // 2 : 2 * media.RATE], voice).same


def ends_with(sound: media.Samples, voice: media.Samples) -> bool:
    """The last three seconds: all of the talk after a transfer but its first second."""
    return media.hear(sound[-3 * media.RATE :], voice).same


def test_both_colleagues_are_in_the_recording_of_a_joined_call(site: Site, stage: Stage) -> None:
    before, known = renewed(site), len(stage.recordings())
    stage.consult("102")
    [recording] = stage.finish(1)
    assert len(stage.recordings()) == known + 1, "one file a call"
    assert (recording["state"], recording["note"]) == ("complete", "")
    left, right = media.read(Path(recording["file"]))
    assert media.hear(left, CALLER_VOICE).same
    assert starts_with(right, FIRST_VOICE)
    assert ends_with(right, SECOND_VOICE)
    assert renewed(site) == {"renewed": before["renewed"] + 1, "failed": before["failed"]}


def test_both_recordings_of_two_outside_parties_hear_both(site: Site, stage: Stage) -> None:
    before = renewed(site)
    stage.consult(MOBILE)
    of_caller, of_callee = stage.finish(2)
    assert {of_caller["state"], of_callee["state"]} == {"complete"}
    left, right = media.read(Path(of_caller["file"]))
    assert media.hear(left, CALLER_VOICE).same
    assert starts_with(right, FIRST_VOICE)
    assert ends_with(right, SECOND_VOICE)
    left, right = media.read(Path(of_callee["file"]))
    assert media.hear(left, SECOND_VOICE).same
    assert starts_with(right, CONSULT_VOICE)
    assert ends_with(right, CALLER_VOICE)
    assert renewed(site) == {"renewed": before["renewed"] + 2, "failed": before["failed"]}


def test_a_listener_that_was_killed_in_mid_call_still_does_it(site: Site, stage: Stage) -> None:
    stage.consult("102", then="SIGKILL")
    [recording] = stage.finish(1)
    assert recording["state"] == "complete"
    _, right = media.read(Path(recording["file"]))
    assert starts_with(right, FIRST_VOICE)
    assert ends_with(right, SECOND_VOICE)


def test_a_caller_who_sends_nothing_while_silent_is_recorded_on_once_he_speaks(
    site: Site, stage: Stage
) -> None:
    """Only a packet of his makes the old recorder go: what is written is looked at, and it is tried again."""
    before = renewed(site)["renewed"]
    stage.consult("102", silent=True)
    site.until(lambda: renewed(site)["renewed"] == before + 2, "the first attempt heard nobody", 15)
    stage.caller.pause = False
    site.until(lambda: renewed(site)["renewed"] == before + 3, "the next one comes", 15)
    [recording] = stage.finish(1)
    left, right = media.read(Path(recording["file"]))
    assert ends_with(left, CALLER_VOICE)
    assert ends_with(right, SECOND_VOICE)
    assert renewed(site)["renewed"] == before + 3


def test_without_a_listener_the_recording_says_what_it_lacks(site: Site, stage: Stage) -> None:
    """The proof that the tests above are about something."""
    site.stop_listener()
    try:
        stage.consult("102")
        stage.finish(0)
    finally:
        site.listen()
    recording = stage.recordings()[-1]
    assert recording["state"] == "short"
    assert "after a transfer the employee is not heard" in recording["note"]
