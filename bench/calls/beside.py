"""Calls that go on while something else is measured: some stay up, others arrive. None has voice."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from calls.arms import HOST
from calls.load import PATIENT, FarEnd, GeneratorFailed, last_answers, messages
from orchestrator import definitions as definition_files
from orchestrator.asterisk.listening import free_port
from orchestrator.model.platform import Address
from orchestrator.project import Project
from orchestrator.rendering.render import device_keys
from orchestrator.secrets import Secrets

HELD, PER_SECOND = 20, 40
TALK_MS = 500
_LONGEST_MS = 30 * 60 * 1000
_PHONES = 500
_HERE = Path(__file__).parent
_END_S = 15.0
_ALL_UP_S = 15.0


@dataclass(slots=True)
class Beside:
    """What calls met.

    Args: delays: ms from INVITE to 200, or infinite, by when they began (epoch, s). unanswered: what calls
    without a 200 were told last, and how many.
    """

    delays: dict[float, float] = field(default_factory=dict)
    unanswered: Counter[str] = field(default_factory=Counter)

    def within(self, windows: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        """Post-dial delays in ms, sorted, of the calls that began in one of the windows of time."""
        return tuple(
            sorted(
                delay for at, delay in self.delays.items() if any(begin <= at < end for begin, end in windows)
            )
        )


@contextmanager
def calls_beside(root: Path, sip: Address, far: FarEnd, work: Path) -> Iterator[Beside]:
    """Keep calls coming from a project's phones; what they met is known when the block has ended.

    Raises: GeneratorFailed: the calls that are to stay up don't, or SIPp ends early.
    """
    work.mkdir()
    scenario = work / "phone.xml"
    text = (_HERE / "phone_out.xml").read_text("utf-8")
    text = re.sub(r"  <nop>.*?</nop>\n", "", text, flags=re.DOTALL)
    scenario.write_text(text.replace("rtpstream_audio_port", "media_port"), "utf-8")
    callers = work / "callers.csv"
    callers.write_text(_callers(root), "ascii")
    held = _sipp(work / "held", sip, scenario, callers, HELD, HELD, _LONGEST_MS)
    arriving = None
    told = Beside()
    try:
        _until_up(work / "held")
        arriving = _sipp(work / "arriving", sip, scenario, callers, PER_SECOND, None, TALK_MS)
        yield told
        for each in (held, arriving):
            if each.poll() is not None:
                raise GeneratorFailed(f"SIPp ended with {each.returncode}")
        far.check()
    finally:
        for each in (arriving, held):
            if each is not None:
                _end(each)
    last = last_answers(work / "arriving")
    for call_id, (begun, answered) in messages(work / "arriving").items():
        told.delays[begun] = float("inf") if answered is None else 1000 * (answered - begun)
        if answered is None:
            told.unanswered[last.get(call_id, "nothing")] += 1


def _sipp(
    work: Path, sip: Address, scenario: Path, callers: Path, rate: int, count: int | None, talk_ms: int
) -> subprocess.Popen[bytes]:
    work.mkdir()
    command = ["sipp", str(sip), "-sf", str(scenario), "-inf", str(callers), "-i", HOST, "-mi", HOST]
    command += ["-p", str(free_port(HOST)), "-r", str(rate), "-l", "5000", "-d", str(talk_ms), "-nostdin"]
    command += ["-trace_shortmsg", "-recv_timeout", str(_LONGEST_MS), *PATIENT]
    command += ["-m", str(count)] if count is not None else []
    return subprocess.Popen(
        command,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _until_up(work: Path) -> None:
    deadline = time.monotonic() + _ALL_UP_S
    while sum(answered is not None for _, answered in messages(work).values()) < HELD:
        if time.monotonic() > deadline:
            raise GeneratorFailed(f"{HELD} calls are not up within {_ALL_UP_S:g} s: {messages(work)}")
        time.sleep(0.2)


def _end(sipp: subprocess.Popen[bytes]) -> None:
    """SIGUSR1: no new calls, and an end when the last is over; killed when that takes too long."""
    if sipp.poll() is None:
        sipp.send_signal(signal.SIGUSR1)
        try:
            sipp.wait(2 + TALK_MS / 1000)
        except subprocess.TimeoutExpired:
            sipp.kill()
            sipp.wait(_END_S)


def _callers(root: Path) -> str:
    """One line a phone: endpoint; number called; how it proves itself. Each call takes the next."""
    project = Project(root)
    loaded = definition_files.load(root)
    kept = Secrets.open(project.secrets_file)
    lines = ["SEQUENTIAL"]
    keys = [key for node in loaded.platform.nodes.values() for key in device_keys(loaded, node)]
    step = max(1, len(keys) // _PHONES)
    for index, key in enumerate(keys[::step]):
        device = kept.known_device(*key)
        assert device is not None, key
        proof = f"[authentication username={device.endpoint} password={device.secret}]"
        lines.append(f"{device.endpoint};+7916{index:07};{proof}")
    return "\n".join(lines) + "\n"
