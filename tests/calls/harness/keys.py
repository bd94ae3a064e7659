"""A phone with lamp keys: it subscribes to colleagues' extensions and notes what it is told, and when."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType

from harness.farside import Phone
from orchestrator.model.platform import Address

BODIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "dialog": ("application/dialog-info+xml", r"<state>(\w+)</state>"),
        "message-summary": ("application/simple-message-summary", r"Messages-Waiting: (\w+)"),
        "presence": ("application/pidf+xml", r"<basic>(\w+)</basic>"),
    }
)
"""By event: the body that is asked for, and where the state stands in it. Rules: RFC 4235,
RFC 3842, RFC 3863."""

_ANSWER_S = 5.0
_POLL_S = 0.01
_EXPIRES_S = 300


@dataclass(slots=True)
class Key:
    """One subscription. Args: code: of the last answer. states: each with its `time.monotonic`."""

    call_id: str
    event: str
    code: int = 0
    challenge: str = ""
    states: list[tuple[float, str]] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The last that was told; empty before the first."""
        return self.states[-1][1] if self.states else ""

    def wait(self, state: str, deadline_s: float) -> float:
        """Wait until it shows a state. Returns: when it was told. Raises: TimeoutError."""
        _until(lambda: self.state == state, deadline_s, f"{self.event} is {state}: {self.states}")
        return self.states[-1][0]


class Panel:
    """The phone, on an address of its own."""

    def __init__(self, phone: Phone, host: str, switch: Address) -> None:
        self._phone, self._switch = phone, switch
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(_POLL_S)
        self._own = Address(host, self._socket.getsockname()[1])
        self._keys: dict[str, Key] = {}
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Panel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def subscribe(self, extension: str, event: str = "dialog") -> Key:
        """Subscribe to an extension's state. Args: event: of `BODIES`. Raises: TimeoutError: no answer."""
        call_id = f"key-{extension}-{event}-{self._own.port}"
        key = self._keys[call_id] = Key(call_id, event)
        self._send(key, extension)
        _until(lambda: key.code != 0, _ANSWER_S, "an answer to SUBSCRIBE")
        if key.code == 401:
            key.code = 0
            self._send(key, extension)
            _until(lambda: key.code != 0, _ANSWER_S, "an answer to the second SUBSCRIBE")
        return key

    def _send(self, key: Key, extension: str) -> None:
        uri, number = f"sip:{extension}@{self._switch}", next(self._numbers)
        own = f"sip:{self._phone.endpoint}@{self._own}"
        lines = [
            f"SUBSCRIBE {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._own};branch=z9hG4bK{key.call_id}-{number};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self._phone.endpoint}@{self._switch}>;tag={key.call_id}",
            f"To: <{uri}>",
            f"Call-ID: {key.call_id}",
            f"CSeq: {number} SUBSCRIBE",
            f"Contact: <{own}>",
            f"Event: {key.event}",
            f"Accept: {BODIES[key.event][0]}",
            f"Expires: {_EXPIRES_S}",
            *([self._proof(key.challenge, uri)] if key.challenge else []),
            "Content-Length: 0",
        ]
        text = "\r\n".join([*lines, "", ""])
        self._socket.sendto(text.encode(), (self._switch.host, self._switch.port))

    def _proof(self, challenge: str, uri: str) -> str:
        """The answer to a challenge. Rule: RFC 2617, 3.2.2."""
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        user, count, own = self._phone.endpoint, "00000001", "7a6b"
        who = _md5(f"{user}:{told['realm']}:{self._phone.secret}")
        proof = _md5(f"{who}:{told['nonce']}:{count}:{own}:auth:{_md5(f'SUBSCRIBE:{uri}')}")
        given = f'username="{user}", realm="{told["realm"]}", nonce="{told["nonce"]}", uri="{uri}"'
        rest = f'response="{proof}", algorithm=MD5, qop=auth, nc={count}, cnonce="{own}"'
        return f'Authorization: Digest {given}, {rest}, opaque="{told.get("opaque", "")}"'

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                data, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            head, _, body = data.decode().partition("\r\n\r\n")
            first, *lines = head.split("\r\n")
            call_id = next(line for line in lines if line.lower().startswith("call-id:")).split(":", 1)[1]
            key = self._keys.get(call_id.strip())
            if first.startswith("NOTIFY"):
                self._socket.sendto(_taken(lines), sender)
                found = re.search(BODIES[key.event][1], body) if key else None
                if key is not None and found is not None:
                    key.states.append((time.monotonic(), found[1]))
            elif key is not None and first.startswith("SIP/2.0"):
                wanted = [line for line in lines if line.lower().startswith("www-authenticate:")]
                key.challenge = wanted[0] if wanted else ""
                key.code = int(first.split()[1])


def _taken(lines: list[str]) -> bytes:
    """200 to a request with these headers."""
    same = ("via:", "from:", "to:", "call-id:", "cseq:")
    kept = [line for line in lines if line.lower().startswith(same)]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _until(true: Callable[[], bool], deadline_s: float, what: str) -> None:
    deadline = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        time.sleep(_POLL_S)
