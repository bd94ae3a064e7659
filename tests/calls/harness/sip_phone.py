"""A phone that sends whatever it likes: SIP over UDP by hand, for what no decent phone would try."""

from __future__ import annotations

import hashlib
import itertools
import queue
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.farside import Phone
from orchestrator.model.platform import Address

_DEADLINE_S = 8.0
_CHALLENGES = (401, 407)
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Packet:
    """A request or an answer. Args: code: of an answer; 0: a request."""

    first: str
    headers: Mapping[str, str]
    vias: tuple[str, ...]
    body: str

    @property
    def code(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.headers["cseq"].split()[1]

    @property
    def key(self) -> tuple[str, str]:
        return self.headers["call-id"], self.headers["cseq"]


@dataclass(slots=True)
class Dialog:
    """A call, as this phone holds it.

    Args: own, other: values of From and To, with their tags. target: URI of the other end.
    """

    call_id: str
    own: str
    other: str
    target: str
    sequence: int = 1

    @property
    def own_tag(self) -> str:
        return tag(self.own)

    @property
    def other_tag(self) -> str:
        return tag(self.other)


def tag(value: str) -> str:
    """Of a From or To; empty: it has none."""
    found = re.search(r";tag=([^;>\s]+)", value)
    return found[1] if found else ""


def read(data: bytes) -> Packet:
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, str] = {}
    vias = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
        if name.strip().lower() in ("via", "v"):
            vias.append(value.strip())
    return Packet(first, headers, tuple(vias), body)


