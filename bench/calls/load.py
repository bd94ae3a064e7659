"""SIPp as the phones and as the far end of the trunk, and what a run of calls came to."""

from __future__ import annotations

import csv
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from calls.arms import HOST, Running
from orchestrator.asterisk.listening import free_port, free_ports
from orchestrator.model.platform import Address

TALK_MS = 2000
_HERE = Path(__file__).parent
_VOICE_BYTES = 8000 * 3
_MOST_RETRANSMITTED = 0.01
_LEAST_HEARD = 0.98
_SIP_PACKETS = 14
_HEARD_PACKETS = 3 * TALK_MS // 20 + _SIP_PACKETS
"""Datagrams that somebody reads, for each call: the phone's voice at the switch and at the far end, its echo
at the switch. The echo that the switch sends on to the phone is never read by SIPp."""
_LONGEST_P99_MS = 500.0
_SLACK_S = 6.0
_QUIET_SHARE, _QUIET_WINDOW_S, _QUIET_DEADLINE_S = 0.05, 0.2, 6.0
PATIENT = ["-watchdog_interval", "100000", "-max_sched_loops", "10000", "-timer_resol", "1"]


class GeneratorFailed(Exception):
    """SIPp itself did not do what it was told."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of calls at one rate.

    Args: rate: calls begun a second. made, failed: calls. retransmitted: SIP messages, by the phones.
    post_dial_ms: INVITE to 200 of every answered call, sorted. late_s: how much longer than it should the
    generator took. cpu_ms: of Asterisk, and of the listener, for each call. packets: UDP datagrams read on
    this machine for each call, whoever read them.
    """

    rate: float
    made: int
    failed: int
    retransmitted: int
    post_dial_ms: tuple[float, ...]
    late_s: float
    cpu_ms: tuple[float, ...]
    packets: float

    @property
    def p50(self) -> float:
        return percentile(self.post_dial_ms, 50)

    @property
    def p99(self) -> float:
        return percentile(self.post_dial_ms, 99)

    @property
    def clean(self) -> bool:
        """Every call answered in time, hardly a message or packet lost, and the generator kept its pace."""
        return (
            self.failed == 0
            and len(self.post_dial_ms) == self.made
            and self.retransmitted <= self.made * _MOST_RETRANSMITTED
            and self.packets >= _LEAST_HEARD * _HEARD_PACKETS
            and self.p99 <= _LONGEST_P99_MS
            and self.late_s <= 1.0
        )


