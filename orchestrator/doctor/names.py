"""Names: this machine's own, and those of the operators' servers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

HOST = Check(
    "host-name",
    "whether this machine's own name has an address",
    "Asterisk looks it up in every call, and waits and logs when it has none",
    problem_when="it has none, or the answer takes more than three seconds",
)
TRUNK = Check(
    "trunk-name",
    "the address of each trunk that is given by name",
    "calls can't leave by a trunk whose name has no address, and come in unknown when `match` lacks it",
    warning_when="an address of its name isn't in the trunk's `match`",
    problem_when="it has none, or the answer takes more than three seconds",
)
CHECKS = (HOST, TRUNK)


@dataclass(frozen=True, slots=True)
class TrunkName:
    """Args: addresses: of the host; empty: none in time. match: networks its calls come from."""

    trunk: str
    host: str
    addresses: Sequence[str]
    match: Sequence[str]


@dataclass(frozen=True, slots=True)
class Names:
    """Args: host: this machine's name. resolves: it has an address. trunks: those given by name."""

    host: str
    resolves: bool
    trunks: Sequence[TrunkName]


def check(seen: Names) -> Iterator[Finding]:
    """Findings on names."""
    if seen.resolves:
        yield HOST.ok(seen.host)
    else:
        yield HOST.problem(f"{seen.host} has no address", f"add to /etc/hosts: 127.0.1.1 {seen.host}")
    yield from map(_trunk, seen.trunks)


def _trunk(trunk: TrunkName) -> Finding:
    where = f"trunk {trunk.trunk}: {trunk.host}"
    if not trunk.addresses:
        return TRUNK.problem(f"{where} has no address", "check the name, and this machine's DNS")
    networks = [ipaddress.IPv4Network(network) for network in trunk.match]
    outside = [
        address
        for address in trunk.addresses
        if not any(ipaddress.IPv4Address(address) in network for network in networks)
    ]
    if networks and outside:
        return TRUNK.warning(
            f"{where} is {some(outside)}, which isn't in match", f"add it to trunks.{trunk.trunk}.match"
        )
    return TRUNK.ok(f"{where} is {some(trunk.addresses)}")
