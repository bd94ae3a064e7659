"""Limits of the machine against the lines that it must carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding

FILES_AT_REST, FILES_A_LINE = 300, 8
"""Open files of a switch without calls, and of a recorded call: RTP, RTCP, recording, timers."""

MEMORY_AT_REST, MEMORY_A_LINE, MEMORY_A_DEVICE = 150_000_000, 1_000_000, 40_000

FILES = Check(
    "open-files",
    "how many files the switch may open, against the lines",
    "a call that gets no socket has no speech",
    warning_when="it is too few for every line at once",
    problem_when="it is too few for a switch without calls",
)
MEMORY = Check(
    "memory",
    "free memory against the lines and telephones",
    "the switch refuses calls when memory is nearly gone, and the kernel ends processes",
    warning_when="it is too little for every line at once",
    problem_when="it is too little for the switch itself",
)
UDP = Check(
    "udp-drops",
    "UDP packets that the kernel drops because a program reads too slowly, for one second",
    "lost packets are gaps in speech and SIP that is sent again",
    warning_when="some are dropped while it is looked at",
)
PROCESSORS = Check(
    "processors",
    "processors and the load of the last five minutes",
    "speech stutters on a machine that is busy all the time",
    warning_when="more work waits than there are processors",
)
CHECKS = (FILES, MEMORY, UDP, PROCESSORS)


@dataclass(frozen=True, slots=True)
class Limits:
    """Args:
    lines, devices: of the node. open_files: None: without limit. of_switch: the running switch's own
        limit, not that of this shell.
    memory_free: bytes that can be had, within the control group; None: can't be told.
    udp_dropped: since the kernel started. udp_dropped_now: in the second that was looked at.
    load: of five minutes.
    """

    lines: int
    devices: int
    open_files: int | None
    of_switch: bool
    memory_free: int | None
    udp_dropped: int
    udp_dropped_now: int
    processors: int
    load: float


def check(seen: Limits) -> Iterator[Finding]:
    """Findings on limits."""
    yield _files(seen)
    yield _memory(seen)
    text = f"{seen.udp_dropped_now} dropped now, {seen.udp_dropped} since the kernel started"
    if seen.udp_dropped_now:
        yield UDP.warning(
            text, "sysctl -w net.core.rmem_default=1048576 net.core.rmem_max=4194304, then restart"
        )
    else:
        yield UDP.ok(text)
    busy = f"{seen.processors} processors, load {seen.load:.2f}"
    if seen.load > seen.processors:
        yield PROCESSORS.warning(busy, "find what else runs here with top, or move tenants to another node")
    else:
        yield PROCESSORS.ok(busy)


def _files(seen: Limits) -> Finding:
    needed = FILES_AT_REST + seen.lines * FILES_A_LINE
    whose = "the running switch" if seen.of_switch else "what this shell starts"
    if seen.open_files is None or seen.open_files >= needed:
        return FILES.ok(f"{whose} may open {seen.open_files or 'any number'}, {needed} are needed")
    seen_text = f"{whose} may open {seen.open_files}, {seen.lines} lines need {needed}"
    do = f"ulimit -n {max(needed, 20_000)} (systemd: LimitNOFILE=), then restart the switch"
    if seen.open_files < FILES_AT_REST:
        return FILES.problem(seen_text, do)
    return FILES.warning(seen_text, do)


def _memory(seen: Limits) -> Finding:
    if seen.memory_free is None:
        return MEMORY.ok("this machine can't tell")
    needed = MEMORY_AT_REST + seen.lines * MEMORY_A_LINE + seen.devices * MEMORY_A_DEVICE
    text = (
        f"{seen.memory_free / 1e6:.0f} MB free; with every line in use about {needed / 1e6:.0f} MB are needed"
    )
    do = "give the machine more memory, or move tenants to another node"
    if seen.memory_free < MEMORY_AT_REST / 3:
        return MEMORY.problem(text, do)
    return MEMORY.warning(text, do) if seen.memory_free < needed else MEMORY.ok(text)