def percentile(values: tuple[float, ...], percent: int) -> float:
    """Infinite when there are too few values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else float("inf")


class FarEnd:
    """The other side of the trunk: answers every call and sends back what it hears."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        sip, media = free_ports(HOST, 2)
        self.address = Address(HOST, sip)
        command = ["sipp", "-sf", str(_HERE / "far_answers.xml"), "-i", HOST, "-p", str(sip), "-mi", HOST]
        command += ["-mp", str(media), "-rtp_echo", "-nostdin", "-deadcall_wait", "0", *PATIENT]
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def check(self) -> None:
        """Raises: GeneratorFailed: it has ended."""
        if self._process.poll() is not None:
            raise GeneratorFailed(f"SIPp at the far end ended with {self._process.returncode}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def write_voice(directory: Path) -> None:
    """What the phones say: a tone, A-law."""
    (directory / "voice.alaw").write_bytes(bytes((0x34, 0xA1, 0xB4, 0x21) * (_VOICE_BYTES // 4)))


def call(running: Running, directory: Path, rate: int, seconds: float) -> Run:
    """Calls at a rate for a time, each talking for `TALK_MS`.

    Args: directory: with the voice; SIPp's own files are made below it and removed.
    Raises: GeneratorFailed.
    """
    count = max(10, round(rate * seconds))
    due_s = count / rate + TALK_MS / 1000
    with tempfile.TemporaryDirectory(dir=directory) as work:
        scenario = Path(work) / "phone.xml"
        text = (_HERE / "phone_out.xml").read_text("utf-8")
        scenario.write_text(text.replace("voice.alaw", str(directory / "voice.alaw")), "utf-8")
        command = ["sipp", str(running.sip), "-sf", str(scenario), "-inf", str(running.callers), "-i", HOST]
        command += ["-p", str(free_port(HOST)), "-mi", HOST, "-m", str(count), "-r", str(rate), "-l", "5000"]
        command += [
            "-d",
            str(TALK_MS),
            "-nostdin",
            "-recv_timeout",
            "3000",
            "-timeout",
            f"{due_s + _SLACK_S:.0f}",
        ]
        command += ["-trace_stat", "-fd", "60", "-trace_shortmsg", *PATIENT]
        cpu, udp, begun = _cpu_s(running), _udp(), time.monotonic()
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=due_s + 6 * _SLACK_S,
            check=False,
        )
        late = time.monotonic() - begun - due_s
        used = [1000 * (after - before) / count for before, after in zip(cpu, _cpu_s(running), strict=True)]
        received = _udp() - udp
        stats = _last_row(Path(work))
        if stats is None:
            raise GeneratorFailed(
                f"SIPp ended with {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}"
            )
        times = [
            1000 * (answered - begun)
            for begun, answered in messages(Path(work)).values()
            if answered is not None
        ]
    return Run(
        rate=rate,
        made=count,
        failed=count - int(stats["SuccessfulCall(C)"]),
        retransmitted=int(stats["Retransmissions(C)"]),
        post_dial_ms=tuple(sorted(times)),
        late_s=late,
        cpu_ms=tuple(used),
        packets=received / count,
    )


def settle(running: Running) -> float:
    """Wait until the arm has done what follows calls, so that the next arm has the machine for itself.

    Returns: CPU seconds that its processes used meanwhile.
    """
    first = seen = sum(_cpu_s(running))
    deadline = time.monotonic() + _QUIET_DEADLINE_S
    while time.monotonic() < deadline:
        time.sleep(_QUIET_WINDOW_S)
        now = sum(_cpu_s(running))
        if now - seen <= _QUIET_SHARE * _QUIET_WINDOW_S:
            break
        seen = now
    return sum(_cpu_s(running)) - first


def _cpu_s(running: Running) -> list[float]:
    """CPU time of the arm's processes so far, user and system."""
    used = []
    for pid in running.pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
        used.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return used


def _udp() -> int:
    """UDP datagrams read on this machine so far."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text("ascii").splitlines()]
    names, values = (line[1:] for line in lines if line[0] == "Udp:")
    return int(values[names.index("InDatagrams")])


def _last_row(work: Path) -> dict[str, str] | None:
    files = list(work.glob("*_.csv"))
    if not files:
        return None
    with files[0].open(newline="", encoding="ascii", errors="replace") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return rows[-1] if rows else None


def messages(work: Path) -> dict[str, tuple[float, float | None]]:
    """When each call's first INVITE was sent and its 200 came, in seconds since the epoch, by Call-ID.

    Exact: SIPp's own response times are rounded to 4 ms.
    """
    begun: dict[str, float] = {}
    answered: dict[str, float] = {}
    for path in work.glob("*_shortmessages.log"):
        for line in path.read_text("ascii", errors="replace").splitlines():
            fields = line.split("\t")
            if len(fields) == 7 and fields[5].endswith(" INVITE"):
                at, call_id = float(fields[2]), fields[4]
                if fields[3] == "S" and fields[6].startswith("INVITE"):
                    begun.setdefault(call_id, at)
                elif fields[3] == "R" and fields[6].startswith("SIP/2.0 200"):
                    answered.setdefault(call_id, at)
    return {call_id: (at, answered.get(call_id)) for call_id, at in begun.items()}


def last_answers(work: Path) -> dict[str, str]:
    """What each call's INVITE was answered with in the end, `SIP/2.0 488 Not Acceptable Here`, by Call-ID."""
    last = {}
    for path in work.glob("*_shortmessages.log"):
        for line in path.read_text("ascii", errors="replace").splitlines():
            fields = line.split("\t")
            if len(fields) == 7 and fields[3] == "R" and fields[5].endswith(" INVITE"):
                last[fields[4]] = fields[6]
    return last
