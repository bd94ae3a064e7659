"""Calls outward: what they show, and by which trunk they go."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, Carrier, FarSide
from harness.ports import PortBlock
from harness.recorded import events, steps_of
from harness.sipp import Row, Sipp
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

TENANT, DIRECT, FORWARDED, VERIFIED = "+74951112233", "+74951112234", "+74951112235", "+78121234567"
BY_SIP, OWN_MOBILE = "+74951112236", "+79169990103"
CALLER, MOBILE, PETERSBURG = "+79035556677", "+79161112233", "+78125556677"
STAFF = """
verified_numbers: ["+78121234567"]
caller_ids: {"+7812": "+78121234567"}

departments:
  buying: {title: Закупки, members: ["102"], caller_id: "+74951112235"}
"""


EXTERNAL, ACCOUNT, SECRET, VARIABLE = (
    "+78123334455",
    "78123334455",
    "of-a-provider",
    "VPBX_TEST_PROVIDER_SECRET",
)
RESERVE_HOST, RESERVE_PHONES, DEAD_HOST = "127.0.0.6", "127.0.0.7", "127.0.0.8"
TRUNK = """  {name}:
    auth: ip
    address: {address}
    match: [{address.host}]
    qualify_s: 5
"""


@pytest.fixture(scope="module")
def reserve_address() -> Iterator[Address]:
    with PortBlock() as block:
        yield Address(RESERVE_HOST, block.port())


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, reserve_address: Address
) -> Iterator[Site]:
    """The examples; acme shows different numbers, and has three trunks: nobody is behind the first.

    It has a number at another provider, who is the same as the operator of the last trunk.
    """
    os.environ[VARIABLE] = SECRET
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        dead = Address(DEAD_HOST, reserve_address.port)
        more = TRUNK.format(name="dead", address=dead) + TRUNK.format(name="reserve", address=reserve_address)
        more += "    mobiles: true\n"
        more += '    numbering: {"8": "+7", any: "+7495"}\n'
        made.edit("platform.yaml", (r"\ntrunks:\n  main:\n", f"\ntrunks:\n{more}  main:\n    capacity: 4\n"))
        made.edit(
            "tenants/acme.yaml",
            ("name: Анна Соколова", f'name: Анна Соколова, caller_id: "{DIRECT}"'),
            ("name: Екатерина Лебедева", f'name: Екатерина Лебедева, mobile: "{OWN_MOBILE}"'),
            (r"\ndepartments:\n", STAFF),
            (
                r"\nnumbers:\n",
                f'\nexternal_numbers:\n  "{EXTERNAL}": {{address: {reserve_address}, username: "{ACCOUNT}", '
                f'secret: env:{VARIABLE}}}\n\nnumbers:\n  "{EXTERNAL}": {{employee: "102"}}\n'
                f'  "{BY_SIP}": {{sip: "reception@{reserve_address}"}}\n',
            ),
            ("tariff: master", "tariff: master\ntrunks: [dead, main, reserve]\nlines: 4"),
        )
        yield made
    del os.environ[VARIABLE]


@pytest.fixture(scope="module")
def reserve(project: Site, asterisk: Asterisk, reserve_address: Address) -> Iterator[FarSide]:
    """The operator behind the last trunk, and the provider of the external number.

    It is there before the switch asks for it.
    """
    carrier = Carrier(reserve_address, (project.sip.host,), username=ACCOUNT, secret=SECRET)
    root = project.root.with_name("reserve")
    with FarSide(asterisk, root, project.sip, (), carrier, RESERVE_PHONES) as far:
        yield far


@pytest.fixture(scope="module")
def site(project: Site, reserve: FarSide) -> Site:
    project.start()
    return project


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102", "103")), *site.phones("beta", ("101",))) as far:
        far.wait_registered()
        site.until(lambda: "Unavail" in site.rx("pjsip show contacts"), "the first trunk is found dead", 20)
        yield far


def passed(site: Site, caller: str, called: str) -> list[str]:
    """Ids of the steps in the switch's record."""
    return [step for step in steps_of(site, caller, called) if step]


