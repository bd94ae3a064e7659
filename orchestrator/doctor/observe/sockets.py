"""Who has which port on this machine, from /proc."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.asterisk.process import runs
from orchestrator.doctor.ports import Bound, Ports, Wanted, ranges
from orchestrator.doctor.subject import Subject
from orchestrator.model.platform import Address

_NET = Path("/proc/net")
_SETTINGS = Path("/proc/sys/net/ipv4")
_LISTEN, _UNCONNECTED = "0A", "07"
_TABLES = (
    ("udp", "udp", _UNCONNECTED),
    ("udp6", "udp", _UNCONNECTED),
    ("tcp", "tcp", _LISTEN),
    ("tcp6", "tcp", _LISTEN),
)


def observe(subject: Subject) -> Ports:
    """Who has the node's ports."""
    node = subject.node
    sip = tuple(_transport(settings) for settings in subject.transports.values())
    listener = listener_pid(subject)
    ephemeral = [int(part) for part in (_SETTINGS / "ip_local_port_range").read_text().split()]
    return Ports(
        sip=sip,
        ami=Wanted("tcp", node.ami),
        metrics=Wanted("tcp", node.metrics),
        bound=bound(),
        absent=frozenset(
            host for host in {node.ami.host, *(each.address.host for each in sip)} if not _is_ours(host)
        ),
        switch=subject.live.pid,
        listener=listener,
        rtp=(node.rtp_from, node.rtp_to),
        lines=subject.lines,
        rung=subject.rung,
        ephemeral=(ephemeral[0], ephemeral[1]),
        reserved=ranges((_SETTINGS / "ip_local_reserved_ports").read_text()),
    )


def listener_pid(subject: Subject) -> int | None:
    """The process of the node's `vpbx listen`, which writes itself into the lock that it holds."""
    try:
        pid = int((subject.paths.root / "listen.lock").read_text())
    except (OSError, ValueError):
        return None
    return pid if runs(pid, "listen") else None


def bound() -> list[Bound]:
    """Every UDP socket and every listening TCP socket of this machine."""
    rows = [row for table in _TABLES for row in _rows(*table)]
    holders = _holders()
    return [
        Bound(transport, host, port, *holders.get(inode, (None, ""))) for transport, host, port, inode in rows
    ]


def _rows(table: str, transport: str, state: str) -> Iterator[tuple[str, str, int, str]]:
    """Transport, host, port and inode of each."""
    try:
        lines = (_NET / table).read_text().splitlines()[1:]
    except OSError:
        return
    for columns in (line.split() for line in lines):
        host, _, port = columns[1].partition(":")
        if columns[3] == state:
            yield transport, _host(host), int(port, 16), columns[9]


def _host(digits: str) -> str:
    """A host as /proc writes it: words of four bytes, each in the machine's order."""
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    address = b"".join(words) if _is_little() else bytes.fromhex(digits)
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _is_little() -> bool:
    return socket.htons(1) != 1


def _holders() -> Mapping[str, tuple[int, str]]:
    """Process id and name by a socket's inode, of those that this user may see."""
    found: dict[str, tuple[int, str]] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            command = (process / "comm").read_text(errors="replace").strip()
            for handle in os.scandir(process / "fd"):
                with suppress(OSError):
                    match = re.fullmatch(r"socket:\[(\d+)\]", str(Path(handle.path).readlink()))
                    if match:
                        found.setdefault(match[1], (int(process.name), command))
    return found


def _transport(settings: Mapping[str, str]) -> Wanted:
    host, _, port = settings.get("bind", "0.0.0.0").partition(":")
    protocol = settings.get("protocol", "udp")
    usual = "5061" if protocol == "tls" else "5060"
    return Wanted("udp" if protocol == "udp" else "tcp", Address(host, int(port or usual)))


def _is_ours(host: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def listens_on(port: int, pid: int | None) -> list[str]:
    """Hosts on which that process listens on a TCP port."""
    return (
        [each.host for each in bound() if (each.transport, each.port, each.pid) == ("tcp", port, pid)]
        if pid
        else []
    )
