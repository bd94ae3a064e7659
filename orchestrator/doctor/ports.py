"""Ports: who has them, and whether there are enough for speech."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.doctor.finding import Check, Finding, some
from orchestrator.model.platform import Address

PORTS_A_LEG = 2
"""RTP and RTCP. A phone that rings has them already: the switch offers them in its INVITE."""

PORTS_PER_LINE = 2 * PORTS_A_LEG
"""A call that talks has two legs, recorded or not."""

_SWITCH, _LISTENER = "the switch", "vpbx listen"
_TAKEN = "somebody else has it"

SIP = Check(
    "sip-port",
    "who has the addresses on which the switch takes SIP",
    "without its port the switch starts and takes no calls",
    problem_when=f"{_TAKEN}; the switch runs and doesn't have it; this machine has no such address",
)
AMI = Check(
    "ami-port",
    "who has the address on which the switch is controlled",
    "whoever has the port is taken for the switch",
    problem_when=f"{_TAKEN}; the switch runs and doesn't have it",
)
METRICS = Check(
    "metrics-port",
    "who has the address of health and metrics",
    "`vpbx listen` doesn't start without it",
    problem_when=_TAKEN,
)
RTP_SIZE = Check(
    "rtp-range-size",
    "the RTP range against the lines of the node's tenants: four ports a line, two for each phone that rings",
    "a call that finds no free port is refused with 488",
    warning_when="it is too small for every line at once, or while all lines of one tenant ring",
    problem_when="it is too small for the lines of one tenant alone",
)
RTP_EPHEMERAL = Check(
    "rtp-range-ephemeral",
    "the node's ports against those the kernel gives to any program (`ip_local_port_range`)",
    "any outgoing connection may sit on a port that a call or the switch needs",
    warning_when="they overlap, and `ip_local_reserved_ports` doesn't keep them",
)
RTP_TAKEN = Check(
    "rtp-range-taken",
    "UDP ports of the RTP range that another process has",
    "the switch tries the next port, and there are fewer of them",
    warning_when="another process has some",
)
CHECKS = (SIP, AMI, METRICS, RTP_SIZE, RTP_EPHEMERAL, RTP_TAKEN)


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that is bound to a port, on this machine.

    Args: transport: `udp`, or `tcp` for one that listens. host: `0.0.0.0` for any; IPv6 as written.
    pid: None: the process can't be seen by this user. command: its name.
    """

    transport: str
    host: str
    port: int
    pid: int | None = None
    command: str = ""

    @property
    def holder(self) -> str:
        return f"process {self.pid} ({self.command})" if self.pid else "a process that this user can't see"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that the switch or the listener needs. Args: transport: `udp` or `tcp`."""

    transport: str
    address: Address


@dataclass(frozen=True, slots=True)
class Ports:
    """Args:
    sip: where the switch takes calls. bound: what is bound on this machine. absent: hosts that this
        machine hasn't. switch, listener: process ids; None: they don't run.
    rtp: first and last. lines: by tenant of the node. rung: the most phones that one call rings at once, by
        tenant. ephemeral: first and last. reserved: ports that the kernel keeps out of it, as ranges.
    """

    sip: tuple[Wanted, ...]
    ami: Wanted
    metrics: Wanted
    bound: Sequence[Bound]
    absent: frozenset[str]
    switch: int | None
    listener: int | None
    rtp: tuple[int, int]
    lines: dict[str, int]
    ephemeral: tuple[int, int]
    reserved: tuple[tuple[int, int], ...] = ()
    rung: Mapping[str, int] = field(default_factory=dict)

    def ringing(self, tenant: str) -> int:
        """Ports that a tenant takes while calls on all its lines ring as many phones as one can."""
        return self.lines[tenant] * PORTS_A_LEG * (1 + max(1, self.rung.get(tenant, 1)))


def check(seen: Ports) -> Iterator[Finding]:
    """Findings on ports."""
    for wanted in seen.sip:
        yield _port(SIP, wanted, seen, seen.switch, _SWITCH)
    yield _port(AMI, seen.ami, seen, seen.switch, _SWITCH)
    yield _port(METRICS, seen.metrics, seen, seen.listener, _LISTENER)
    yield _size(seen)
    yield _ephemeral(seen)
    yield _taken(seen)


def ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Ports as the kernel lists them.

    >>> ranges("5038,10000-20000")
    ((5038, 5038), (10000, 20000))
    """
    parts = (part.partition("-") for part in text.strip().split(",") if part)
    return tuple((int(first), int(last or first)) for first, _, last in parts)


