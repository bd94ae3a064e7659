"""Many calls at once by SIPp, and what SIPp itself saw of each: the account that vpbx is held against."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.farside import Phone
from harness.ports import PortBlock

from orchestrator.model.platform import Address

_SCENARIOS = Path(__file__).with_name("sipp")
_LOGGED = re.compile(r"^(answered|refused|ended) (\d+) (\d+)-.*\t(\d+\.\d{6})$", re.MULTILINE)
_GRACE_S = 30.0


class SippFailed(AssertionError):
    """SIPp stopped without playing every call to its end."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One call to be made. Args: to, caller: user parts, as they are sent. talk_s: once answered."""

    to: str
    talk_s: float
    caller: str = "+79990001122"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the generator saw of one call. Args: code: the final answer, 200 when answered."""

    planned: Planned
    code: int
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def length_s(self) -> float:
        assert self.answered_at is not None and self.ended_at is not None, "answered and ended"
        return (self.ended_at - self.answered_at).total_seconds()


class Burst:
    """Calls on their way. Args: host: loopback address they come from."""

    def __init__(
        self,
        directory: Path,
        pbx: Address,
        host: str,
        calls: Sequence[Planned],
        *,
        spread_s: float,
        phone: Phone | None = None,
    ) -> None:
        """Start. Args: directory: an own one, made here. spread_s: time in which all set out.

        phone: who places them, by digest; None: the carrier.
        """
        directory.mkdir(parents=True)
        self._calls, self._log, self._screen = list(calls), directory / "calls.log", directory / "screen"
        table, scenario = directory / "calls.csv", "carrier_calls.xml" if phone is None else "phone_calls.xml"
        table.write_text("SEQUENTIAL\n" + "".join(f"{_row(call, phone)}\n" for call in calls))
        self._ports = PortBlock()
        first_media, _ = self._ports.span(4)
        talk_s = max((call.talk_s for call in calls), default=0.0)
        self._deadline_s = spread_s + talk_s + _GRACE_S
        command = [
            _sipp(),
            str(pbx),
            *("-sf", str(_SCENARIOS / scenario), "-inf", str(table)),
            *("-i", host, "-p", str(self._ports.port()), "-mi", host, "-mp", str(first_media)),
            *("-m", str(len(calls)), "-l", str(len(calls))),
            *("-r", str(len(calls)), "-rp", str(max(1, round(spread_s * 1000)))),
            *("-cid_str", "%u-%p@%s", "-trace_logs", "-log_file", str(self._log)),
            *("-timeout", f"{self._deadline_s:.0f}s", "-nostdin"),
        ]
        with self._screen.open("wb") as screen:
            self._process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen
            )

    def wait(self) -> list[Seen]:
        """Every call as it went, in the order in which they set out. Raises: SippFailed."""
        try:
            code = self._process.wait(self._deadline_s + _GRACE_S)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._ports.release()
        seen = self.seen()
        unfinished = [call for call in seen if call.code == 0 or (call.code == 200 and call.ended_at is None)]
        if code or unfinished:
            tail = self._screen.read_text(errors="replace")[-2000:]
            raise SippFailed(f"SIPp ended with {code}, {len(unfinished)} calls unfinished\n{tail}")
        return seen

    def seen(self) -> list[Seen]:
        """What has happened so far. A call without a final answer has code 0."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        answers: dict[int, tuple[int, datetime | None]] = {}
        ends: dict[int, datetime] = {}
        for what, code, number, seconds in _LOGGED.findall(text):
            at = datetime.fromtimestamp(float(seconds), UTC)
            if what == "ended":
                ends[int(number)] = at
            else:
                answers[int(number)] = (int(code), at if what == "answered" else None)
        return [
            Seen(call, *answers.get(number, (0, None)), ends.get(number))
            for number, call in enumerate(self._calls, 1)
        ]


def answered(calls: Iterable[Seen]) -> int:
    return sum(call.code == 200 for call in calls)


def refused(calls: Iterable[Seen], code: int = 486) -> int:
    return sum(call.code == code for call in calls)


def most_at_once(calls: Iterable[Seen]) -> int:
    """The highest number of calls that were answered and not yet ended at one moment."""
    steps = sorted(
        step
        for call in calls
        if call.answered_at is not None and call.ended_at is not None
        for step in ((call.answered_at, 1), (call.ended_at, -1))
    )
    up = most = 0
    for _, change in steps:
        up += change
        most = max(most, up)
    return most


def lengths(chance: random.Random, count: int, longest_s: int) -> list[float]:
    """Call lengths half-way between whole seconds, so that no rounding of either side is in doubt."""
    return [chance.randint(1, longest_s) + 0.5 for _ in range(count)]


def _row(call: Planned, phone: Phone | None) -> str:
    caller = call.caller if phone is None else phone.endpoint
    row = f"{call.to};{caller};{call.talk_s * 1000:.0f}"
    if phone is None:
        return row
    return f"{row};[authentication username={phone.endpoint} password={phone.secret}]"


def _sipp() -> str:
    found = shutil.which("sipp")
    assert found, "sipp is not installed: apt-get install sip-tester"
    return found
