"""The outside world: phones that register with the switch under test, and the carrier behind its trunk.

One Asterisk of its own plays them all. What each does with a call is told before (`behave`) or with the
call that it places (`call`); what happened is asked after, always with a deadline.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ami import Ami, AmiFailed, ChannelGone, Message
from harness.farside_config import AMI_SECRET, AMI_USER, CARRIER, Carrier, Phone, Secure, files, server
from harness.ports import PortBlock
from harness.priority import put_first
from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.instance import Instance
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Address
from orchestrator.project import SwitchPaths

__all__ = ["CARRIER", "Behaviour", "Call", "Carrier", "FarSide", "Phone", "answer", "busy", "reject", "ring"]

_DEADLINE_S = 10.0
_POLL_S = 0.05
_KEY_GAP_S = 0.15
"""From the beginning of one key to that of the next, as quick fingers do it."""
_CAUSE_OF = {
    403: 21,
    404: 1,
    410: 22,
    480: 19,
    484: 28,
    486: 17,
    488: 58,
    500: 38,
    501: 29,
    502: 27,
    503: 34,
    603: 21,
}
"""Hangup cause with which Asterisk sends a SIP code. It has no cause for 603 and sends 403."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone does with a call.

    Args: action: `answer`, `ring` (for ever), `reject` or `forward`. cause: hangup cause of a reject. ring_s:
    seconds of ringing before. say: a wav that it says over and over, or None. stay_s: it hangs up so many
    seconds after answer; 0: never. to: number that it forwards to.
    """

    action: str
    cause: int = 17
    ring_s: float = 0.0
    say: Path | None = None
    stay_s: float = 0.0
    to: str = ""

    @property
    def text(self) -> str:
        """As the dialplan of the far side reads it."""
        return f"{self.action},{self.cause},{self.ring_s:g},{self.to or self.voice},{self.stay_s:g}"

    @property
    def voice(self) -> str:
        """The file as Asterisk's Playback wants it: without its ending."""
        return "" if self.say is None else str(self.say.with_suffix(""))


def answer(say: Path | None = None, ring_s: float = 0.0, stay_s: float = 0.0) -> Behaviour:
    """Answer, say something, and hang up after a while or never."""
    return Behaviour("answer", ring_s=ring_s, say=say, stay_s=stay_s)


def ring() -> Behaviour:
    """Ring and never answer."""
    return Behaviour("ring")


def busy(ring_s: float = 0.0) -> Behaviour:
    """486, at once or after ringing, as when the user presses the red button."""
    return reject(486, ring_s)


def reject(code: int, ring_s: float = 0.0) -> Behaviour:
    """Refuse with a SIP code."""
    return Behaviour("reject", cause=_CAUSE_OF[code], ring_s=ring_s)


def forward(to: str) -> Behaviour:
    """302: the phone sends its calls elsewhere by itself."""
    return Behaviour("forward", to=to)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a phone, as the far side sees it.

    Args: phone: its name. uniqueid: the far side's own. number: what was dialled. from_number, name: who
    calls, as shown. diverted_by, reason: the number that forwarded it and why, from Diversion. diversion: the
    whole header.
    """

    phone: str
    uniqueid: str
    number: str
    from_number: str = ""
    name: str = ""
    diverted_by: str = ""
    reason: str = ""
    diversion: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended. Args: code: the SIP code that refused it, None when it was answered or given up.

    cause: hangup cause. heard: what the phone heard, None when never answered.
    """

    code: int | None
    cause: int
    heard: Path | None