def newest(site: Site, count: int = 1) -> list[dict[str, Any]]:
    """The newest legs, in order of time."""
    found: list[dict[str, Any]] = site.json("calls", "list", "--limit", str(count))["calls"]
    return sorted(found, key=lambda leg: (leg["started_at"], leg["uniqueid"]))


def route(site: Site, caller: str, to: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = site.json("route", "--tenant", "acme", "--from", caller, "--to", to, *more)
    return found


@pytest.mark.parametrize(
    ("extension", "to", "shows"),
    [
        ("101", MOBILE, DIRECT),
        ("101", PETERSBURG, DIRECT),
        ("102", PETERSBURG, FORWARDED),
        ("103", PETERSBURG, VERIFIED),
        ("103", MOBILE, TENANT),
    ],
    ids=["employee", "employee before region", "department before region", "region", "tenant"],
)
def test_a_call_shows_what_route_says(
    site: Site, world: FarSide, extension: str, to: str, shows: str
) -> None:
    assert route(site, extension, to)["steps"][-1]["shows"] == shows
    world.behave(CARRIER, farside.busy())
    after = len(world.calls_to(CARRIER))
    world.wait_ended(world.call(f"acme{extension}desk", to))
    assert world.incoming(CARRIER, after=after).from_number == shows
    [leg] = newest(site)
    assert (leg["from"], leg["to"], leg["employee"]) == (shows, to, extension)


def test_what_a_phone_says_of_itself_is_never_shown(site: Site, world: FarSide) -> None:
    world.behave(CARRIER, farside.busy())
    after = len(world.calls_to(CARRIER))
    world.wait_ended(world.call("acme103desk", MOBILE, from_number="+74957654321"))
    assert world.incoming(CARRIER, after=after).from_number == TENANT


def test_a_number_that_is_none_of_the_tenants_is_refused_by_the_switch_itself(
    site: Site, world: FarSide
) -> None:
    """As if something had changed the dialplan of the running switch behind our back."""
    [context] = set(re.findall(r"acme-steps\.[0-9a-f]{16}", site.rx(f"dialplan show {TENANT}@vpbx-number")))
    assert "removed" in site.rx(f"dialplan remove extension own.{TENANT}@{context}")
    before = len(world.calls_to(CARRIER))
    try:
        assert world.wait_ended(world.call("acme103desk", MOBILE)).code == 403
    finally:
        site.rx(f"dialplan add extension own.{TENANT},1,Return into {context}")
    assert len(world.calls_to(CARRIER)) == before
    [leg] = newest(site)
    assert (leg["decision"], leg["to"]) == ("caller-id", MOBILE)


@pytest.mark.parametrize("code", [500, 502, 503])
def test_a_call_takes_the_next_trunk_when_one_is_at_fault_and_is_charged_once(
    site: Site, world: FarSide, reserve: FarSide, code: int
) -> None:
    world.behave(CARRIER, farside.reject(code))
    reserve.behave(CARRIER, farside.answer())
    after = len(reserve.calls_to(CARRIER))
    call = world.call("acme103desk", MOBILE)
    arrived = reserve.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number) == (MOBILE, TENANT)
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    told = route(site, "103", MOBILE, "--dead", "dead", "--dead", "main")["steps"]
    assert [step["id"] for step in told[1:]] == ["outside.dial", "outside.dial.main", "outside.dial.reserve"]
    assert passed(site, TENANT, MOBILE) == [step["id"] for step in told]
    failed, carried = newest(site, 2)
    assert [leg["trunk"] for leg in (failed, carried)] == ["trunk-main", "trunk-reserve"]
    charged = [c for c in site.json("charges", "list")["charges"] if c["linkedid"] == carried["linkedid"]]
    assert [carried["uniqueid"] in str(charge["key"]) for charge in charged] == [True]


@pytest.mark.parametrize("code", [403, 404, 480, 486])
def test_a_call_that_fails_for_whom_it_calls_takes_no_other_trunk(
    world: FarSide, reserve: FarSide, code: int
) -> None:
    world.behave(CARRIER, farside.reject(code))
    before = len(reserve.calls_to(CARRIER))
    assert world.wait_ended(world.call("acme103desk", MOBILE)).code == code
    assert len(reserve.calls_to(CARRIER)) == before