def _port(check: Check, wanted: Wanted, seen: Ports, owner: int | None, name: str) -> Finding:
    where = f"{wanted.address}/{wanted.transport}"
    if wanted.address.host in seen.absent:
        if check is SIP:
            return check.problem(
                f"{where}: this machine has no address {wanted.address.host}",
                "correct the node in platform.yaml",
            )
        return check.ok(f"{where}: nobody has it")
    holders = [bound for bound in seen.bound if _meets(bound, wanted)]
    strangers = [bound for bound in holders if bound.pid is None or bound.pid != owner]
    if strangers and (owner is None or len(strangers) == len(holders)):
        if owner is not None and all(bound.pid is None for bound in strangers):
            return check.ok(f"{where}: somebody has it whom this user can't see, probably {name}")
        return check.problem(
            f"{where} is taken by {strangers[0].holder}",
            f"stop it, or change the node; {name} needs the port",
        )
    if holders:
        return check.ok(f"{where}: {name} has it")
    if owner is not None and check is not METRICS:
        return check.problem(f"{where}: {name} runs and doesn't have it", "log/messages says why; restart it")
    return check.ok(f"{where} is free")


def _meets(bound: Bound, wanted: Wanted) -> bool:
    anywhere = ("0.0.0.0", "::")
    same_host = wanted.address.host in anywhere or bound.host in (wanted.address.host, *anywhere)
    return (bound.transport, bound.port) == (wanted.transport, wanted.address.port) and same_host


def _size(seen: Ports) -> Finding:
    ports = seen.rtp[1] - seen.rtp[0] + 1
    calls, lines = ports // PORTS_PER_LINE, sum(seen.lines.values())
    text = f"{ports} ports carry {calls} calls at once; the tenants have {lines} lines"
    largest = max(seen.lines, key=lambda tenant: seen.lines[tenant], default="")
    do = f"widen the node's rtp: in platform.yaml to {lines * PORTS_PER_LINE} ports"
    if largest and seen.lines[largest] > calls:
        return RTP_SIZE.problem(f"{text}, {largest} alone {seen.lines[largest]}", do)
    if lines > calls:
        return RTP_SIZE.warning(text, do)
    loudest = max(seen.lines, key=seen.ringing, default="")
    if loudest and seen.ringing(loudest) > ports:
        text = f"{ports} ports; {seen.ringing(loudest)} are taken while all lines of {loudest} ring"
        return RTP_SIZE.warning(
            f"{text}, {seen.rung[loudest]} phones each",
            f"widen the node's rtp: in platform.yaml to {seen.ringing(loudest)} ports",
        )
    return RTP_SIZE.ok(text)


def _ephemeral(seen: Ports) -> Finding:
    first, last = seen.ephemeral
    fixed = [wanted.address.port for wanted in (*seen.sip, seen.ami, seen.metrics)]
    wanted = [seen.rtp, *((port, port) for port in fixed)]
    exposed = [
        span
        for span in wanted
        if any(
            first <= port <= last and not _reserved(port, seen.reserved)
            for port in range(span[0], span[1] + 1)
        )
    ]
    if not exposed:
        return RTP_EPHEMERAL.ok(f"the kernel gives away {first} to {last}, none of the node's")
    texts = [f"{a}-{b}" if a != b else str(a) for a, b in dict.fromkeys(exposed)]
    return RTP_EPHEMERAL.warning(
        f"the kernel gives away {first} to {last}; the node needs {', '.join(texts)} of it",
        f"sysctl -w net.ipv4.ip_local_reserved_ports={','.join(texts)}, also in /etc/sysctl.d; or move them",
    )


def _reserved(port: int, reserved: Sequence[tuple[int, int]]) -> bool:
    return any(first <= port <= last for first, last in reserved)


def _taken(seen: Ports) -> Finding:
    first, last = seen.rtp
    others = sorted(
        {
            f"{bound.port} ({bound.command})"
            for bound in seen.bound
            if bound.transport == "udp"
            and first <= bound.port <= last
            and bound.pid
            and bound.pid != seen.switch
        }
    )
    if others:
        return RTP_TAKEN.warning(f"others have {some(others)}", "stop them, or move the node's rtp: range")
    return RTP_TAKEN.ok("none")
