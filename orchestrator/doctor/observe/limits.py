"""Limits of the machine, from /proc."""

from __future__ import annotations

import os
import re
import resource
import time
from pathlib import Path

from orchestrator.doctor.limits import Limits
from orchestrator.doctor.subject import Subject
from orchestrator.rendering.render import device_keys

_PROC = Path("/proc")
_WATCHED_S = 1.0
_GROUP = Path("/sys/fs/cgroup")


def observe(subject: Subject, proc: Path = _PROC) -> Limits:
    """Args: proc: where the kernel tells of itself."""
    pid = subject.live.pid
    before = _dropped(proc)
    time.sleep(_WATCHED_S)
    dropped = _dropped(proc)
    return Limits(
        lines=sum(subject.lines.values()),
        devices=len(device_keys(subject.definitions, subject.node)),
        open_files=_open_files(proc, pid),
        of_switch=pid is not None,
        memory_free=memory_free(
            (proc / "meminfo").read_text(), _text(_GROUP / "memory.max"), _text(_GROUP / "memory.current")
        ),
        udp_dropped=dropped,
        udp_dropped_now=dropped - before,
        processors=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[1],
    )


def udp_counters(snmp: str) -> dict[str, int]:
    """The kernel's counters of UDP, by name.

    >>> udp_counters("Udp: InDatagrams RcvbufErrors\\nUdp: 12 3\\nUdpLite: InDatagrams\\nUdpLite: 0")
    {'InDatagrams': 12, 'RcvbufErrors': 3}
    """
    rows = [line.split()[1:] for line in snmp.splitlines() if line.startswith("Udp: ")]
    return {name: int(value) for name, value in zip(rows[0], rows[1], strict=False)} if len(rows) == 2 else {}


def memory_free(meminfo: str, group_limit: str, group_used: str) -> int | None:
    """Bytes that can be had: of the machine, or of the control group when that is less.

    >>> memory_free("MemAvailable:  2048 kB", "max", "")
    2097152
    >>> memory_free("MemAvailable: 2048 kB", "1000000", "400000")
    600000
    """
    match = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    if match is None:
        return None
    free = int(match[1]) * 1024
    if group_limit.strip().isdigit() and group_used.strip().isdigit():
        free = min(free, max(0, int(group_limit) - int(group_used)))
    return free


def _dropped(proc: Path) -> int:
    return udp_counters((proc / "net/snmp").read_text()).get("RcvbufErrors", 0)


def _open_files(proc: Path, pid: int | None) -> int | None:
    """The soft limit of the switch, or of this process, whose limits a switch started here gets."""
    if pid is not None:
        match = re.search(r"^Max open files\s+(\w+)", _text(proc / str(pid) / "limits"), re.MULTILINE)
        return int(match[1]) if match and match[1].isdigit() else None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
