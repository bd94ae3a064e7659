"""An employee's corporate mobile rings beside their phones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, Carrier, FarSide
from harness.ports import PortBlock
from harness.recorded import events, steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

TENANT, DIRECT, MOBILE, CALLER = "+74951112233", "+74951112234", "+79169990101", "+79035556677"
MOBILES_HOST, MOBILES_PHONES = "127.0.0.6", "127.0.0.7"
TRUNK = "  mobiles:\n    auth: ip\n    address: {address}\n    match: [{address.host}]\n    mobiles: true\n"


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with PortBlock() as block:
        yield Address(MOBILES_HOST, block.port())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, address: Address) -> Iterator[Site]:
    """The examples; acme has two lines, and 101, who has a number of his own, a mobile that rings."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit("platform.yaml", (r"\ntrunks:\n", f"\ntrunks:\n{TRUNK.format(address=address)}"))
        made.edit(
            "tenants/acme.yaml",
            ("name: Анна Соколова", f'name: Анна Соколова, mobile: "{MOBILE}", mobile_rings: true'),
            ("tariff: master", "tariff: master\nlines: 2"),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102"))) as far:
        far.wait_registered()
        yield far


@pytest.fixture(scope="module")
def mobiles(site: Site, asterisk: Asterisk, address: Address) -> Iterator[FarSide]:
    """The operator of the corporate mobiles."""
    carrier = Carrier(address, sources=(site.sip.host,))
    with FarSide(asterisk, site.root.with_name("mobiles"), site.sip, (), carrier, MOBILES_PHONES) as far:
        yield far


def route(site: Site, caller: str, to: str, *more: str) -> list[str]:
    found = site.json("route", "--tenant", "acme", "--from", caller, "--to", to, *more)
    assert found["end"]["kind"] in ("employee", "refused")
    return [step["id"] for step in found["steps"]]


def legs(site: Site, linkedid: str) -> list[dict[str, Any]]:
    site.vpbx("reconcile")
    found: list[dict[str, Any]] = site.json("calls", "list", "--limit", "20")["calls"]
    return sorted((leg for leg in found if leg["linkedid"] == linkedid), key=lambda leg: leg["direction"])


def employee(site: Site) -> dict[str, Any]:
    """What statistics say of 101."""
    found: list[dict[str, Any]] = site.json("stats", "acme", "--by", "employee")["lines"]
    return next(each for each in found if each["name"] == "101")


def last_linkedid(site: Site) -> str:
    return next(e.linkedid for e in reversed(events(site)) if e.facts.get("direction") == "in")


def test_a_mobile_that_answers_first_has_the_call_as_its_employee_and_the_phones_stop(
    site: Site, world: FarSide, mobiles: FarSide
) -> None:
    world.behave("acme101desk", farside.ring())
    mobiles.behave(CARRIER, farside.answer(ring_s=1))
    after, rang = len(mobiles.calls_to(CARRIER)), len(world.calls_to("acme101desk"))
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    arrived = mobiles.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number, arrived.diverted_by) == (MOBILE, TENANT, CALLER)
    desk = world.incoming("acme101desk", after=rang)
    world.wait_answered(call)
    world.wait_ended(desk)
    assert site.lines("acme")["in_use"] == 2
    world.hang_up(call)
    passed = [step for step in steps_of(site, CALLER, DIRECT) if step]
    assert passed == route(site, CALLER, DIRECT, "--no-answer", "101")
    assert passed[-2:] == ["employees.101", "employees.101.mobile"]
    inbound, outbound = legs(site, last_linkedid(site))
    assert (inbound["direction"], outbound["direction"]) == ("in", "out")
    assert (outbound["employee"], outbound["to"], outbound["trunk"]) == ("101", MOBILE, "trunk-mobiles")
    assert [e for e in events(site) if e.kind == "vpbx.recording" and e.linkedid == inbound["linkedid"]]
    found = site.json("charges", "list")["charges"]
    charges = [each for each in found if each["linkedid"] == inbound["linkedid"]]
    assert [each["to"] for each in charges] == [MOBILE]
    counted = employee(site)
    assert (counted["calls"], counted["answered"], counted["rung"]) == (1, 1, 1)
    assert counted["talk_s"] > 0


def test_a_phone_that_answers_first_has_the_call_and_the_mobile_stops_and_costs_nothing(
    site: Site, world: FarSide, mobiles: FarSide
) -> None:
    world.behave("acme101desk", farside.answer(ring_s=1))
    mobiles.behave(CARRIER, farside.ring())
    after = len(mobiles.calls_to(CARRIER))
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    rings = mobiles.incoming(CARRIER, after=after)
    world.wait_answered(call)
    mobiles.wait_ended(rings)
    site.until(lambda: site.lines("acme")["in_use"] == 1, "the mobile's line is free")
    world.hang_up(call)
    steps_of(site, CALLER, DIRECT)
    linkedid = last_linkedid(site)
    legs(site, linkedid)
    assert linkedid not in [each["linkedid"] for each in site.json("charges", "list")["charges"]]


def test_a_colleague_reaches_the_mobile_when_no_phone_is_there(
    site: Site, world: FarSide, mobiles: FarSide
) -> None:
    world.behave("acme101desk", farside.busy())
    mobiles.behave(CARRIER, farside.answer())
    after = len(mobiles.calls_to(CARRIER))
    call = world.call("acme102desk", "101")
    arrived = mobiles.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.diversion) == (MOBILE, "")
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    passed = [step for step in steps_of(site, "102", "101") if step]
    assert passed == route(site, "102", "101", "--busy", "101")


def test_with_no_line_left_only_the_phones_ring(site: Site, world: FarSide, mobiles: FarSide) -> None:
    world.behave("acme101desk", farside.busy())
    world.behave("acme102desk", farside.answer())
    mobiles.behave(CARRIER, farside.answer())
    held = world.call(CARRIER, TENANT, from_number="+79035550000")
    world.wait_answered(held)
    before = len(mobiles.calls_to(CARRIER))
    try:
        ended = world.wait_ended(world.call(CARRIER, DIRECT, from_number=CALLER))
        assert ended.code == 486 and len(mobiles.calls_to(CARRIER)) == before
    finally:
        world.hang_up(held)
    passed = [step for step in steps_of(site, CALLER, DIRECT) if step]
    assert passed == route(site, CALLER, DIRECT, "--busy", "101", "--lines-in-use", "1")


@pytest.mark.parametrize(("answer", "told"), [(486, ("--busy", MOBILE)), (503, ("--dead", "mobiles"))])
def test_when_neither_takes_the_call_it_ends_as_route_says(
    site: Site, world: FarSide, mobiles: FarSide, answer: int, told: tuple[str, str]
) -> None:
    world.behave("acme101desk", farside.busy())
    mobiles.behave(CARRIER, farside.reject(answer))
    ended = world.wait_ended(world.call(CARRIER, DIRECT, from_number=CALLER))
    asked = ("route", "--tenant", "acme", "--from", CALLER, "--to", DIRECT, "--busy", "101", *told)
    said = site.json(*asked)
    assert ended.code == said["end"]["sip"] == 486
    assert [s for s in steps_of(site, CALLER, DIRECT) if s] == [step["id"] for step in said["steps"]]
