"""Calls that take two lines, and what happens to each of them at the limit. Rule: decisions 1 and 2.

A call that is forwarded or transferred to an outside number needs a line of its own for its way out. When
there is none, that way is refused with 486 like any other call; nothing of it is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside
from harness.farside import CARRIER, Call, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

LIMIT = 14
DIRECT, FORWARDED, FORWARD_TO, OTHER_TENANT = "+74951112234", "+74951112235", "+79161234567", "+73432223344"
CALLER, MOBILE = "+79035556677", "+79161112233"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def module_world(site: Site) -> Iterator[FarSide]:
    phones = site.phones("acme", ("101", "102")) + site.phones("beta", ("101",))
    with site.far_side(*phones) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(site: Site, module_world: FarSide) -> Iterator[FarSide]:
    """Everybody answers; when a test is over, every line has become free."""
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.answer())
    yield module_world
    site.until(lambda: site.lines("acme")["in_use"] == 0, "every line is free")
    assert "lines" not in site.rx("group show channels")


class Holding:
    """Calls of a phone that hold lines for the length of a block."""

    def __init__(self, site: Site, world: FarSide, count: int) -> None:
        self._site, self._world, self._count = site, world, count
        self._calls: list[Call] = []

    def __enter__(self) -> Holding:
        self._calls = [self._world.call("acme102desk", MOBILE) for _ in range(self._count)]
        for call in self._calls:
            self._world.wait_answered(call)
        assert self._site.lines("acme")["in_use"] == self._count
        return self

    def __exit__(self, *_: object) -> None:
        for call in self._calls:
            self._world.hang_up(call)


def arrived_from(world: FarSide, number: str) -> int:
    """How many calls to an outside number the carrier has had."""
    return sum(call.number == number for call in world.calls_to(CARRIER))


def send_outside(world: FarSide, after: int) -> None:
    """The phone of 101 transfers its newest call to an outside number, without asking there first."""
    call = world.incoming("acme101desk", after=after)
    world.wait_answered(call)
    world.transfer(call, FORWARD_TO)


def test_a_forwarded_call_takes_two_lines_and_frees_both(site: Site, world: FarSide) -> None:
    with Holding(site, world, LIMIT - 2):
        call = world.call(CARRIER, FORWARDED, from_number=CALLER)
        world.wait_answered(call)
        assert site.lines("acme")["in_use"] == LIMIT
        world.hang_up(call)
        site.until(lambda: site.lines("acme")["in_use"] == LIMIT - 2, "both are free")


def test_with_one_line_left_a_forwarded_call_is_refused_with_486_and_leaves_none(
    site: Site, world: FarSide
) -> None:
    refused, reached = site.lines("acme")["refused"], arrived_from(world, FORWARD_TO)
    with Holding(site, world, LIMIT - 1):
        ended = world.wait_ended(world.call(CARRIER, FORWARDED, from_number=CALLER))
        assert ended.code == 486
        assert site.lines("acme") == {"limit": LIMIT, "in_use": LIMIT - 1, "refused": refused + 1}
        call = world.call(CARRIER, DIRECT, from_number=CALLER)
        world.wait_answered(call)
        world.hang_up(call)
    assert arrived_from(world, FORWARD_TO) == reached


def test_with_no_line_left_calls_in_and_out_and_forwarded_ones_are_refused_with_486(
    site: Site, world: FarSide
) -> None:
    refused, reached = site.lines("acme")["refused"], len(world.calls_to(CARRIER)) + LIMIT
    with Holding(site, world, LIMIT):
        for phone, number in ((CARRIER, DIRECT), (CARRIER, FORWARDED), ("acme101desk", MOBILE)):
            assert world.wait_ended(world.call(phone, number)).code == 486
        assert site.lines("acme") == {"limit": LIMIT, "in_use": LIMIT, "refused": refused + 3}
    assert len(world.calls_to(CARRIER)) == reached


def test_with_no_line_left_extensions_still_call_each_other(site: Site, world: FarSide) -> None:
    with Holding(site, world, LIMIT):
        call = world.call("acme101desk", "102")
        world.wait_answered(call)
        world.hang_up(call)
        assert site.lines("acme")["in_use"] == LIMIT


def test_with_no_line_left_a_blind_transfer_outside_ends_the_call_and_frees_its_line(
    site: Site, world: FarSide
) -> None:
    refused, after = site.lines("acme")["refused"], len(world.calls_to("acme101desk"))
    with Holding(site, world, LIMIT - 1):
        call = world.call(CARRIER, DIRECT, from_number=CALLER)
        world.wait_answered(call)
        reached = len(world.calls_to(CARRIER))
        send_outside(world, after)
        world.wait_ended(call)
        site.until(lambda: site.lines("acme")["in_use"] == LIMIT - 1, "its line is free")
        assert site.lines("acme")["refused"] == refused + 1
        assert len(world.calls_to(CARRIER)) == reached


def test_with_one_line_left_a_blind_transfer_outside_takes_it(site: Site, world: FarSide) -> None:
    after = len(world.calls_to("acme101desk"))
    with Holding(site, world, LIMIT - 2):
        call = world.call(CARRIER, DIRECT, from_number=CALLER)
        world.wait_answered(call)
        reached = len(world.calls_to(CARRIER))
        send_outside(world, after)
        world.wait_answered(world.incoming(CARRIER, after=reached))
        site.until(lambda: site.lines("acme")["in_use"] == LIMIT, "two lines are held")
        world.hang_up(call)


@pytest.mark.parametrize(("others", "joined"), [(LIMIT - 2, True), (LIMIT - 1, False)])
def test_an_attended_transfer_outside_takes_a_second_line_or_is_refused_before_it_begins(
    site: Site, world: FarSide, tmp_path: Path, others: int, joined: bool
) -> None:
    [account] = site.phones("acme", ("103",))[:1]
    row = Row(account.endpoint, FORWARD_TO, secret=account.secret, first=MOBILE)
    refused = site.lines("acme")["refused"]
    with PortBlock() as ports, Holding(site, world, others):
        own = Address("127.0.0.5", ports.port())
        before = len(world.calls_to(CARRIER))
        with Sipp(tmp_path / "sipp", "transfer_attended_caller", own, site.sip, [row]) as sipp:
            sipp.wait_calls(2 if joined else 1)
            if joined:
                site.until(lambda: site.lines("acme")["in_use"] == LIMIT, "two lines are held")
        first = world.incoming(CARRIER, after=before)
        assert len(world.calls_to(CARRIER)) == before + 1 + joined
        assert site.lines("acme")["refused"] == refused + (not joined)
        if not world.has_ended(first):
            world.hang_up(first)
        site.until(lambda: site.lines("acme")["in_use"] == others, "its lines are free")


def test_a_call_to_another_tenant_takes_a_line_of_each(site: Site, world: FarSide) -> None:
    call = world.call("acme101desk", OTHER_TENANT)
    world.wait_answered(call)
    assert (site.lines("acme")["in_use"], site.lines("beta")["in_use"]) == (1, 1)
    world.hang_up(call)
    site.until(lambda: site.lines("beta")["in_use"] == 0, "the other tenant's line is free")


def test_with_no_line_left_a_call_to_another_tenant_is_refused_and_takes_none_of_its_lines(
    site: Site, world: FarSide
) -> None:
    rung = len(world.calls_to("beta101desk"))
    with Holding(site, world, LIMIT):
        assert world.wait_ended(world.call("acme101desk", OTHER_TENANT)).code == 486
        assert site.lines("beta")["in_use"] == 0
    assert len(world.calls_to("beta101desk")) == rung


def test_a_call_that_is_never_answered_holds_its_line_only_while_it_rings(site: Site, world: FarSide) -> None:
    world.behave("acme101desk", farside.ring())
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    site.until(lambda: site.lines("acme")["in_use"] == 1, "the ringing call holds a line")
    world.hang_up(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "its line is free")