@dataclass(slots=True)
class SipPhone:
    """Answers every call; keeps each that came.

    Args: arrived: who called, as shown, in order. ended: Call-IDs that the switch hung up. told: bodies of
    NOTIFY, by Call-ID. tags: that the switch gave its end of calls from here.
    """

    phone: Phone
    switch: Address
    host: str = "127.0.0.2"
    arrived: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    told: dict[str, list[str]] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    _closed: bool = False
    _socket: socket.socket = field(init=False)
    _server: threading.Thread = field(init=False)
    _answers: dict[tuple[str, str], queue.Queue[Packet]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.host, 0))
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    @property
    def user(self) -> str:
        return self.phone.endpoint

    @property
    def contact(self) -> str:
        host, port = self._socket.getsockname()
        return f"<sip:{self.user}@{host}:{port}>"

    def close(self) -> None:
        """Silent from now on."""
        self._closed = True
        self._socket.sendto(b"", self._socket.getsockname())
        self._server.join()
        self._socket.close()

    def register(self) -> None:
        me = f"<sip:{self.user}@{self.switch}>"
        answer = self._ask("REGISTER", f"sip:{self.switch}", me, me, "Expires: 600\r\n")
        assert answer.code == 200, answer.first

    def invite(self, number: str, more: str = "") -> tuple[int, Dialog | None]:
        """Call. Args: more: headers. Returns: the final code, and the call when it is up."""
        uri = f"sip:{number}@{self.switch}"
        own = f"<sip:{self.user}@{self.switch}>;tag={_fresh()}"
        call_id = f"{_fresh()}@vpbx.test"
        answer = self._ask("INVITE", uri, own, f"<{uri}>", more, call_id, self._sdp())
        if answer.code >= 300:
            return answer.code, None
        self.tags.append(tag(answer.headers["to"]))
        target = re.search(r"<([^>]+)>", answer.headers["contact"])
        assert target is not None
        dialog = Dialog(call_id, own, answer.headers["to"], target[1], int(answer.headers["cseq"].split()[0]))
        return answer.code, dialog

    def refer(self, dialog: Dialog, to: str) -> int:
        """Transfer a call. Args: to: a URI. Returns: what became of it: the final code that was told."""
        before = len(self.told.get(dialog.call_id, []))
        answer = self._within(
            dialog, "REFER", f"Refer-To: <{to}>\r\nReferred-By: {dialog.own.split(';')[0]}\r\n"
        )
        if answer.code >= 300:
            return answer.code
        deadline = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline:
            codes = [
                int(code)
                for body in self.told.get(dialog.call_id, [])[before:]
                for code in re.findall(r"^SIP/2.0 (\d{3})", body)
            ]
            if codes and codes[-1] >= 200:
                return codes[-1]
            time.sleep(0.01)
        raise TimeoutError("nothing was told of a transfer")

    def bye(self, dialog: Dialog) -> int:
        return self._within(dialog, "BYE", "").code

    def _within(self, dialog: Dialog, method: str, more: str) -> Packet:
        return self._ask(method, dialog.target, dialog.own, dialog.other, more, dialog.call_id, dialog=dialog)

    def _ask(
        self,
        method: str,
        uri: str,
        own: str,
        other: str,
        more: str = "",
        call_id: str = "",
        body: str = "",
        dialog: Dialog | None = None,
    ) -> Packet:
        """Send a request, log in when that is asked, and wait for the final answer."""
        call_id = call_id or f"{_fresh()}@vpbx.test"
        own = own if ";tag=" in own else f"{own};tag={_fresh()}"
        login = ""
        for _ in range(2):
            number = 1 if dialog is None and not login else 2
            if dialog is not None:
                dialog.sequence += 1
                number = dialog.sequence
            answers: queue.Queue[Packet] = queue.Queue()
            self._answers[call_id, f"{number} {method}"] = answers
            self._send(method, uri, own, other, call_id, number, f"{more}{login}", body)
            answer = self._final(answers, method)
            if method == "INVITE":
                target = uri
                if answer.code < 300:
                    target = answer.headers["contact"].strip("<>").split(">")[0]
                self._send("ACK", target, own, answer.headers["to"], call_id, number, login, "")
            if answer.code not in _CHALLENGES:
                return answer
            login = self._login(method, uri, answer)
        return answer

    def _final(self, answers: queue.Queue[Packet], method: str) -> Packet:
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            try:
                answer = answers.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no answer to a {method} of {self.user}") from None
            if answer.code >= 200:
                return answer

    def _send(
        self, method: str, uri: str, own: str, other: str, call_id: str, number: int, more: str, body: str
    ) -> None:
        host, port = self._socket.getsockname()
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{_fresh()}\r\n"
            f"From: {own}\r\nTo: {other}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: {self.contact}\r\nMax-Forwards: 70\r\nSupported: replaces\r\n{more}{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        self._socket.sendto(text.encode(), (self.switch.host, self.switch.port))

    def _login(self, method: str, uri: str, answer: Packet) -> str:
        proxy = answer.code == 407
        given = answer.headers["proxy-authenticate" if proxy else "www-authenticate"]
        of = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
        first = _md5(f"{self.user}:{of['realm']}:{self.phone.secret}")
        second = _md5(f"{method}:{uri}")
        counted = "00000001:vpbx:auth:" if "qop" in of else ""
        response = _md5(f"{first}:{of['nonce']}:{counted}{second}")
        parts = [
            f'username="{self.user}"',
            f'realm="{of["realm"]}"',
            f'nonce="{of["nonce"]}"',
            f'uri="{uri}"',
        ]
        parts += [f'response="{response}"', "algorithm=MD5"]
        if counted:
            parts += ["qop=auth", "nc=00000001", 'cnonce="vpbx"']
        if "opaque" in of:
            parts.append(f'opaque="{of["opaque"]}"')
        return f"{'Proxy-' if proxy else ''}Authorization: Digest {', '.join(parts)}\r\n"

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(65536)
            if self._closed:
                return
            packet = read(data)
            waiting = self._answers.get(packet.key) if packet.code else None
            if waiting is not None:
                waiting.put(packet)
            elif not packet.code and not packet.first.startswith("ACK"):
                self._answer(packet, source)

    def _answer(self, packet: Packet, source: tuple[str, int]) -> None:
        method, call_id = packet.method, packet.headers["call-id"]
        to, body = packet.headers["to"], ""
        if method == "INVITE":
            if not tag(to):
                self.arrived.append(packet.headers["from"])
                to += f";tag={_fresh()}"
            body = self._sdp()
        elif method == "BYE":
            self.ended.add(call_id)
        elif method == "NOTIFY":
            self.told.setdefault(call_id, []).append(packet.body)
        vias = "".join(f"Via: {via}\r\n" for via in packet.vias)
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"SIP/2.0 200 OK\r\n{vias}From: {packet.headers['from']}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {packet.headers['cseq']}\r\nContact: {self.contact}\r\n{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        self._socket.sendto(text.encode(), source)


def _fresh() -> str:
    return f"vpbx{next(_ids)}x{time.monotonic_ns():x}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
