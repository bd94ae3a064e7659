"""SIPp as the operator and as the phones, and what a run of calls came to."""

from __future__ import annotations

import csv
import itertools
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calls.load import PATIENT, GeneratorFailed, percentile

from orchestrator.asterisk.listening import free_port
from routing.switches import HOST, OPERATOR, Running, Way

TALK_MS = 50
"""Short, so that twenty members are enough for every rate."""

_HERE = Path(__file__).parent
_LOGGED = re.compile(r"^(begun|rang) (\+\d+) .*\t(\d+\.\d{6})$", re.MULTILINE)
_SLACK_S = 6.0
_LONGEST_P95_MS = 500.0
_MOST_RETRANSMITTED = 0.01
_callers = itertools.count(79030000000)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of calls at one rate.

    Args: post_dial_ms: from the operator's INVITE to that at a phone, of every call that rang one, sorted.
    late_s: how much longer than it should the generator took. cpu_ms: of Asterisk for each call.
    """

    rate: int
    made: int
    failed: int
    retransmitted: int
    post_dial_ms: tuple[float, ...]
    late_s: float
    cpu_ms: float

    @property
    def p50(self) -> float:
        return percentile(self.post_dial_ms, 50)

    @property
    def p95(self) -> float:
        return percentile(self.post_dial_ms, 95)

    @property
    def clean(self) -> bool:
        """Every call rang a phone in time and ended well, and the generator kept its pace."""
        return (
            self.failed == 0
            and len(self.post_dial_ms) == self.made
            and self.retransmitted <= self.made * _MOST_RETRANSMITTED
            and self.p95 <= _LONGEST_P95_MS
            and self.late_s <= 1.0
        )


class Phones:
    """Every phone of some switches, at one port. They register, then answer whatever comes."""

    def __init__(self, directory: Path, switches: Sequence[Running]) -> None:
        directory.mkdir()
        self._directory = directory
        port = str(free_port(HOST))
        for switch in switches:
            _register(directory, switch, port)
        command = ["sipp", "-sf", str(_HERE / "phones.xml"), "-i", HOST, "-p", port, "-mi", HOST, "-nostdin"]
        command += ["-deadcall_wait", "0", "-trace_logs", "-log_file", str(self.log), *PATIENT]
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def log(self) -> Path:
        return self._directory / "rang.log"

    def rang_since(self, place: int) -> str:
        """What the log says from a place on."""
        with self.log.open("rb") as file:
            file.seek(place)
            return file.read().decode("ascii", errors="replace")

    def check(self) -> None:
        """Raises: GeneratorFailed: SIPp has ended."""
        if self._process.poll() is not None:
            raise GeneratorFailed(f"SIPp as the phones ended with {self._process.returncode}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def _register(directory: Path, switch: Running, port: str) -> None:
    proofs = (
        f"{name};[authentication username={name} password={secret}]\n" for name, secret in switch.accounts
    )
    rows = directory / "accounts.csv"
    rows.write_text("SEQUENTIAL\n" + "".join(proofs), "ascii")
    command = [
        "sipp",
        str(switch.sip),
        "-sf",
        str(_HERE / "phone_registers.xml"),
        "-inf",
        str(rows),
        "-i",
        HOST,
    ]
    command += ["-p", port, "-m", str(len(switch.accounts)), "-r", "20", "-nostdin", "-timeout", "30"]
    done = subprocess.run(
        command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        raise GeneratorFailed(f"phones don't register: SIPp ended with {done.returncode}")


def call(switch: Running, way: Way, phones: Phones, directory: Path, rate: int, seconds: float) -> Run:
    """Calls at a rate for a time. Raises: GeneratorFailed."""
    phones.check()
    count = max(10, round(rate * seconds))
    due_s = count / rate
    before = phones.log.stat().st_size if phones.log.exists() else 0
    with tempfile.TemporaryDirectory(dir=directory) as made:
        work = Path(made)
        callers = work / "callers.csv"
        callers.write_text("SEQUENTIAL\n" + "".join(f"+{next(_callers)}\n" for _ in range(count)), "ascii")
        scenario = work / "caller.xml"
        text = (_HERE / "caller.xml").read_text("utf-8").replace("NUMBER", way.number)
        if way.presses:
            text = text.replace("<!--KEY", "").replace("KEY-->", "")
        scenario.write_text(text, "utf-8")
        command = ["sipp", str(switch.sip), "-sf", str(scenario), "-inf", str(callers), "-i", OPERATOR]
        command += ["-p", str(free_port(OPERATOR)), "-mi", OPERATOR, "-m", str(count), "-r", str(rate)]
        talk_ms = TALK_MS + (300 if way.presses else 0)
        command += ["-l", "5000", "-d", str(talk_ms), "-nostdin", "-recv_timeout", "5000"]
        command += ["-timeout", f"{due_s + _SLACK_S:.0f}", "-trace_stat", "-fd", "60"]
        command += ["-trace_logs", "-log_file", str(work / "begun.log"), *PATIENT]
        cpu, begun = _cpu_s(switch), time.monotonic()
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=due_s + 6 * _SLACK_S,
            check=False,
        )
        late = time.monotonic() - begun - due_s - talk_ms / 1000
        used = 1000 * (_cpu_s(switch) - cpu) / count
        stats = _stats(work)
        if not stats:
            told = done.stderr.decode(errors="replace")[-400:]
            raise GeneratorFailed(f"SIPp ended with {done.returncode}: {told}")
        first = _times((work / "begun.log").read_text("ascii", errors="replace"))
        delays = [
            1000 * (at - first[caller])
            for caller, at in _times(phones.rang_since(before)).items()
            if caller in first
        ]
    return Run(
        rate=rate,
        made=count,
        failed=count - stats["SuccessfulCall(C)"],
        retransmitted=stats["Retransmissions(C)"],
        post_dial_ms=tuple(sorted(delays)),
        late_s=late,
        cpu_ms=used,
    )


def _times(log: str) -> dict[str, float]:
    """When each caller's call began, or first rang a phone, in seconds since 1970."""
    found: dict[str, float] = {}
    for _, caller, at in _LOGGED.findall(log):
        found.setdefault(caller, float(at))
    return found


def _stats(work: Path) -> dict[str, int]:
    """The last of SIPp's own counts; empty when it wrote none."""
    files = list(work.glob("*_.csv"))
    if not files:
        return {}
    with files[0].open(newline="", encoding="ascii", errors="replace") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    names = ("SuccessfulCall(C)", "Retransmissions(C)")
    return {name: int(rows[-1][name]) for name in names} if rows else {}


def _cpu_s(switch: Running) -> float:
    """CPU time of Asterisk so far, user and system."""
    stat = Path(f"/proc/{switch.pid}/stat").read_text("ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
