"""Caller lists: who calls decides where the call goes, and who is refused before a line is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.recorded import steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

DIRECT = "+74951112234"
_LISTS = """caller_lists:
  vip: {numbers: ["+79035556677", "+7812*"]}
  spam: {numbers: ["+79039990000", "+4930*"]}
  hidden: {anonymous: true}
block: [spam, hidden]

numbers:"""
_TARGET = '{caller_list: vip, listed: {employee: "102"}, others: {employee: "101"}}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; acme knows its callers."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit("tenants/acme.yaml", ("numbers:", _LISTS), (rf'"\{DIRECT}": .*', f'"{DIRECT}": {_TARGET}'))
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    """101 is busy, 102 refuses: who rang is told by the code."""
    with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
        far.wait_registered()
        far.behave("acme101desk", farside.busy())
        far.behave("acme102desk", farside.busy())
        yield far


def rung(world: FarSide, caller: str) -> list[str]:
    """Whose phones a call to the number rings, and the code that the caller is given."""
    phones = ("acme101desk", "acme102desk")
    before = {phone: len(world.calls_to(phone)) for phone in phones}
    ended = world.wait_ended(world.call(CARRIER, DIRECT, from_number=caller))
    return [phone for phone in phones if len(world.calls_to(phone)) > before[phone]] + [str(ended.code)]


@pytest.mark.parametrize(
    ("caller", "shown", "expected"),
    [
        ("+79035556677", "+79035556677", ["acme102desk", "486"]),
        ("89035556677", "+79035556677", ["acme102desk", "486"]),
        ("9035556677", "+79035556677", ["acme102desk", "486"]),
        ("+78121234567", "+78121234567", ["acme102desk", "486"]),
        ("+79035556678", "+79035556678", ["acme101desk", "486"]),
        ("+79039990000", "+79039990000", ["403"]),
        ("+493012345678", "+493012345678", ["403"]),
        ("anonymous", "", ["403"]),
    ],
)
def test_who_calls_decides_where_the_call_goes_as_route_says(
    site: Site, world: FarSide, caller: str, shown: str, expected: list[str]
) -> None:
    assert rung(world, caller) == expected
    busy = ("--busy", "101", "--busy", "102")
    said = site.json("route", "--tenant", "acme", "--from", caller, "--to", DIRECT, *busy)
    assert [step["id"] for step in said["steps"]] == steps_of(site, shown, DIRECT)
    assert said["end"]["sip"] == int(expected[-1])


def test_who_is_refused_holds_no_line_and_stands_in_the_history(site: Site, world: FarSide) -> None:
    refused = site.lines("acme")["refused"]
    assert rung(world, "+79039990000") == ["403"]
    assert site.lines("acme") == {"limit": 14, "in_use": 0, "refused": refused}
    leg = site.json("calls", "list", "acme")["calls"][0]
    assert (leg["direction"], leg["from"], leg["decision"]) == ("in", "+79039990000", "blocked")


def test_a_refused_caller_is_refused_as_such_while_every_line_is_taken(site: Site, world: FarSide) -> None:
    site.edit("tenants/acme.yaml", ("tariff: master", "tariff: master\nlines: 1"))
    site.vpbx("apply")
    world.behave("acme102desk", farside.answer())
    held = world.call(CARRIER, DIRECT, from_number="+79035556677")
    world.wait_answered(held)
    assert rung(world, "+79039990000") == ["403"]
    assert rung(world, "+79035556678") == ["486"]
    world.hang_up(held)