class FarSide:
    """Phones and a carrier around the switch at `pbx`."""

    def __init__(
        self,
        asterisk: Asterisk,
        root: Path,
        pbx: Address,
        phones: Sequence[Phone] = (),
        carrier: Carrier | None = None,
        host: str = "127.0.0.1",
        secure: Secure | None = None,
    ) -> None:
        """Args: root: an own directory. host: loopback address of the phones. secure: for TLS."""
        self.phones = {phone.name: phone for phone in phones}
        self.carrier = carrier
        self._pbx, self._secure = pbx, secure
        self._ports = PortBlock()
        self.address = Address(host, self._ports.port())
        self._ami_port = self._ports.port()
        self._ids = itertools.count(1)
        self._instance = Instance(SwitchPaths(root), asterisk)
        heard = self._heard = root / "heard"
        etc = self._instance.paths.etc
        for directory in (heard, etc):
            directory.mkdir(parents=True)
        made = files(pbx, phones, self.address, carrier, self._ami_port, self._ports.span(200), heard, secure)
        for name, text in made.items():
            (etc / name).write_text(text, encoding="utf-8")
        self._ami: Ami | None = None

    def __enter__(self) -> FarSide:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, with every phone and the carrier set to ring for ever."""
        put_first(self._instance.start(Systemname("far-side"), ()).pid)
        self._ami = Ami(self.address.host, self._ami_port, AMI_USER, AMI_SECRET)
        for name in [*self.phones, CARRIER]:
            self.behave(name, ring())

    def stop(self) -> None:
        if self._ami is not None:
            self._ami.close()
        self._instance.stop()
        self._ports.release()

    def vanish(self) -> None:
        """SIGKILL: every phone falls silent in mid-call, and no BYE comes."""
        pid = self._instance.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def rx(self, line: str) -> str:
        """A console command of the far side itself."""
        return self._instance.rx(line)

    def wait_registered(self, deadline_s: float = _DEADLINE_S) -> None:
        """Wait until every phone that registers is registered. Raises: TimeoutError."""
        wanted = {name for name, phone in self.phones.items() if phone.registers}

        def registered() -> bool:
            shown = self.rx("pjsip show registrations")
            return wanted <= set(re.findall(r"^ *([^/\s]+)/sip:.*\bRegistered\b", shown, re.MULTILINE))

        until(registered, deadline_s, lambda: f"not registered: {self.rx('pjsip show registrations')}")

    def behave(self, phone: str, behaviour: Behaviour, number: str = "") -> None:
        """What a phone or `CARRIER` does with calls from now on. Args: number: only with those to it."""
        key = f"{phone}/{number}" if number else phone
        self._session.action("DBPut", Family="do", Key=key, Val=behaviour.text)

    def call(
        self,
        phone: str,
        number: str,
        say: Path | None = None,
        stay_s: float = 0.0,
        from_number: str = "",
        give_up_s: float = 120.0,
    ) -> Call:
        """Let a phone, or the carrier, call a number on the switch. Returns: at once, ringing or not.

        Args: number: user part of the address, sent as it is. from_number: what the carrier shows.
        give_up_s: cancelled when it isn't answered in this time.
        """
        uniqueid = f"placed-{next(self._ids)}"
        headers = {"CallerID": from_number} if from_number else {}
        self._session.action(
            "Originate",
            variables=(f"PHONE={phone}", f"SEND={Behaviour('answer', say=say).voice}", f"STAY={stay_s:g}"),
            Channel=f"PJSIP/{phone}/sip:{number}@{self._server(phone)}",
            Context="talk",
            Exten="s",
            Priority="1",
            Async="true",
            Timeout=str(int(give_up_s * 1000)),
            ChannelId=uniqueid,
            **headers,
        )
        return Call(phone, uniqueid, number, from_number)

    def incoming(self, phone: str, deadline_s: float = _DEADLINE_S, after: int = 0) -> Call:
        """A call that came to a phone. Args: after: how many of its calls to pass over."""
        deadline = time.monotonic() + deadline_s
        until(
            lambda: len(self.calls_to(phone)) > after,
            deadline - time.monotonic(),
            lambda: f"no call to {phone}",
        )
        return self.calls_to(phone)[after]

    def calls_to(self, phone: str) -> list[Call]:
        """Every call that came to a phone so far, in order."""
        found = self._events("Incoming", lambda event: event["Phone"] == phone)
        fields = ("Uniqueid", "Number", "From", "Name", "Diversion", "Reason", "Header")
        return [Call(phone, *(event[field] for field in fields)) for event in found]

    def wait_answered(self, call: Call, deadline_s: float = _DEADLINE_S) -> Path:
        """Wait until a call is answered. Returns: the file of what this phone hears, written as it goes."""
        event = self._event("Answered", lambda event: event["Uniqueid"] == call.uniqueid, deadline_s)
        return Path(event["Heard"])

    def overhear(self, call: Call) -> Path:
        """Begin to write down what the phone of a placed call hears, answered or not. Returns: the file."""
        file = self._heard / f"early-{call.uniqueid}.wav"
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            try:
                self._session.action("MixMonitor", Channel=call.uniqueid, File="", Options=f"r({file})")
            except AmiFailed:
                if time.monotonic() > deadline or self.has_ended(call):
                    raise
                time.sleep(_POLL_S)
            else:
                return file

    def wait_ended(self, call: Call, deadline_s: float = _DEADLINE_S) -> Ended:
        """Wait until a call is over."""
        hangup = self._event("Hangup", lambda event: event["Uniqueid"] == call.uniqueid, deadline_s)
        answered = self._events("Answered", lambda event: event["Uniqueid"] == call.uniqueid)
        cause = int(hangup["Cause"] or 0)
        if answered:
            return Ended(None, cause, Path(answered[0]["Heard"]))
        return Ended(int(hangup.get("TechCause") or 0) or None, cause, None)

    def is_answered(self, call: Call) -> bool:
        return bool(self._events("Answered", lambda event: event["Uniqueid"] == call.uniqueid))

    def has_ended(self, call: Call) -> bool:
        return bool(self._events("Hangup", lambda event: event["Uniqueid"] == call.uniqueid))

    def hang_up(self, call: Call) -> Ended:
        """Hang up, or cancel what isn't answered yet; what the other side has ended meanwhile has ended."""
        self.give_up(call)
        return self.wait_ended(call)

    def give_up(self, call: Call) -> None:
        """Hang up, and don't wait for the end. A call that was only just begun has no channel yet."""
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            try:
                self._session.action("Hangup", Channel=call.uniqueid, Cause="16")
            except ChannelGone:
                if self.has_ended(call):
                    return
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def press(self, call: Call, keys: str) -> None:
        """Press keys in a call that is up, one after the other: RFC 4733, 80 ms each."""
        for key in keys:
            self._session.action("PlayDTMF", Channel=call.uniqueid, Digit=key, Duration="80")
            time.sleep(_KEY_GAP_S)

    def transfer(self, call: Call, number: str, deadline_s: float = _DEADLINE_S) -> str:
        """Blind transfer by REFER. Returns: `SUCCESS`, or why the switch refused."""
        self._session.action(
            "Redirect", Channel=call.uniqueid, Context="transfer", Exten=number, Priority="1"
        )
        event = self._event("Transferred", lambda event: event["Uniqueid"] == call.uniqueid, deadline_s)
        return event["Status"]

    def channels(self) -> int:
        """How many channels of the far side are up."""
        found = re.search(r"(\d+) active channel", self.rx("core show channels count"))
        return int(found[1]) if found else 0

    def _server(self, phone: str) -> str:
        """Where a phone sends a call; the carrier always as its own endpoint does."""
        speaker = self.phones.get(phone, self.carrier)
        transport = speaker.transport if speaker is not None else "udp"
        return server(self._pbx, self._secure, transport).replace("\\;", ";")

    @property
    def _session(self) -> Ami:
        assert self._ami is not None, "start the far side first"
        return self._ami

    def _events(self, kind: str, wanted: Callable[[Message], bool]) -> list[Message]:
        return [event for event in self._session.events() if _is(kind, event) and wanted(event)]

    def _event(self, kind: str, wanted: Callable[[Message], bool], deadline_s: float) -> Message:
        try:
            return self._session.wait(lambda event: _is(kind, event) and wanted(event), deadline_s)
        except AmiFailed as error:
            raise TimeoutError(f"{kind}: {error}") from None


def _is(kind: str, event: Message) -> bool:
    return event.get("UserEvent", event["Event"]) == kind


def until(true: Callable[[], bool], deadline_s: float, told: Callable[[], str]) -> None:
    deadline = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(told())
        time.sleep(_POLL_S)
