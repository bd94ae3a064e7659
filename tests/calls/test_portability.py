"""A ported number takes the trunk that is cheapest for who has it, as the table says at that moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from harness import farside
from harness.farside import CARRIER, Carrier, FarSide, until
from harness.ports import PortBlock
from harness.recorded import steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

TENANT, FORWARDED = "+74951112233", "+79169990007"
PORTED, NETWORK, RANGED, INSIDE_RANGE, LATER, UNKNOWN = (
    "+79161112233",
    "+79162223344",
    "+79163334455",
    "+79163339999",
    "+79164445566",
    "+79165556677",
)
OTHER_HOST, OTHER_PHONES = "127.0.0.6", "127.0.0.7"
OTHER = """  other:
    auth: ip
    address: {address}
    match: [{address.host}]
    deck: decks/other.csv
    routes: {{mBeeline: "+7903", "25099": "+7903"}}
"""
HEAD = "prefix,destination,price,starts_on\n"
DECKS = {
    "main": HEAD + "7,Россия,1.00,2026-01-01\n7903,Билайн,2.00,2026-01-01\n",
    "other": HEAD + "7,Россия,1.50,2026-01-01\n7903,Билайн,1.20,2026-01-01\n",
}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
TABLE = f"""Number,OwnerId,MNC,Route,RegionCode,PortDate
{PORTED[2:]},mBeeline,99,D2599,77,2014-03-01T03:00:00+03:00
{NETWORK[2:]},mOther,99,,77,2020-01-01
{FORWARDED[2:]},mBeeline,99,D2599,77,2020-01-01
9163330000-9163339999,mBeeline,99,D2599,77,
{INSIDE_RANGE[2:]},mMTS,01,D2501,77,
{LATER[2:]},mBeeline,99,D2599,77,{TOMORROW}
"""


@pytest.fixture(scope="module")
def other_address() -> Iterator[Address]:
    with PortBlock() as block:
        yield Address(OTHER_HOST, block.port())


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, other_address: Address
) -> Iterator[Site]:
    """The examples; acme has two trunks, the second of them the cheaper one for Beeline's numbers alone."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        for name, deck in DECKS.items():
            (made.root / f"decks/{name}.csv").write_text(deck)
        more = OTHER.format(address=other_address)
        main = "\ntrunks:\n" + more + '  main:\n    deck: decks/main.csv\n    routes: {mbeeline: "+7903"}\n'
        made.edit("platform.yaml", (r"\ntrunks:\n  main:\n", main))
        made.edit(
            "tenants/acme.yaml",
            ("tariff: master", "tariff: master\ntrunks: [main, other]\ntrunk_order: least_cost"),
            (r'"\+79161234567"', f'"{FORWARDED}"'),
        )
        made.start()
        bring(made, TABLE)
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101",))) as far:
        far.wait_registered()
        yield far


@pytest.fixture(scope="module")
def other(site: Site, asterisk: Asterisk, other_address: Address) -> Iterator[FarSide]:
    carrier = Carrier(other_address, sources=(site.sip.host,))
    with FarSide(asterisk, site.root.with_name("other"), site.sip, (), carrier, OTHER_PHONES) as far:
        yield far


def bring(site: Site, table: str) -> None:
    file = site.root / "ported.csv"
    file.write_text(table)
    site.vpbx("portability", "import", str(file), "--replace")


def trunk_of(world: FarSide, other: FarSide, called: str) -> str:
    """By which operator a call of 101 leaves, while both say busy."""
    operators = {"main": world, "other": other}
    for each in operators.values():
        each.behave(CARRIER, farside.busy())
    before = {name: len(each.calls_to(CARRIER)) for name, each in operators.items()}
    world.wait_ended(world.call("acme101desk", called))

    def taken() -> list[str]:
        return [name for name, each in operators.items() if len(each.calls_to(CARRIER)) > before[name]]

    until(lambda: bool(taken()), 10, lambda: f"{called} leaves by no trunk")
    [name] = taken()
    return name


