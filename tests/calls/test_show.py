"""`vpbx show` beside a running switch: a phone registers, and leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import PHONES_HOST, Site

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.errors import NotFound
from orchestrator.model.platform import Address
from orchestrator.ports import Registration
from orchestrator.secrets import AMI_CONTROL, Secrets

pytestmark = pytest.mark.switch


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with PortBlock() as block:
        yield block


def phone_of(site: Site, extension: str) -> dict[str, Any]:
    """What `vpbx show --json` says of an employee's first device."""
    shown = site.json("show", "acme")
    assert shown["version"] == 1 and shown["switch"] == {"asked": True, "trouble": None}
    employee = next(each for each in shown["employees"] if each["extension"] == extension)
    device: dict[str, Any] = employee["devices"][0]
    return device


def asked(site: Site, endpoint: str) -> tuple[Registration, ...]:
    """What the switch adapter says of an endpoint."""
    secret = Secrets.open(site.root / ".vpbx/secrets.json").ami("pbx1", AMI_CONTROL)

    async def ask() -> tuple[Registration, ...]:
        async with AmiSwitch(AmiLogin(site.ami.host, site.ami.port, AMI_CONTROL, secret)) as switch:
            return await switch.registrations(endpoint)

    return asyncio.run(ask())


def test_a_phone_registers_and_show_says_so_it_leaves_and_show_says_so(
    site: Site, ports: PortBlock, tmp_path: Path
) -> None:
    [phone] = site.phones("acme", ("102",))
    own = Address(PHONES_HOST, ports.port())
    row = Row(phone.endpoint, username=phone.endpoint, secret=phone.secret)
    assert phone_of(site, "102")["registered"] is False
    Sipp(tmp_path / "come", "register", own, site.sip, [row], expires_s=300).run()
    seen = phone_of(site, "102")
    assert (seen["registered"], seen["account"]) == (True, phone.endpoint)
    [contact] = seen["contacts"]
    assert (contact["address"], contact["reachable"]) == (str(own), None)
    assert str(own) in contact["uri"] and contact["expires_at"]
    text = site.vpbx("show", "acme")
    assert f"102\tДмитрий Кузнецов\t30 s\tdesk\tyes\t{own}\t" in text
    assert "101\tАнна Соколова\t30 s\tdesk\tnot registered\t" in text
    assert "lines:       0 of 14 in use" in text and "switch:      running" in text
    Sipp(tmp_path / "go", "register", own, site.sip, [row], expires_s=0).run()
    site.until(lambda: phone_of(site, "102")["registered"] is False, "the phone is gone")
    assert "102\tДмитрий Кузнецов\t30 s\tdesk\tnot registered\t" in site.vpbx("show", "acme")


def test_the_phone_is_named_as_it_names_itself(site: Site) -> None:
    [phone] = site.phones("acme", ("104",))
    with site.far_side(phone, name="named") as far:
        far.wait_registered()
        [found] = asked(site, phone.endpoint)
        assert (found.user_agent, found.address) == ("far-side", str(far.address))
        assert phone_of(site, "104")["contacts"][0]["user_agent"] == "far-side"


def test_the_switch_is_asked_for_an_endpoint_that_it_does_not_have(site: Site) -> None:
    with pytest.raises(NotFound):
        asked(site, "no-such-endpoint")


@pytest.mark.parametrize(
    "verb", [("lines", "acme"), ("switch", "status"), ("switch", "install")], ids=" ".join
)
def test_json_of_a_verb_that_asks_the_switch_has_a_version(site: Site, verb: tuple[str, ...]) -> None:
    assert site.json(*verb)["version"] == 1
