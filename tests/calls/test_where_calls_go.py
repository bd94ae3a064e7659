"""Calls in, out and among extensions: who rings, who is shown, what is refused and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

SALES, DIRECT, FORWARDED = "+74951112233", "+74951112234", "+74951112235"
FORWARD_TO = "+79161234567"
CALLER = "+79035556677"


@pytest.fixture(scope="module")
def module_world(site: Site) -> Iterator[FarSide]:
    phones = site.phones("acme", ("101", "102", "103")) + site.phones("beta", ("101",))
    with site.far_side(*phones) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(module_world: FarSide) -> FarSide:
    """Everybody rings for ever until told otherwise."""
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.ring())
    return module_world


def newest_calls(site: Site, count: int) -> list[dict[str, Any]]:
    """The newest legs, in order of time."""
    found: list[dict[str, Any]] = site.json("calls", "list", "--limit", str(count))["calls"]
    return sorted(found, key=lambda leg: (leg["started_at"], leg["uniqueid"]))


def test_internal_call_shows_the_extension_and_name_holds_no_line_and_costs_nothing(
    site: Site, world: FarSide
) -> None:
    world.behave("acme101desk", farside.answer())
    charges = site.json("charges", "list")["charges"]
    before = len(world.calls_to("acme101desk"))
    call = world.call("acme102desk", "101")
    arrived = world.incoming("acme101desk", after=before)
    assert (arrived.from_number, arrived.name) == ("102", "Дмитрий Кузнецов")
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 0
    world.hang_up(call)
    [leg] = newest_calls(site, 1)
    assert (leg["direction"], leg["from"], leg["to"], leg["decision"]) == (
        "internal",
        "102",
        "101",
        "admitted",
    )
    assert site.json("charges", "list")["charges"] == charges


def test_department_rings_every_member_and_the_first_to_answer_gets_the_call(
    site: Site, world: FarSide
) -> None:
    world.behave("acme103mobile", farside.answer(ring_s=0.3))
    before = {name: len(world.calls_to(name)) for name in world.phones}
    call = world.call(CARRIER, SALES, from_number=CALLER)
    for name in ("acme101desk", "acme102desk", "acme103desk", "acme103mobile"):
        assert world.incoming(name, after=before[name]).from_number == CALLER
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    for name in ("acme101desk", "acme102desk", "acme103desk"):
        world.wait_ended(world.incoming(name, after=before[name]))
    world.hang_up(call)
    [leg] = newest_calls(site, 1)
    assert (leg["tenant"], leg["direction"], leg["from"], leg["to"]) == ("acme", "in", CALLER, SALES)


@pytest.mark.parametrize("dialled", ["+74951112234", "74951112234", "84951112234", "4951112234"])
def test_inbound_number_is_read_in_every_form_an_operator_sends(world: FarSide, dialled: str) -> None:
    world.behave("acme101desk", farside.answer())
    call = world.call(CARRIER, dialled, from_number=CALLER)
    world.wait_answered(call)
    world.hang_up(call)


def test_a_caller_number_that_is_no_number_is_taken_as_withheld(site: Site, world: FarSide) -> None:
    world.behave("acme101desk", farside.busy())
    world.wait_ended(world.call(CARRIER, DIRECT, from_number="79035x5"))
    [leg] = newest_calls(site, 1)
    assert (leg["to"], leg["from"]) == (DIRECT, "")


@pytest.mark.parametrize("number", ["+74950000000", "112", "101", "acme", "+7495111223a"])
def test_a_trunk_reaches_nothing_but_numbers_of_the_platform(world: FarSide, number: str) -> None:
    assert world.wait_ended(world.call(CARRIER, number, from_number=CALLER)).code == 404


@pytest.mark.parametrize(("behaviour", "code"), [(farside.busy(), 486), (farside.reject(403), 403)])
def test_what_the_called_phone_says_reaches_the_caller(
    world: FarSide, behaviour: farside.Behaviour, code: int
) -> None:
    world.behave("acme101desk", behaviour)
    assert world.wait_ended(world.call(CARRIER, DIRECT, from_number=CALLER)).code == code


def test_nobody_registered_is_told_as_unavailable(world: FarSide) -> None:
    assert world.wait_ended(world.call("acme101desk", "104")).code == 480


@pytest.mark.parametrize("code", [404, 486, 503])
def test_what_the_operator_says_reaches_the_phone(world: FarSide, code: int) -> None:
    world.behave(CARRIER, farside.reject(code))
    assert world.wait_ended(world.call("acme101desk", "+79161112233")).code == code


@pytest.mark.parametrize("dialled", ["+79161112233", "89161112233", "79161112233", "9161112233"])
def test_outside_numbers_are_dialled_in_every_form(world: FarSide, dialled: str) -> None:
    after = len(world.calls_to(CARRIER))
    call = world.call("acme101desk", dialled)
    assert world.incoming(CARRIER, after=after).number == "+79161112233"
    world.hang_up(call)


@pytest.mark.parametrize("dialled", ["+4930123456", "810493012345", "+78091234567", "+77011234567"])
def test_international_and_premium_are_refused_unless_allowed(
    site: Site, world: FarSide, dialled: str
) -> None:
    before = len(world.calls_to(CARRIER))
    assert world.wait_ended(world.call("acme101desk", dialled)).code == 403
    assert len(world.calls_to(CARRIER)) == before
    [leg] = newest_calls(site, 1)
    assert (leg["decision"], leg["employee"]) == ("class", "101")


@pytest.mark.parametrize(
    "dialled", ["10", "1011", "999999", "+7916", "outside", "s", "h", "i", "t", "end.full"]
)
def test_what_is_no_number_is_not_found(world: FarSide, dialled: str) -> None:
    assert world.wait_ended(world.call("acme101desk", dialled)).code in (403, 404)


def test_emergency_goes_through_with_a_number_that_can_be_called_back(site: Site, world: FarSide) -> None:
    world.behave(CARRIER, farside.answer())
    after = len(world.calls_to(CARRIER))
    call = world.call("acme101desk", "112")
    arrived = world.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number) == ("112", SALES)
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 0
    world.hang_up(call)
    [leg] = newest_calls(site, 1)
    assert (leg["direction"], leg["to"]) == ("emergency", "112")


def test_forwarded_number_shows_the_tenants_number_and_takes_two_lines(site: Site, world: FarSide) -> None:
    world.behave(CARRIER, farside.answer())
    after = len(world.calls_to(CARRIER))
    call = world.call(CARRIER, FORWARDED, from_number=CALLER)
    arrived = world.incoming(CARRIER, after=after)
    assert (arrived.number, arrived.from_number) == (FORWARD_TO, SALES)
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 2
    world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "both lines are free")
    legs = newest_calls(site, 2)
    assert [leg["direction"] for leg in legs] == ["in", "out"]
    assert len({leg["linkedid"] for leg in legs}) == 1
    [charge] = [c for c in site.json("charges", "list")["charges"] if c["linkedid"] == legs[0]["linkedid"]]
    assert (charge["to"], charge["direction"]) == (FORWARD_TO, "out")


def test_a_call_between_tenants_stays_on_the_switch_and_takes_a_line_of_each(
    site: Site, world: FarSide
) -> None:
    number = _number_of_beta(site)
    world.behave("beta101desk", farside.answer())
    outside = len(world.calls_to(CARRIER))
    after = len(world.calls_to("beta101desk"))
    call = world.call("acme101desk", number)
    assert world.incoming("beta101desk", after=after).from_number == SALES
    world.wait_answered(call)
    assert (site.lines("acme")["in_use"], site.lines("beta")["in_use"]) == (1, 1)
    world.hang_up(call)
    site.until(lambda: site.lines("beta")["in_use"] == 0, "the line is free")
    assert len(world.calls_to(CARRIER)) == outside
    legs = newest_calls(site, 2)
    assert {(leg["tenant"], leg["direction"]) for leg in legs} == {("acme", "out"), ("beta", "in")}
    charged = [c for c in site.json("charges", "list")["charges"] if c["linkedid"] == legs[0]["linkedid"]]
    assert [charge["tenant"] for charge in charged] == ["acme"]


def _number_of_beta(site: Site) -> str:
    text = (site.root / "tenants/beta.yaml").read_text()
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith('  "+7'))


def test_a_phone_cannot_call_another_tenants_endpoint_or_extension(site: Site, world: FarSide) -> None:
    endpoint = site.phones("beta", ("101",))[0].endpoint
    for dialled in (endpoint, "beta101", "101-beta"):
        assert world.wait_ended(world.call("acme102desk", dialled)).code == 404


def test_a_phone_with_a_wrong_password_is_not_let_in(tmp_path: Path, site: Site, asterisk: Asterisk) -> None:
    [account] = site.phones("beta", ("102",))
    guesser = replace(account, secret="guessed")
    with site.far_side(guesser, name="guesser") as far, pytest.raises(TimeoutError):
        far.wait_registered(3)
    assert account.endpoint not in site.rx("pjsip show contacts")


def test_longest_call_is_ended_by_the_switch_itself(tmp_path: Path, asterisk: Asterisk) -> None:
    with Site(tmp_path / "project", asterisk) as site:
        site.edit("platform.yaml", (r"longest_call_s: \d+", "longest_call_s: 60"))
        site.start()
        site.rx("dialplan set global VPBX_LONGEST_CALL_S 3")
        with site.far_side(*site.phones("acme", ("101",))) as far:
            far.wait_registered()
            far.behave(CARRIER, farside.answer())
            call = far.call("acme101desk", "+79161112233")
            far.wait_answered(call)
            far.wait_ended(call, 6)


def test_silent_call_is_ended_after_the_rtp_timeout(tmp_path: Path, asterisk: Asterisk) -> None:
    with Site(tmp_path / "project", asterisk) as site:
        site.edit("platform.yaml", (r"rtp_timeout_s: \d+", "rtp_timeout_s: 5"))
        site.start()
        with site.far_side(*site.phones("acme", ("101",))) as far:
            far.wait_registered()
            far.behave(CARRIER, farside.answer())
            call = far.call("acme101desk", "+79161112233")
            far.wait_answered(call)
            far.vanish()
            site.until(lambda: site.lines("acme")["in_use"] == 0, "the dead call has left its line", 15)
