"""What must be free on this machine before a switch starts."""

from __future__ import annotations

import socket

import pytest

from orchestrator.asterisk.listening import Listen, check_free, free_ports
from orchestrator.errors import PortTaken
from orchestrator.model.platform import Address

HOST = "127.0.0.1"


def test_free_ports_are_different_and_free_for_udp_and_tcp() -> None:
    ports = free_ports(HOST, 5)
    assert len(set(ports)) == 5
    for port in ports:
        for transport in ("udp", "tcp"):
            check_free(Listen(transport, Address(HOST, port), "SIP"))


@pytest.mark.parametrize(
    ("transport", "kind"), [("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)], ids=["udp", "tcp"]
)
def test_a_taken_port_is_told_with_how_to_find_who_has_it(transport: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        listen = Listen(transport, Address(HOST, taken.getsockname()[1]), "SIP")
        with pytest.raises(PortTaken, match="is taken by another process") as told:
            check_free(listen)
    assert f"--{transport}" in told.value.hint
