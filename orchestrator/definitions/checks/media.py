"""Checks of transports, encryption and codecs: in the platform, and of what a tenant asks of its node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from orchestrator.definitions.document import Document
from orchestrator.definitions.media import PASSED_ON
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.model.platform import Node, Platform, Trunk
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant

LISTENER = {
    "tcp": "tcp: 0.0.0.0:5060",
    "tls": "tls: {address: 0.0.0.0:5061}",
}
_Path = tuple[str, ...]
T = TypeVar("T")


def check_platform_media(file: Document[PlatformFile]) -> Iterator[Problem]:
    """Problems of what nodes and trunks speak."""
    platform = file.value.platform
    yield from _check_codecs(file, ("codecs",), platform.codecs)
    for node in platform.nodes.values():
        yield from _check_node(file, node)
    for trunk in platform.trunks.values():
        yield from _check_codecs(file, ("trunks", trunk.name, "codecs"), trunk.codecs)
        yield from _check_trunk(file, trunk)


def check_tenant_media(file: Document[Tenant], platform: Platform) -> Iterator[Problem]:
    """Problems of what a tenant's phones are to speak."""
    tenant = file.value
    yield from _check_codecs(file, ("codecs",), tenant.codecs)
    node = platform.nodes.get(tenant.node)
    if tenant.encryption in ("offered", "required") and node is not None and node.tls is None:
        message = (
            f"encryption needs a phone's SIP to go over TLS, and node {quoted(node.name)} has no `tls`: the "
            "keys of speech travel in SIP"
        )
        hint = f"add to the node ({node.position}): {LISTENER['tls']}"
        yield file.problem(("encryption",), "encryption-without-tls", message, hint)


def _check_codecs(file: Document[T], path: _Path, codecs: tuple[str, ...]) -> Iterator[Problem]:
    if codecs and all(codec in PASSED_ON for codec in codecs):
        named = ", ".join(codecs)
        message = f"{named} can't be translated: no announcement, no recording and no caller of another codec"
        yield file.problem(path, "codecs-untranslatable", message, f"add one: [{named}, alaw]")


def _check_node(file: Document[PlatformFile], node: Node) -> Iterator[Problem]:
    where = ("nodes", node.name)
    if node.tls is not None:
        for key, other in (("certificate", "key"), ("key", "certificate")):
            if file.node(*where, "tls", key) is None and file.node(*where, "tls", other) is not None:
                message = f"`{other}` without `{key}`: they belong together"
                hint = "name both, or neither: then vpbx makes a certificate"
                yield file.problem((*where, "tls", other), "certificate-pair", message, hint)
    networks = (*where, "local_networks")
    if file.node(*networks) is not None and file.node(*where, "external_address") is None:
        message = "`local_networks` without `external_address`: every network is told the node's own address"
        yield file.problem(networks, "nat-address", message, "name the external address, or delete it")


def _check_trunk(file: Document[PlatformFile], trunk: Trunk) -> Iterator[Problem]:
    where = ("trunks", trunk.name)
    nodes = sorted(file.value.platform.nodes.values(), key=lambda node: node.position)
    deaf = next((node for node in nodes if trunk.transport not in (*node.transports, "")), None)
    if deaf is not None:
        message = f"node {quoted(deaf.name)} has no `{trunk.transport}`, and each node uses every trunk"
        hint = f"add to the node ({deaf.position}): {LISTENER[trunk.transport]}"
        yield file.problem((*where, "transport"), "trunk-transport", message, hint)
    elif trunk.transport == "tls":
        for node in nodes:
            if node.tls is not None and file.node("nodes", node.name, "tls", "authorities") is None:
                message = f"node {quoted(node.name)} couldn't tell the operator from somebody who pretends"
                hint = f"add to its tls ({node.position}): authorities: /etc/ssl/certs/ca-certificates.crt"
                yield file.problem((*where, "transport"), "trunk-unverified", message, hint)
    if trunk.srtp in ("offered", "required") and trunk.transport in ("udp", "tcp"):
        message = f"the keys of speech would travel readable over {trunk.transport}"
        yield file.problem((*where, "srtp"), "srtp-in-clear", message, "transport: tls")
