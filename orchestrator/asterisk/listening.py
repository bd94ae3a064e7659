"""What must be free or known on this machine before a switch starts: its ports, its host name."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass

from orchestrator.errors import PortTaken, SwitchStartFailed
from orchestrator.model.platform import Address, Node

_LOOK_UP_DEADLINE_S = 3
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Listen:
    """An address that the switch will listen on. Args: transport: `udp` or `tcp`. purpose: e.g. `SIP`."""

    transport: str
    address: Address
    purpose: str


def listens_of(node: Node) -> tuple[Listen, ...]:
    """Every address that a node's switch listens on, but those of speech."""
    found = [Listen("udp", node.sip, "SIP"), Listen("tcp", node.ami, "AMI")]
    if node.tcp is not None:
        found.append(Listen("tcp", node.tcp, "SIP"))
    if node.tls is not None:
        found.append(Listen("tcp", node.tls.address, "SIP over TLS"))
    return tuple(found)


def check_free(listen: Listen) -> None:
    """Refuse before the switch does, with the reason.

    Raises: PortTaken: somebody listens there. SwitchStartFailed: this machine can't listen there at all.
    """
    kind = socket.SOCK_DGRAM if listen.transport == "udp" else socket.SOCK_STREAM
    where = f"{listen.purpose} address {listen.address}/{listen.transport}"
    host, port = listen.address.host, listen.address.port
    try:
        family, _, _, _, sockaddr = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)[0]
    except OSError as error:
        raise SwitchStartFailed(
            f"{where}: {host} is no IP address", "give an IP address of this machine"
        ) from error
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(sockaddr)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"{where} is taken by another process",
                    f"find it with: ss -lpn --{listen.transport} 'sport = :{port}'; or change platform.yaml",
                ) from error
            raise SwitchStartFailed(
                f"{where}: {error.strerror}", "give an address and port that this machine may listen on"
            ) from error


def free_ports(host: str, count: int) -> list[int]:
    """Different ports that are free for UDP and TCP now. Raises: PortTaken: there are too few."""
    with ExitStack() as held:
        ports: list[int] = []
        for _ in range(_ATTEMPTS + count):
            if len(ports) == count:
                return ports
            udp, tcp = (
                held.enter_context(socket.socket(socket.AF_INET, kind))
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
            )
            udp.bind((host, 0))
            try:
                tcp.bind((host, udp.getsockname()[1]))
            except OSError:
                continue
            ports.append(int(udp.getsockname()[1]))
    raise PortTaken(f"no {count} free port(s) on {host}", "end what holds them")


def free_port(host: str) -> int:
    """A port that is free for UDP and TCP now. Raises: PortTaken: none was found."""
    return free_ports(host, 1)[0]


def host_name_warning() -> str | None:
    """A warning when this machine's own name has no address; None when all is well.

    Asterisk looks the name up in every call and logs each failure.
    """
    name = socket.gethostname()
    found: list[object] = []
    asking = threading.Thread(target=_look_up, args=(name, found), daemon=True)
    asking.start()
    asking.join(_LOOK_UP_DEADLINE_S)
    if found:
        return None
    return (
        f"the host name {name} has no address, so each call will log failed look-ups; "
        f"add to /etc/hosts: 127.0.1.1 {name}"
    )


def _look_up(name: str, found: list[object]) -> None:
    try:
        found.extend(socket.getaddrinfo(name, None))
    except OSError:
        return
