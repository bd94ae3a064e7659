"""The definitions on addresses of their own: nothing of a live switch, a phone or an operator is touched."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, replace

from orchestrator.asterisk.listening import free_port
from orchestrator.errors import PortTaken
from orchestrator.model.platform import Address, Definitions, Node, Trunk

SWITCH_HOST, PHONES_HOST = "127.0.0.1", "127.0.0.2"
_RTP_PORTS = 40
_ATTEMPTS = 50
_RTP_FROM, _RTP_TO = 33_000, 60_000


@dataclass(frozen=True, slots=True)
class Scratch:
    """Args: definitions, node: with loopback addresses. carriers: where each trunk's operator is played."""

    definitions: Definitions
    node: Node
    carriers: dict[str, Address]


def scratch(definitions: Definitions, node: Node) -> Scratch:
    """The same platform with its node and its operators on free loopback addresses.

    A trunk that registers becomes one that is known by its address: no operator is there to register with.
    Nor is it asked whether it is there. Everything is spoken over UDP and in the clear: the phones and
    operators that are played can't do more.
    """
    carriers = {
        name: Address(f"127.0.{3 + number // 250}.{1 + number % 250}", free_port(SWITCH_HOST))
        for number, name in enumerate(definitions.platform.trunks)
    }
    first = _rtp_from()
    moved = replace(
        node,
        sip=Address(SWITCH_HOST, free_port(SWITCH_HOST)),
        ami=Address(SWITCH_HOST, free_port(SWITCH_HOST)),
        metrics=Address(SWITCH_HOST, free_port(SWITCH_HOST)),
        tcp=None,
        tls=None,
        external_address="",
        local_networks=(),
        rtp_from=first,
        rtp_to=first + _RTP_PORTS - 1,
    )
    trunks = {name: _moved(trunk, carriers[name]) for name, trunk in definitions.platform.trunks.items()}
    platform = replace(
        definitions.platform, nodes={**definitions.platform.nodes, node.name: moved}, trunks=trunks
    )
    tenants = {
        name: replace(each, encryption="off", external_numbers=())
        for name, each in definitions.tenants.items()
    }
    return Scratch(replace(definitions, platform=platform, tenants=tenants), moved, carriers)


def _moved(trunk: Trunk, carrier: Address) -> Trunk:
    return replace(
        trunk,
        auth="ip",
        address=carrier,
        match=(carrier.host,),
        username="",
        secret="",
        transport="udp",
        srtp="off",
        qualify_s=0,
    )


def _rtp_from() -> int:
    for _ in range(_ATTEMPTS):
        first = random.randrange(_RTP_FROM, _RTP_TO, 2)
        if all(_is_free(SWITCH_HOST, port) for port in range(first, first + _RTP_PORTS)):
            return first
    raise PortTaken(f"no {_RTP_PORTS} free UDP ports in a row", "end what holds them")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