def test_who_was_rung_is_not_rung_again_by_another_trunk(world: FarSide, reserve: FarSide) -> None:
    world.behave(CARRIER, farside.reject(503, ring_s=0.5))
    before = len(reserve.calls_to(CARRIER))
    assert world.wait_ended(world.call("acme103desk", MOBILE)).code == 503
    assert len(reserve.calls_to(CARRIER)) == before


def test_the_last_free_line_is_enough_for_a_call_that_changes_its_trunk(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    world.behave(CARRIER, farside.reject(503))
    reserve.behave(CARRIER, farside.answer())
    calls = [world.call("acme103desk", f"+7916111224{n}") for n in range(4)]
    for call in calls:
        world.wait_answered(call)
    assert world.wait_ended(world.call("acme102desk", MOBILE)).code == 486
    for call in calls:
        world.hang_up(call)


def test_an_emergency_call_tries_every_trunk(site: Site, world: FarSide, reserve: FarSide) -> None:
    world.behave(CARRIER, farside.reject(403))
    reserve.behave(CARRIER, farside.answer())
    after = len(reserve.calls_to(CARRIER))
    call = world.call("acme101desk", "112")
    assert reserve.incoming(CARRIER, after=after).number == "112"
    world.wait_answered(call)
    world.hang_up(call)
    steps = [step["id"] for step in route(site, "101", "112", "--dead", "dead", "--dead", "main")["steps"]]
    assert steps == ["emergency.112", "emergency.112.main", "emergency.112.reserve"]
    assert passed(site, TENANT, "112") == steps


def test_the_last_quarter_of_a_trunk_is_for_tenants_below_their_share(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    """Four calls, two tenants: three are for who comes first, the fourth for who has less than two."""
    for operator in (world, reserve):
        operator.behave(CARRIER, farside.answer())

    def placed(phone: str, number: int) -> tuple[farside.Call, str]:
        call = world.call(phone, f"+7916111225{number}")
        world.wait_answered(call)
        return call, newest(site)[0]["trunk"]

    calls = [placed("acme103desk", number) for number in range(4)]
    calls.append(placed("beta101desk", 4))
    assert [trunk.removeprefix("trunk-") for _, trunk in calls] == ["main", "main", "main", "reserve", "main"]
    refused = world.wait_ended(world.call("beta101desk", MOBILE))
    assert refused.code == 503
    [leg] = newest(site)
    assert (leg["tenant"], leg["decision"]) == ("beta", "trunk-full")
    assert site.lines("beta")["in_use"] == 1
    for call, _ in calls:
        world.hang_up(call)
    again, trunk = placed("acme103desk", 6)
    assert trunk == "trunk-main"
    world.hang_up(again)


def registration(site: Site) -> str:
    """As the switch tells it of the external number."""
    told = site.rx("pjsip show registrations")
    return next(line for line in told.splitlines() if ACCOUNT in line)


def test_a_number_registered_at_another_provider_brings_its_calls_in(
    site: Site, world: FarSide, reserve: FarSide, tmp_path: Path
) -> None:
    """Whatever the provider calls it: its own account, or the contact that we registered."""
    site.until(lambda: " Registered" in registration(site), "the number is registered", 30)
    found = re.search(r'"uri":"([^"]+)"', reserve.rx("database show registrar").replace("\\\\/", "/"))
    assert found is not None
    contact = found[1].replace("^3B", ";")
    world.behave("acme102desk", farside.busy())
    with PortBlock() as ports:
        for uri in (contact, re.sub("sip:[^@]+@", f"sip:{ACCOUNT}@", contact)):
            after = len(world.calls_to("acme102desk"))
            own = Address("127.0.0.9", ports.port())
            work = tmp_path / str(own.port)
            [seen] = Sipp(
                work, "registered_invite", own, site.sip, [Row(CALLER, "whoever")], contact=uri
            ).run()
            assert world.incoming("acme102desk", after=after).from_number == CALLER
            assert seen.code == 486
            [leg] = newest(site)
            assert (leg["direction"], leg["to"], leg["trunk"]) == ("in", EXTERNAL, f"trunk-{ACCOUNT}")


def test_a_registration_that_is_lost_is_told_by_doctor_and_by_the_listener(
    site: Site, world: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.listen()
    monkeypatch.setenv(VARIABLE, "guessed")
    site.vpbx("apply")
    site.rx(f"pjsip send register trunk-{ACCOUNT}")
    site.until(lambda: "Rejected" in registration(site), "the registration is refused", 30)
    lost = f"trunk-{ACCOUNT} isn't registered: Rejected"
    assert lost in [finding["seen"] for finding in findings(site) if finding["severity"] == "problem"]
    site.until(lambda: lost in site.health()["problems"], "the listener tells it", 20)
    assert "registration-lost" in site.logged()
    monkeypatch.setenv(VARIABLE, SECRET)
    site.vpbx("apply")
    site.rx(f"pjsip send register trunk-{ACCOUNT}")
    site.until(lambda: "registration-back" in site.logged(), "it is registered again", 30)
    assert [finding["seen"] for finding in findings(site)] == [f"trunk-{ACCOUNT} is registered"]


def findings(site: Site) -> list[dict[str, Any]]:
    """What doctor says of registrations."""
    told: dict[str, Any] = json.loads(site.run("doctor", "--json").stdout)
    return [finding for finding in told["findings"] if finding["code"] == "registrations"]


def test_a_call_goes_on_to_a_sip_address_holds_a_line_there_and_costs_nothing(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    reserve.behave(CARRIER, farside.answer())
    after = len(reserve.calls_to(CARRIER))
    call = world.call(CARRIER, BY_SIP, from_number=CALLER)
    arrived = reserve.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number, arrived.diverted_by) == ("reception", TENANT, CALLER)
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 2
    world.hang_up(call)
    told = route(site, CALLER, BY_SIP)
    assert told["end"]["kind"] == "sip"
    assert passed(site, CALLER, BY_SIP) == [step["id"] for step in told["steps"]]
    came, went = newest(site, 2)
    assert [leg["direction"] for leg in (came, went)] == ["in", "sip"]
    assert went["to"] == told["end"]["name"]
    charges = site.json("charges", "list")["charges"]
    assert came["linkedid"] not in {charge["linkedid"] for charge in charges}


@pytest.mark.parametrize("sent", ["1112234", "84951112234", "+74951112234"])
def test_an_operators_own_way_to_write_numbers_is_brought_to_e164(
    site: Site, world: FarSide, reserve: FarSide, sent: str
) -> None:
    world.behave("acme101desk", farside.busy())
    after = len(world.calls_to("acme101desk"))
    reserve.wait_ended(reserve.call(CARRIER, sent, from_number="84991234567"))
    assert world.incoming("acme101desk", after=after).from_number == "+74991234567"
    [leg] = newest(site)
    assert (leg["from"], leg["to"], leg["trunk"]) == ("+74991234567", DIRECT, "trunk-reserve")
    told = route(site, "84991234567", sent, "--by", "reserve")["steps"]
    assert told[0]["id"] == "numbers.74951112234.admit"


@pytest.mark.parametrize(
    "sent", ["5", "112", "101", "+7495111223a", "number", "9999999", "123456789012345678901"]
)
def test_what_an_operators_rules_make_no_number_of_is_not_found(reserve: FarSide, sent: str) -> None:
    assert reserve.wait_ended(reserve.call(CARRIER, sent, from_number=CALLER)).code == 404


@pytest.mark.parametrize(
    ("diversions", "taken"),
    [
        (("counter=5",), True),
        (("counter=6",), False),
        (("counter=3", "counter=3"), False),
        (("x",) * 6, False),
    ],
    ids=["five times", "six times", "three and three", "six headers"],
)
def test_a_call_that_was_passed_on_more_than_five_times_before_it_came_is_ended(
    site: Site, world: FarSide, tmp_path: Path, diversions: tuple[str, ...], taken: bool
) -> None:
    world.behave("acme101desk", farside.busy())
    lines = [f"Diversion: <sip:{CALLER}@far.example>;reason=unconditional;{each}" for each in diversions]
    with PortBlock() as ports:
        own = Address(site.carrier.host, ports.port())
        headers = "\n      ".join(lines)
        [seen] = Sipp(
            tmp_path / "s", "uac_invite", own, site.sip, [Row(CALLER, DIRECT)], supported=headers
        ).run()
    [leg] = newest(site)
    assert (leg["to"], leg["decision"]) == (DIRECT, "admitted" if taken else "round")
    assert (seen.code == 486) == taken


def test_a_call_that_is_passed_on_outside_says_how_often(site: Site, world: FarSide, tmp_path: Path) -> None:
    """So that the switch knows it again when the operator brings it back."""
    world.behave(CARRIER, farside.answer())
    with PortBlock() as ports:
        own = Address(site.carrier.host, ports.port())
        told = f"Diversion: <sip:{CALLER}@far.example>;reason=unconditional;counter=2"
        after = len(world.calls_to(CARRIER))
        with Sipp(
            tmp_path / "s", "uac_invite", own, site.sip, [Row(CALLER, FORWARDED)], supported=told, talk_ms=300
        ) as sipp:
            arrived = world.incoming(CARRIER, after=after)
            assert (arrived.diverted_by, arrived.diversion.endswith(";counter=3")) == (CALLER, True)
            sipp.wait_calls(1)


def test_a_corporate_mobile_calls_a_colleague_as_its_employee(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    world.behave("acme101desk", farside.answer())
    after = len(world.calls_to("acme101desk"))
    call = reserve.call(CARRIER, "101", from_number="89169990103")
    arrived = world.incoming("acme101desk", after=after)
    assert (arrived.from_number, arrived.name) == ("103", "Екатерина Лебедева")
    reserve.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    reserve.hang_up(call)
    told = [step["id"] for step in route(site, OWN_MOBILE, "101")["steps"]]
    assert passed(site, OWN_MOBILE, "101") == told == ["mobiles.103", "employees.101"]
    [leg] = newest(site)
    assert (leg["direction"], leg["from"], leg["to"], leg["employee"]) == ("in", OWN_MOBILE, "101", "103")
    recorded = [event.linkedid for event in events(site) if event.kind == "vpbx.recording"]
    assert leg["linkedid"] in recorded


def test_a_corporate_mobile_calls_outside_as_its_employee(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    world.behave(CARRIER, farside.answer())
    after = len(world.calls_to(CARRIER))
    call = reserve.call(CARRIER, "89161112233", from_number="89169990103")
    arrived = world.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number, arrived.diversion) == (MOBILE, TENANT, "")
    reserve.wait_answered(call)
    assert site.lines("acme")["in_use"] == 2
    reserve.hang_up(call)
    told = [step["id"] for step in route(site, OWN_MOBILE, MOBILE, "--dead", "dead")["steps"]]
    assert told == ["mobiles.103", "outside.check", "outside.dial", "outside.dial.main"]
    assert passed(site, OWN_MOBILE, "89161112233") == told
    legs = newest(site, 2)
    assert [(leg["direction"], leg["employee"]) for leg in legs] == [("in", "103"), ("out", "103")]
    charges = site.json("charges", "list")["charges"]
    assert [c["to"] for c in charges if c["linkedid"] == legs[0]["linkedid"]] == [MOBILE]


def test_a_call_to_a_corporate_mobile_is_its_employees_and_goes_back_to_the_operator(
    site: Site, world: FarSide, reserve: FarSide
) -> None:
    reserve.behave(CARRIER, farside.answer())
    after = len(reserve.calls_to(CARRIER))
    call = reserve.call(CARRIER, "89169990103", from_number=CALLER)
    arrived = reserve.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.diverted_by) == (OWN_MOBILE, CALLER)
    reserve.wait_answered(call)
    assert site.lines("acme")["in_use"] == 2
    reserve.hang_up(call)
    told = [step["id"] for step in route(site, CALLER, OWN_MOBILE)["steps"]]
    assert told == ["mobiles.103.admit", "mobiles.103.record", "mobiles.103.dial"]
    assert passed(site, CALLER, OWN_MOBILE) == told
    legs = newest(site, 2)
    assert [(leg["direction"], leg["employee"], leg["to"]) for leg in legs] == [
        ("in", "103", OWN_MOBILE),
        ("out", "103", OWN_MOBILE),
    ]


def test_a_mobile_is_an_employees_over_the_trunk_that_carries_mobiles_alone(world: FarSide) -> None:
    assert world.wait_ended(world.call(CARRIER, "101", from_number=OWN_MOBILE)).code == 404
