"""Addresses of names, each asked for in a thread of its own with a deadline."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Sequence

from orchestrator.doctor.names import Names, TrunkName
from orchestrator.model.platform import Trunk

LOOK_UP_DEADLINE_S = 3.0


def observe(trunks: Sequence[Trunk]) -> Names:
    """This machine's name, and those of the trunks that are given by name."""
    named = [trunk for trunk in trunks if not _is_address(trunk.address.host)]
    host = socket.gethostname()
    found = addresses([host, *(trunk.address.host for trunk in named)])
    return Names(
        host=host,
        resolves=bool(found[host]),
        trunks=[
            TrunkName(trunk.name, trunk.address.host, found[trunk.address.host], trunk.match)
            for trunk in named
        ],
    )


def addresses(hosts: Sequence[str]) -> dict[str, list[str]]:
    """IPv4 addresses of each; none for one that has none or whose answer doesn't come in time."""
    found: dict[str, list[str]] = {host: [] for host in hosts}
    asking = [threading.Thread(target=_look_up, args=(host, found), daemon=True) for host in found]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(LOOK_UP_DEADLINE_S)
    return dict(found)


def _look_up(host: str, found: dict[str, list[str]]) -> None:
    try:
        answers = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError:
        return
    found[host] = sorted({str(answer[4][0]) for answer in answers})


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
