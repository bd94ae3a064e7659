"""SIPp as phones and carriers: a process for each run of a scenario of `sipp/*.xml`, on its own address.

In a scenario `@name@` is filled in from the run's settings, and a row gives `own user; number; password`
by field. What happened is read from the message log, not from SIPp's own opinion.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ports import PortBlock
from harness.priority import put_first
from harness.sipp_log import SippCall, calls, messages
from orchestrator.model.platform import Address

SCENARIOS = Path(__file__).parent / "sipp"
_DEFAULTS: Mapping[str, object] = {
    "talk_ms": 2000,
    "talk_first_ms": 1,
    "payload": 8,
    "codec": "PCMA",
    "ring_ms": 200,
    "hold_ms": 2000,
    "before_ms": 1500,
    "settle_ms": 1000,
    "expires_s": 300,
    "code": "486 Busy Here",
    "supported": "Supported: replaces",
    "contact_more": "",
    "profile": "RTP/AVP",
    "media_more": "",
}
_DEADLINE_S = 30.0
_POLL_S = 0.05


class SippFailed(Exception):
    """SIPp isn't there, didn't start, or its calls did not come to their end in time."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one call of a scenario uses.

    Args: user: own user: an endpoint id, or the caller's number at a carrier. number: what it calls or
    transfers to. username, secret: for digest authentication. first: the number it calls first, where a
    scenario calls two.
    """

    user: str
    number: str = ""
    username: str = ""
    secret: str = ""
    first: str = ""

    @property
    def text(self) -> str:
        login = f"[authentication username={self.username or self.user} password={self.secret}]"
        return f"{self.user};{self.number};{login if self.secret else ''};{self.first}"


class Sipp:
    """One run of one scenario."""

    def __init__(
        self,
        work: Path,
        scenario: str,
        own: Address,
        remote: Address,
        rows: Sequence[Row] = (Row("sipp"),),
        rate: int = 10,
        media_port: int = 0,
        **settings: object,
    ) -> None:
        """Args: work: an own directory. rate: calls a second. settings: `talk_ms` and so on.

        A scenario that calls makes one call for each row; one that is called takes any number of calls.
        """
        work.mkdir(parents=True)
        self._work, self.own, self._remote = work, own, remote
        self._rows, self._rate = rows, rate
        self._ports = PortBlock() if not media_port else None
        self._media_port = media_port or (self._ports.span(4)[0] if self._ports else 0)
        text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
        self._places = text.index("<send") < text.index("<recv")
        filled = {**_DEFAULTS, **settings}
        text = re.sub(r"@([a-z_]+)@", lambda name: str(filled[name[1]]), text)
        (work / "scenario.xml").write_text(text, encoding="utf-8")
        lines = ["SEQUENTIAL", *(row.text for row in rows)]
        (work / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sipp:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it listens. Raises: SippFailed."""
        binary = shutil.which("sipp")
        if binary is None:
            raise SippFailed("sipp is not on this machine: apt-get install sip-tester")
        command = [binary, str(self._remote), "-sf", "scenario.xml", "-inf", "rows.csv", "-nostdin"]
        command += ["-i", self.own.host, "-p", str(self.own.port), "-cid_str", "%u-%p-%s"]
        command += ["-mi", self.own.host, "-mp", str(self._media_port), "-r", str(self._rate)]
        command += ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
        if self._places:
            command += ["-m", str(len(self._rows)), "-oocsn", "ooc_default"]
        with (self._work / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=self._work, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        put_first(self._process.pid)
        self._until(lambda: self._listens() or self._gone(), 10, "did not listen")
        if self._gone() and self._process.returncode != 0 and not self.calls():
            raise SippFailed(f"sipp ended with {self._process.returncode}: {self.errors()}")

    def run(self, deadline_s: float = _DEADLINE_S) -> tuple[SippCall, ...]:
        """Start, wait for the end of all calls that it places, stop. Raises: SippFailed."""
        with self:
            return self.wait(deadline_s)

    def wait(self, deadline_s: float = _DEADLINE_S) -> tuple[SippCall, ...]:
        """Wait until SIPp has placed all its calls and they are over. Raises: SippFailed."""
        self._until(self._gone, deadline_s, "its calls were not over")
        return self.calls()

    def wait_calls(self, count: int, deadline_s: float = _DEADLINE_S) -> tuple[SippCall, ...]:
        """Wait until so many calls are over, whoever placed them. Raises: SippFailed."""
        self._until(
            lambda: sum(call.over for call in self.calls()) >= count, deadline_s, f"not {count} calls"
        )
        return self.calls()

    def calls(self) -> tuple[SippCall, ...]:
        """Calls so far, in the order of their INVITEs."""
        return calls(self._work / "messages.log")

    def codes(self) -> Counter[int]:
        """How many calls ended with which final code."""
        return Counter(call.code for call in self.calls())

    def final_code(self, method: str) -> int:
        """The last final code that a request such as REGISTER was answered with; 0 for none."""
        told = [m.code for m in messages(self._work / "messages.log") if m.method == method and m.code >= 200]
        return told[-1] if told else 0

    def errors(self) -> str:
        """What SIPp complained of: unexpected messages, timeouts."""
        return "\n".join(
            (self._work / name).read_text(encoding="utf-8", errors="replace")[-2000:]
            for name in ("errors.log", "output.log")
            if (self._work / name).exists()
        )

    def stop(self) -> None:
        """End this process, calls or not."""
        if self._process is not None and self._process.poll() is None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                self._process.send_signal(number)
                try:
                    self._process.wait(3)
                    break
                except subprocess.TimeoutExpired:
                    continue
        if self._ports is not None:
            self._ports.release()
            self._ports = None

    def _gone(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _listens(self) -> bool:
        host = "".join(f"{int(part):02X}" for part in reversed(self.own.host.split(".")))
        return f" {host}:{self.own.port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii")

    def _until(self, true: Callable[[], bool], deadline_s: float, told: str) -> None:
        deadline = time.monotonic() + deadline_s
        while not true():
            if time.monotonic() > deadline:
                raise SippFailed(f"{told} within {deadline_s:g} s; {self.calls()}; {self.errors()}")
            time.sleep(_POLL_S)


def register(work: Path, own: Address, remote: Address, row: Row) -> int:
    """Register a phone at an address that a later run then answers on. Returns: the final code."""
    sipp = Sipp(work, "register", own, remote, [row])
    sipp.run()
    return sipp.final_code("REGISTER")
