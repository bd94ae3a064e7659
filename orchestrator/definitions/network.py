"""Scalars that name places in a network: addresses, port ranges, secrets by reference."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.scalars import parsed
from orchestrator.definitions.shapes import Json, Refusal, Scalar, Surroundings
from orchestrator.model.platform import ANY_HOST, Address

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,100}|file:[^\s\x00][^\x00]{0,1000}")
NO_ADDRESS = Address("", 0)


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports, both inclusive."""

    first: int
    last: int


NO_PORTS = PortRange(0, 0)


def address(label: str, host_names: bool, loopback: bool = False) -> Scalar[Address]:
    """`host:port`. Args: host_names: a name will do, not only an IPv4 address. loopback: only 127.0.0.0/8."""

    def read(given: str, _: Surroundings) -> Address | Refusal:
        hint = f"for example {'sip.example.com' if host_names else '127.0.0.1'}:5060"
        host, colon, port = given.rpartition(":")
        if not colon:
            return Refusal("address", f"{quoted(given)} has no port", hint)
        if "[" in host or ":" in host:
            return Refusal("address", f"{quoted(given)}: only IPv4 is known", hint)
        if not is_ipv4(host) and not (host_names and _is_host_name(host)):
            kind = "neither an IPv4 address nor a host name" if host_names else "no IPv4 address"
            return Refusal("address", f"{quoted(host)} is {kind}", hint)
        if not _PORT.fullmatch(port) or int(port) > 65535:
            return Refusal("port", f"{quoted(port)} is no port", "1 to 65535")
        if loopback and not ipaddress.IPv4Address(host).is_loopback:
            message = f"AMI on {quoted(host)}: it has no encryption, and whoever reaches it owns the switch"
            return Refusal("ami-not-loopback", message, f"write 127.0.0.1:{port}")
        return Address(host, int(port))

    schema: Mapping[str, Json] = {"type": "string", "pattern": r"^[A-Za-z0-9.\-]+:[0-9]{1,5}$"}
    return Scalar(label, read, NO_ADDRESS, schema)


def port_range(label: str) -> Scalar[PortRange]:
    """`10000-20000`."""

    def read(given: str, _: Surroundings) -> PortRange | Refusal:
        first, dash, last = given.partition("-")
        hint = "for example 10000-20000, within 1024 to 65535"
        if not dash or not _PORT.fullmatch(first) or not _PORT.fullmatch(last):
            return Refusal("port-range", f"{quoted(given)} is no range of ports", hint)
        if not 1024 <= int(first) <= int(last) - 3 <= 65532:
            message = (
                f"{quoted(given)} is no usable range: a call takes up to four ports, the first is the smaller"
            )
            return Refusal("port-range", message, hint)
        return PortRange(int(first), int(last))

    return Scalar(label, read, NO_PORTS, {"type": "string", "pattern": "^[0-9]{4,5}-[0-9]{4,5}$"})


def source_network() -> Scalar[str]:
    """An IPv4 address or network that calls of a trunk come from."""

    def read(given: str) -> str | Refusal:
        try:
            network = ipaddress.IPv4Network(given)
        except ValueError:
            hint = "for example 203.0.113.10 or 203.0.113.0/28"
            return Refusal("match", f"{quoted(given)} is no IPv4 address or network", hint)
        if network.prefixlen < 8:
            message = f"{quoted(given)} lets half the world call in as the trunk"
            return Refusal("match", message, "name the operator's addresses")
        return given

    return parsed("an IPv4 address or network", read, r"^[0-9.]+(/[0-9]{1,2})?$")


def host(label: str) -> Scalar[str]:
    """An IPv4 address or host name without a port."""

    def read(given: str) -> str | Refusal:
        if given != ANY_HOST and (is_ipv4(given) or _is_host_name(given)):
            return given
        hint = "for example 203.0.113.5 or pbx.example.com, without a port"
        return Refusal("host", f"{quoted(given)} is no address that others could reach", hint)

    return parsed(label, read, r"^[A-Za-z0-9.\-]{1,253}$")


def local_network() -> Scalar[str]:
    """An IPv4 network that a node stands in."""

    def read(given: str) -> str | Refusal:
        try:
            return str(ipaddress.IPv4Network(given))
        except ValueError as error:
            hint = "for example 192.168.0.0/16"
            return Refusal("network", f"{quoted(given)} is no IPv4 network ({error})", hint)

    return parsed("an IPv4 network", read, r"^[0-9.]+(/[0-9]{1,2})?$")


def secret_reference() -> Scalar[str]:
    """Where a secret is read. The secret itself is refused, and never repeated in a message."""

    def read(given: str) -> str | Refusal:
        if _SECRET.fullmatch(given):
            return given
        hint = "put it in the environment or a file of mode 0600, and write env:NAME or file:PATH"
        return Refusal("secret-written-out", "a secret must not stand in YAML", hint)

    return parsed("where a secret is read", read, "^(env:|file:).+$")


def database_url() -> Scalar[str]:
    """A URL of SQLAlchemy. A password in it is refused, and never repeated in a message."""

    def read(given: str) -> str | Refusal:
        if re.match(r"[a-z0-9+]+://[^/@]*:[^/@]+@", given):
            hint = "delete it; PGPASSFILE or a file ~/.pgpass holds it"
            return Refusal("secret-written-out", "a password must not stand in YAML", hint)
        if not re.fullmatch(r"(sqlite|postgresql)(\+[a-z0-9]+)?://[!-~]{1,400}", given):
            hint = "for example sqlite:///.vpbx/vpbx.db or postgresql+psycopg://host/name"
            return Refusal("database", f"{quoted(given)} is no database URL", hint)
        return given

    return parsed("a database URL", read, r"^(sqlite|postgresql)(\+[a-z0-9]+)?://.+$")


def is_ipv4(host: str) -> bool:
    """Whether a text is an IPv4 address in its usual form."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_host_name(host: str) -> bool:
    return _HOST.fullmatch(host) is not None and re.search(r"[A-Za-z]", host.rpartition(".")[2]) is not None
