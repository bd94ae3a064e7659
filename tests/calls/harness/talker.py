"""A voice as RTP beside a SIPp phone, with a sequence number that the test chooses; it keeps what it hears.

SIPp plays both the signalling and the silence of a phone. The switch sends back to where it is sent from
(symmetric RTP), so the other half, sound in both directions, is a socket of its own.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from types import TracebackType

import numpy as np
import numpy.typing as npt

from harness.media import RATE, Samples
from harness.sipp_log import SippCall
from orchestrator.model.platform import Address

ALAW, ULAW = 8, 0
"""Payload types: RFC 3551, 6."""
HALF = 0x8000
"""Half of all sequence numbers: a packet that many and a few more ahead of the last one counts as late."""
_FRAME = RATE // 50
_FRAME_S = 0.02
_HEADER = struct.Struct("!BBHII")

Bytes = npt.NDArray[np.uint8]


class Talker:
    """Speaks to one address over and over, from the moment of its making until it falls silent.

    Args: seqno: of its first packet. payload: `ALAW` or `ULAW`.
    """

    def __init__(
        self, host: str, to: Address, voice: Samples, seqno: int, payload: int = ALAW, deadline_s: float = 60
    ) -> None:
        self.seqno = seqno
        self.spoken_s = 0.0
        self.pause = False
        """While it is set, nothing is sent: a phone that suppresses silence."""
        self._voice = CODECS[payload][0](voice)
        self._payload, self._to = payload, (to.host, to.port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._heard: list[bytes] = []
        self._silent = threading.Event()
        self._deadline = time.monotonic() + deadline_s
        self._threads = [threading.Thread(target=part, daemon=True) for part in (self._speak, self._listen)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Talker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fall_silent()

    def fall_silent(self) -> int:
        """Stop speaking and hearing. Returns: the sequence number that would have been next."""
        self._silent.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()
        return self.seqno

    def heard(self) -> Samples:
        """Everything heard so far."""
        packets = b"".join(self._heard)
        return CODECS[self._payload][1](np.frombuffer(packets, np.uint8))

    def _speak(self) -> None:
        source, begin = id(self) & 0xFFFFFFFF, time.monotonic()
        frames = len(self._voice) // _FRAME
        for count in range(int((self._deadline - begin) / _FRAME_S)):
            if self._silent.wait(max(0.0, begin + count * _FRAME_S - time.monotonic())):
                return
            header = _HEADER.pack(0x80, self._payload, self.seqno, count * _FRAME & 0xFFFFFFFF, source)
            at = count % frames * _FRAME
            if self.pause:
                continue
            self._socket.sendto(header + self._voice[at : at + _FRAME].tobytes(), self._to)
            self.seqno = (self.seqno + 1) % 0x10000
            self.spoken_s += _FRAME_S

    def _listen(self) -> None:
        self._socket.settimeout(_FRAME_S)
        while not self._silent.is_set():
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                continue
            if len(packet) > _HEADER.size and packet[1] & 0x7F == self._payload:
                self._heard.append(packet[_HEADER.size :])


def behind(seqno: int) -> int:
    """A sequence number from which a new speaker's packets look late after a packet of this number."""
    return (seqno + HALF + HALF // 2) % 0x10000


def has_media(call: SippCall) -> bool:
    """Whether the switch has sent an offer or an answer."""
    return bool(_bodies(call))


def media_of(call: SippCall) -> Address:
    """Where the switch wants the sound of a call, by the last answer or offer that it sent."""
    bodies = _bodies(call)
    host, port = (re.search(what, bodies[-1]) for what in (r"c=IN IP4 (\S+)", r"m=audio (\d+)"))
    assert host is not None and port is not None, bodies[-1]
    return Address(host[1], int(port[1]))


def _bodies(call: SippCall) -> list[str]:
    return [message.body for message in call.messages if not message.sent and "m=audio" in message.body]


def _alaw_samples() -> Samples:
    """The 256 values of A-law. Rule: ITU-T G.711, table 1."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    size = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.asarray(np.where(code & 0x80, size, -size), np.float64)


def _ulaw_samples() -> Samples:
    """The 256 values of mu-law. Rule: ITU-T G.711, table 2."""
    code = np.arange(256) ^ 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.asarray(np.where(code & 0x80, -size, size), np.float64)


class _Law:
    """A companding law by its table of values: each sample becomes the nearest."""

    def __init__(self, values: Samples) -> None:
        self._values = values
        self._order = np.argsort(values, kind="stable")
        ranked = values[self._order]
        self._borders = (ranked[1:] + ranked[:-1]) / 2

    def encode(self, samples: Samples) -> Bytes:
        return np.asarray(self._order[np.searchsorted(self._borders, samples)], np.uint8)

    def decode(self, sound: Bytes) -> Samples:
        return np.asarray(self._values[sound], np.float64)


_A, _U = _Law(_alaw_samples()), _Law(_ulaw_samples())
CODECS = {ALAW: (_A.encode, _A.decode), ULAW: (_U.encode, _U.decode)}
