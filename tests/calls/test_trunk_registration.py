"""A trunk that registers: the account is proved to the operator, and calls go both ways by it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside
from harness.farside import CARRIER, Carrier, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import CARRIER_HOST, PHONES_HOST, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

ACCOUNT, SECRET, VARIABLE = "multifon7", "trunk secret; with # signs", "VPBX_TEST_TRUNK_SECRET"
SALES, DIRECT = "+74951112233", "+74951112234"
CALLER, MOBILE = "+79035556677", "+79161112233"


@pytest.fixture(scope="module")
def secret_in_environment() -> Iterator[None]:
    os.environ[VARIABLE] = SECRET
    yield
    del os.environ[VARIABLE]


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with PortBlock() as block:
        yield block


def registering(root: Path, asterisk: Asterisk) -> Site:
    """A site whose trunk registers with the carrier, its password taken from the environment."""
    made = Site(root, asterisk)
    made.edit(
        "platform.yaml",
        (r"auth: ip", f"auth: registration\n    username: {ACCOUNT}\n    secret: env:{VARIABLE}"),
        (r"\n    match: \[.*\]", ""),
    )
    return made


def operator(site: Site, asterisk: Asterisk, secret: str) -> FarSide:
    """The operator, who knows the switch by its account alone, and the phone of 101."""
    return FarSide(
        asterisk,
        site.root.with_name(f"{site.root.name}-operator"),
        site.sip,
        site.phones("acme", ("101",)),
        Carrier(site.carrier, (), username=ACCOUNT, secret=secret.replace(";", r"\;")),
        PHONES_HOST,
    )


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, secret_in_environment: None
) -> Iterator[Site]:
    with registering(tmp_path_factory.mktemp("site") / "project", asterisk) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site, asterisk: Asterisk) -> Iterator[FarSide]:
    with operator(site, asterisk, SECRET) as far:
        far.wait_registered()
        site.until(lambda: "Registered" in registration(site), "the trunk is registered", 30)
        yield far


def registration(site: Site) -> str:
    return site.rx("pjsip show registrations")


def contact_of_trunk(far: FarSide) -> str:
    """The address that the switch registered, with its parameters, as the operator keeps it."""
    found = re.search(r'"uri":"([^"]+)"', far.rx("database show registrar").replace("\\\\/", "/"))
    assert found is not None, far.rx("database show registrar")
    return found[1].replace("^3B", ";")


def test_a_call_out_is_authenticated_and_shows_the_tenants_number_beside_the_account(
    site: Site, world: FarSide
) -> None:
    world.behave(CARRIER, farside.answer())
    after = len(world.calls_to(CARRIER))
    call = world.call("acme101desk", MOBILE)
    arrived = world.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number) == (MOBILE, SALES)
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")


def test_a_call_to_the_registered_contact_with_the_number_as_its_user_reaches_the_tenant(
    site: Site, world: FarSide, ports: PortBlock, tmp_path: Path
) -> None:
    contact = re.sub(r"sip:[^@]+@", f"sip:{DIRECT}@", contact_of_trunk(world))
    reaches_101(site, world, ports, tmp_path, contact)


def test_a_call_to_the_registered_contact_itself_goes_by_the_number_in_its_to_header(
    site: Site, world: FarSide, ports: PortBlock, tmp_path: Path
) -> None:
    reaches_101(site, world, ports, tmp_path, contact_of_trunk(world))


@pytest.mark.parametrize("called", ["+74950000000", "101", "registered", "enter", "+7495111223a"])
def test_a_number_in_to_that_is_none_of_the_platform_is_not_found(
    world: FarSide, site: Site, ports: PortBlock, tmp_path: Path, called: str
) -> None:
    own = Address(CARRIER_HOST, ports.port())
    contact = contact_of_trunk(world)
    [seen] = Sipp(
        tmp_path / "s", "registered_invite", own, site.sip, [Row(CALLER, called)], contact=contact
    ).run()
    assert seen.code == 404


def reaches_101(site: Site, world: FarSide, ports: PortBlock, tmp_path: Path, contact: str) -> None:
    """A call of the operator, from an address that nothing identifies, rings the phone of 101."""
    assert ";line=" in contact
    world.behave("acme101desk", farside.answer())
    after = len(world.calls_to("acme101desk"))
    own = Address(CARRIER_HOST, ports.port())
    row = Row(CALLER, DIRECT)
    with Sipp(
        tmp_path / "s", "registered_invite", own, site.sip, [row], talk_ms=1000, contact=contact
    ) as sipp:
        assert world.incoming("acme101desk", after=after).from_number == CALLER
        [seen] = sipp.wait_calls(1)
    assert (seen.code, seen.ended_by) == (200, "sipp")
    [leg] = site.json("calls", "list", "acme", "--limit", "1")["calls"]
    assert (leg["direction"], leg["to"], leg["trunk"]) == ("in", DIRECT, "trunk-main")


@pytest.mark.parametrize("wrong", ["", ";line=guessed"])
def test_a_call_from_elsewhere_without_the_lines_secret_parameter_is_refused(
    site: Site, world: FarSide, ports: PortBlock, tmp_path: Path, wrong: str
) -> None:
    contact = contact_of_trunk(world).partition(";line=")[0] + wrong
    after = len(world.calls_to("acme101desk"))
    own = Address(CARRIER_HOST, ports.port())
    row = Row(CALLER, DIRECT)
    sipp = Sipp(tmp_path / "s", "registered_invite", own, site.sip, [row], contact=contact)
    sipp.run()
    assert sipp.final_code("INVITE") == 401
    assert len(world.calls_to("acme101desk")) == after


def test_a_wrong_password_is_told_in_the_log_and_the_right_one_registers_after_an_apply(
    tmp_path: Path, asterisk: Asterisk, secret_in_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registering(tmp_path / "project", asterisk) as site:
        monkeypatch.setenv(VARIABLE, "guessed")
        log = site.root / ".vpbx/switch/pbx1/log/messages"
        with operator(site, asterisk, SECRET) as far:
            site.start()
            site.until(lambda: "Rejected" in registration(site), "the registration is refused", 30)
            told = [line for line in log.read_text().splitlines() if f"sip:{ACCOUNT}@{site.carrier}" in line]
            assert any("WARNING" in line or "ERROR" in line for line in told), log.read_text()
            assert "guessed" not in log.read_text()
            assert ACCOUNT not in far.rx("pjsip show contacts")
            monkeypatch.setenv(VARIABLE, SECRET)
            site.vpbx("apply")
            site.until(lambda: " Registered" in registration(site), "the trunk is registered", 30)


def test_an_apply_without_the_trunks_password_is_refused_with_its_place(
    tmp_path: Path, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with registering(tmp_path / "project", asterisk) as site:
        refused = site.run("apply")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.search(rf"platform.yaml:\d+:\d+: trunk main: env:{VARIABLE} holds nothing", refused.stderr)
    assert "Traceback" not in refused.stderr
