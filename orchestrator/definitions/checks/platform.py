"""Checks within platform.yaml."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from orchestrator.definitions.checks.parties import check_party
from orchestrator.definitions.checks.trunks import check_default_trunks
from orchestrator.definitions.document import Document, is_empty
from orchestrator.definitions.platform_file import LOCAL, PlatformFile
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.platform import ANY_HOST, Address, Node
from orchestrator.model.problem import Problem

NEVER_BY_DEFAULT = ("international", "premium")
"""Dial classes that fraud lives on: each tenant that needs one is given it by name."""


def check_platform(file: Document[PlatformFile], tariffs: frozenset[str]) -> Iterator[Problem]:
    """Problems of the platform. Args: tariffs: names of all tariff files."""
    yield from _check_defaults(file, tariffs)
    yield from _check_classes(file)
    yield from _check_trunks(file)
    yield from _check_sources(file)
    yield from _check_ports(file)
    yield from _check_smtp(file)
    yield from check_party(file, "company", file.value.platform.company)


def _check_smtp(file: Document[PlatformFile]) -> Iterator[Problem]:
    smtp = file.value.platform.smtp
    if smtp is None:
        return
    if bool(smtp.username) != bool(smtp.secret):
        lacks, has = ("secret", "username") if smtp.username else ("username", "secret")
        message = f"`smtp` has `{has}` and no `{lacks}`: a log-in needs both"
        yield file.problem(("smtp", has), "smtp-login", message, f"add {lacks}, or delete {has}")
    elif smtp.username and smtp.security == "none":
        message = "the password would go over the network in the clear"
        hint = "security: starttls, or no log-in"
        yield file.problem(("smtp", "security"), "smtp-clear", message, hint)


def _check_defaults(file: Document[PlatformFile], tariffs: frozenset[str]) -> Iterator[Problem]:
    defaults, platform = file.value.defaults, file.value.platform
    for kind, name, known in (
        ("node", defaults.node, frozenset(platform.nodes)),
        ("tariff", defaults.tariff, tariffs),
    ):
        if name and name not in known:
            message = f"there is no {kind} {quoted(name)}"
            yield file.problem(("defaults", kind), f"unknown-{kind}", message, did_you_mean(name, known))
    yield from check_default_trunks(file)
    classes = frozenset(each.name for each in platform.dial_classes)
    for name in defaults.dial_classes:
        where = file.item("defaults", "dial_classes", text=name)
        if name in NEVER_BY_DEFAULT:
            message = f"{quoted(name)} is never given by default"
            hint = "give it to the tenants that need it: outgoing: {allow: […]}"
            yield file.problem(where, "class-by-default", message, hint)
        elif name and name not in classes:
            message = f"there is no dial class {quoted(name)}"
            yield file.problem(where, "unknown-class", message, did_you_mean(name, classes))


def _check_classes(file: Document[PlatformFile]) -> Iterator[Problem]:
    holder: dict[str, str] = {}
    for each in file.value.platform.dial_classes:
        if each.name == LOCAL and each.prefixes:
            message = "`local` has no prefixes: it is the area of each tenant's own caller ID"
            yield file.problem(("dial_classes", LOCAL), "class-local", message, "delete it")
        for prefix in each.prefixes:
            other = holder.setdefault(prefix, each.name)
            if prefix and other != each.name:
                at, too = (each.name, other) if file.node("dial_classes", each.name) else (other, each.name)
                message = f"prefix {quoted(prefix)} is in class {quoted(too)} too; a number has one class"
                where = file.item("dial_classes", at, text=prefix)
                yield file.problem(where, "prefix-twice", message, "keep it in one of them")


def _check_trunks(file: Document[PlatformFile]) -> Iterator[Problem]:
    for trunk in file.value.platform.trunks.values():
        where = ("trunks", trunk.name)
        if trunk.auth == "ip" and is_empty(file.node(*where, "match")):
            message = (
                "a trunk with `auth: ip` needs `match`: without it nobody's calls are known as the operator's"
            )
            yield file.problem(
                (*where, "match"), "trunk-match", message, f"match: [{trunk.address.host or '…'}]"
            )
        if trunk.auth != "registration":
            continue
        for key, example in (("username", "vpbx"), ("secret", "env:TRUNK_SECRET")):
            if is_empty(file.node(*where, key)):
                message = f"a trunk with `auth: registration` needs `{key}`"
                yield file.problem((*where, key), "trunk-login", message, f"{key}: {example}")


def _check_sources(file: Document[PlatformFile]) -> Iterator[Problem]:
    """Two trunks with the same source: an inbound call is known by its source alone."""
    sources = [
        (int(network[0]), int(network[-1]), trunk.position, source, trunk)
        for trunk in file.value.platform.trunks.values()
        for source in trunk.match
        if source
        for network in (ipaddress.IPv4Network(source),)
    ]
    sources.sort(key=lambda source: source[:4])
    widest = None
    for each in sources:
        if widest is not None and each[0] <= widest[1] and each[4].name != widest[4].name:
            one, other = sorted((widest, each), key=lambda source: source[2])
            message = f"{quoted(other[3])} is a source of trunk {quoted(one[4].name)} too ({one[2]})"
            where = file.item("trunks", other[4].name, "match", text=other[3])
            yield file.problem(where, "trunk-source-clash", message, "name it in one trunk alone")
        if widest is None or each[1] > widest[1]:
            widest = each


@dataclass(frozen=True, slots=True)
class _Ports:
    """Ports a node takes on a host."""

    node: str
    key: str
    protocol: str
    host: str
    first: int
    last: int

    def clashes(self, other: _Ports) -> bool:
        same_host = self.host == other.host or ANY_HOST in (self.host, other.host)
        return (
            self.protocol == other.protocol
            and same_host
            and self.first <= other.last
            and other.first <= self.last
        )


def _check_ports(file: Document[PlatformFile]) -> Iterator[Problem]:
    nodes = sorted(file.value.platform.nodes.values(), key=lambda node: node.position)
    taken = [ports for node in nodes for ports in _ports(node)]
    told: set[tuple[str, str, str, str]] = set()
    for one, other in combinations(taken, 2):
        pair = (one.node, one.key, other.node, other.key)
        if pair in told or pair[:2] == pair[2:] or not one.clashes(other):
            continue
        told.add(pair)
        where = file.position("nodes", one.node, one.key)
        port = max(one.first, other.first)
        message = f"port {port} is taken by `{one.key}` of node {quoted(one.node)} ({where})"
        hint = "every node and every purpose has ports of its own"
        yield file.problem(("nodes", other.node, other.key), "port-clash", message, hint)


def _ports(node: Node) -> Iterator[_Ports]:
    def single(key: str, protocol: str, address: Address) -> _Ports:
        return _Ports(node.name, key, protocol, address.host, address.port, address.port)

    if node.sip.port:
        yield single("sip", "udp", node.sip)
        if node.tcp is None:
            yield single("sip", "tcp", node.sip)
    if node.tcp is not None and node.tcp.port:
        yield single("tcp", "tcp", node.tcp)
    if node.tls is not None and node.tls.address.port:
        yield single("tls", "tcp", node.tls.address)
    if node.rtp_from:
        yield _Ports(node.name, "rtp", "udp", ANY_HOST, node.rtp_from, node.rtp_to)
    if node.ami.port:
        yield single("ami", "tcp", node.ami)
    if node.metrics.port:
        yield single("metrics", "tcp", node.metrics)