@pytest.mark.parametrize(
    ("called", "trunk"),
    [
        (PORTED, "other"),
        (NETWORK, "other"),
        (RANGED, "other"),
        (INSIDE_RANGE, "main"),
        (LATER, "main"),
        (UNKNOWN, "main"),
    ],
)
def test_a_ported_number_takes_the_trunk_that_is_cheapest_for_who_has_it_now_as_route_says(
    site: Site, world: FarSide, other: FarSide, called: str, trunk: str
) -> None:
    assert trunk_of(world, other, called) == trunk
    asked = ("route", "--tenant", "acme", "--from", "101", "--to", called)
    said = site.json(*asked, "--busy", called)["steps"]
    assert [step["id"] for step in said] == [step for step in steps_of(site, TENANT, called) if step]
    known = site.json("portability", "show", called)
    assert known["orders"][0]["order"][0]["trunk"] == trunk
    later = site.json(*asked, "--at", "2030-01-01 12:00")["steps"]
    assert ("ported to mbeeline" in str(later)) == (called in (PORTED, RANGED, LATER))


def test_what_the_tenant_pays_goes_by_the_number_as_it_is_dialled(site: Site) -> None:
    price = {
        called: site.json("route", "--tenant", "acme", "--from", "101", "--to", called)["steps"][-1][
            "price_per_minute"
        ]
        for called in (PORTED, UNKNOWN)
    }
    assert price[PORTED] == price[UNKNOWN]


def test_a_ported_number_that_a_call_is_led_to_takes_its_trunk_too(
    site: Site, world: FarSide, other: FarSide
) -> None:
    other.behave(CARRIER, farside.busy())
    before = len(other.calls_to(CARRIER))
    ended = world.wait_ended(world.call(CARRIER, "+74951112235", from_number="+79035556677"))
    assert (ended.code, other.incoming(CARRIER, after=before).number) == (486, FORWARDED)


def test_an_import_holds_from_the_next_call_on_and_a_wrong_one_changes_nothing(
    site: Site, world: FarSide, other: FarSide
) -> None:
    try:
        bring(site, TABLE.replace(PORTED[2:], UNKNOWN[2:]))
        assert (trunk_of(world, other, PORTED), trunk_of(world, other, UNKNOWN)) == ("main", "other")
        wrong = site.root / "wrong.csv"
        wrong.write_text(TABLE + "916,mBeeline,99,D2599,77,\n9161110000,mBeeline,99,D2599,77,yesterday\n")
        refused = site.run("portability", "import", str(wrong), "--replace")
        assert refused.returncode == 1 and re.findall(r"wrong\.csv:(\d+)", refused.stdout) == ["8", "9"]
        assert (trunk_of(world, other, PORTED), trunk_of(world, other, UNKNOWN)) == ("main", "other")
    finally:
        bring(site, TABLE)


@pytest.mark.parametrize("fault", ["damaged", "gone"])
def test_without_a_table_calls_go_as_if_nothing_had_been_ported_and_doctor_says_so(
    site: Site, world: FarSide, other: FarSide, fault: str
) -> None:
    table = site.root / ".vpbx/portability.sqlite3"
    try:
        site.vpbx("switch", "stop")
        for each in table.parent.glob("portability.sqlite3*"):
            each.unlink()
        if fault == "damaged":
            table.write_bytes(b"no table " * 1000)
        site.vpbx("switch", "start")
        world.wait_registered()
        assert trunk_of(world, other, PORTED) == "main"
        told = site.run("doctor", "--json").stdout
        assert re.search(r'"code": "portability", "severity": "(problem|warning)"', told)
        said = site.vpbx("route", "--tenant", "acme", "--from", "101", "--to", PORTED)
        assert "ported to" not in said
    finally:
        bring(site, TABLE)
    if fault == "damaged":
        site.vpbx("switch", "stop")
        site.vpbx("switch", "start")
        world.wait_registered()
    assert trunk_of(world, other, PORTED) == "other"
