"""Packets from nobody we know: whatever name they put into From, they get no further than a challenge."""

from __future__ import annotations

import socket

import pytest
from harness.site import Site

pytestmark = pytest.mark.switch

STRANGER = "127.0.0.66"
SALES = "+74951112233"


def answers_to(site: Site, method: str, from_user: str, to_user: str) -> list[int]:
    """Send one request from an address that no trunk has. Returns: status codes that came back at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((STRANGER, 0))
        phone.settimeout(1.5)
        host, port = phone.getsockname()
        request = (
            f"{method} sip:{to_user}@{site.sip} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{from_user}-{method}\r\n"
            f"From: <sip:{from_user}@{host}>;tag=1\r\nTo: <sip:{to_user}@{site.sip}>\r\n"
            f"Call-ID: {method}-{from_user}-{to_user}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:{from_user}@{host}:{port}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        phone.sendto(request.encode(), (site.sip.host, site.sip.port))
        codes: list[int] = []
        try:
            while not codes or codes[-1] < 200:
                codes.append(int(phone.recv(65536).split()[1]))
        except TimeoutError:
            pass
        return codes


@pytest.mark.parametrize("name", ["trunk-main", "vpbx", "anonymous", "101", "acme"])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE"])
def test_a_stranger_is_challenged_whatever_name_it_gives(site: Site, name: str, method: str) -> None:
    assert answers_to(site, method, name, SALES) == [401]
    assert site.json("calls", "list")["calls"] == []


def test_a_known_account_is_challenged_before_anything_else(site: Site) -> None:
    account = site.phones("acme", ("101",))[0].endpoint
    assert answers_to(site, "INVITE", account, "102") == [401]
    assert site.json("calls", "list")["calls"] == []
