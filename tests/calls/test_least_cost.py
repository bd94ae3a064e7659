"""The cheapest trunk first, by what operators ask for the number called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import farside
from harness.farside import CARRIER, Carrier, FarSide
from harness.ports import PortBlock
from harness.recorded import steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

TENANT, MOBILE, MOSCOW, ABROAD = "+74951112233", "+79161112233", "+74957654321", "+14155550100"
OTHER_HOST, OTHER_PHONES = "127.0.0.6", "127.0.0.7"
OTHER = (
    "  other:\n    auth: ip\n    address: {address}\n    match: [{address.host}]\n    deck: decks/other.csv\n"
)
HEAD = "prefix,destination,price,starts_on\n"
DECKS = {
    "main": HEAD + "7,Россия,1.00,2026-01-01\n79,Мобильные,2.00,2026-01-01\n",
    "other": HEAD + "7,Россия,1.50,2026-01-01\n7916,Мобильные,1.20,2026-01-01\n",
}


@pytest.fixture(scope="module")
def other_address() -> Iterator[Address]:
    with PortBlock() as block:
        yield Address(OTHER_HOST, block.port())


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, other_address: Address
) -> Iterator[Site]:
    """The examples; acme has two trunks, each with what its operator asks."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        for name, deck in DECKS.items():
            (made.root / f"decks/{name}.csv").write_text(deck)
        more = OTHER.format(address=other_address)
        main = f"\ntrunks:\n{more}  main:\n    deck: decks/main.csv\n"
        made.edit("platform.yaml", (r"\ntrunks:\n  main:\n", main))
        made.edit(
            "tenants/acme.yaml",
            ("tariff: master", "tariff: master\ntrunks: [main, other]\ntrunk_order: least_cost"),
            (r"allow: \[local, national, mobile\]", "allow: [local, national, mobile, international]"),
            (r'"\+79161234567"', f'"{MOBILE}"'),
        )
        made.start()
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


def assert_carried(world: FarSide, other: FarSide, called: str, by: list[str]) -> None:
    """A call of 101 reaches these operators and no other."""
    operators = {"main": world, "other": other}
    before = {name: len(each.calls_to(CARRIER)) for name, each in operators.items()}
    world.wait_ended(world.call("acme101desk", called))
    for name in by:
        operators[name].incoming(CARRIER, after=before[name])
    for name in set(operators) - set(by):
        assert len(operators[name].calls_to(CARRIER)) == before[name]


@pytest.mark.parametrize(
    ("to", "order"),
    [(MOBILE, ["other", "main"]), ("+79031112233", ["other", "main"]), (MOSCOW, ["main", "other"])],
)
def test_a_call_takes_the_cheapest_trunk_and_the_next_when_that_is_at_fault_as_route_says(
    site: Site, world: FarSide, other: FarSide, to: str, order: list[str]
) -> None:
    operators = {"main": world, "other": other}
    operators[order[0]].behave(CARRIER, farside.busy())
    assert_carried(world, other, to, order[:1])
    operators[order[0]].behave(CARRIER, farside.reject(503))
    operators[order[1]].behave(CARRIER, farside.busy())
    assert_carried(world, other, to, order)
    said = site.json(
        "route", "--tenant", "acme", "--from", "101", "--to", to, "--dead", order[0], "--busy", to
    )["steps"]
    assert [step["id"] for step in said] == [step for step in steps_of(site, TENANT, to) if step]
    chosen = next(step for step in said if step["kind"] == "choose_trunk")
    assert [
        part.split()[0] for part in chosen["decided"].removeprefix("cheapest first: ").split(", ")
    ] == order


def test_a_number_that_nobody_has_a_price_for_goes_by_the_trunks_names(
    site: Site, world: FarSide, other: FarSide
) -> None:
    world.behave(CARRIER, farside.busy())
    assert_carried(world, other, ABROAD, ["main"])


def test_a_number_that_leads_outside_takes_the_cheapest_trunk(
    site: Site, world: FarSide, other: FarSide
) -> None:
    other.behave(CARRIER, farside.busy())
    before = len(other.calls_to(CARRIER))
    ended = world.wait_ended(world.call(CARRIER, "+74951112235", from_number="+79035556677"))
    assert (ended.code, other.incoming(CARRIER, after=before).number) == (486, MOBILE)
