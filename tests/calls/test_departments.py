"""Departments: who rings, when and in which order, by what phones heard and by the attempts in the record."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside
from harness.farside import CARRIER, Call, FarSide
from harness.recorded import events
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "departments" / "project"
EVERYBODY, RECEPTION, SALES, SERVICE = "+74951230001", "+74951230002", "+74951230003", "+74951230004"
PHONES = ("office101desk", "office102desk", "office103desk", "office103mobile", "office104desk")
_numbers = itertools.count(79035550001)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("office") / "project", asterisk, PROJECT) as site:
        site.start()
        yield site


@pytest.fixture(scope="module")
def module_world(office: Site) -> Iterator[FarSide]:
    with office.far_side(*office.phones("office")) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(office: Site, module_world: FarSide) -> FarSide:
    """Everybody rings for ever until told otherwise; nobody has a call, or has had one."""
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.ring())
    wait_idle(office)
    for family in ("vpbx-idle", "vpbx-wrap-up", "vpbx-out"):
        office.rx(f"database deltree {family}")
    return module_world


def wait_idle(site: Site) -> None:
    """Wait until every phone is idle, for the switch too."""
    site.until(
        lambda: (
            site.rx("core show hints").count("State:Idle") == 4
            and site.rx("core show channels count").startswith("0 active channels")
        ),
        "all phones are idle",
    )


def call_in(world: FarSide, number: str, stay_s: float = 0.0) -> Call:
    """A call from outside, by a number that nobody else calls from."""
    return world.call(CARRIER, number, from_number=f"+{next(_numbers)}", stay_s=stay_s)


def attempts(site: Site, call: Call) -> list[tuple[str, float]]:
    """Who was rung by a call from outside, and how many seconds after its beginning."""
    found = [e for e in events(site) if e.facts.get("from") == call.from_number and e.kind == "vpbx.leg"]
    if not found:
        return []
    [begun] = found
    return [
        (e.facts["employee"], (e.at - begun.at).total_seconds())
        for e in events(site)
        if e.linkedid == begun.linkedid and e.kind == "vpbx.attempt"
    ]


def rung(site: Site, call: Call) -> list[str]:
    return [employee for employee, _ in attempts(site, call)]


def test_in_order_rings_one_after_another_and_shows_the_caller(office: Site, world: FarSide) -> None:
    world.behave("office102desk", farside.answer(ring_s=0.2))
    before = {name: len(world.calls_to(name)) for name in PHONES}
    call = call_in(world, RECEPTION)
    first = world.incoming("office101desk", after=before["office101desk"])
    world.wait_answered(call)
    assert world.has_ended(first)
    assert first.from_number == call.from_number
    assert world.incoming("office102desk", after=before["office102desk"]).from_number == call.from_number
    world.hang_up(call)
    assert rung(office, call) == ["101", "102"]
    assert len(world.calls_to("office103desk")) == before["office103desk"]


def test_in_order_passes_over_who_is_busy_or_declines_and_then_over_all_to_the_overflow(
    office: Site, world: FarSide
) -> None:
    world.behave(CARRIER, farside.answer())
    talking = world.call("office101desk", "+79161112233")
    world.wait_answered(talking)
    office.until(lambda: "State:InUse" in office.rx("core show hints"), "101 is busy")
    world.behave("office102desk", farside.busy())
    world.behave("office104desk", farside.answer())
    call = call_in(world, RECEPTION)
    world.wait_answered(call)
    world.hang_up(call)
    world.hang_up(talking)
    seen = attempts(office, call)
    assert [employee for employee, _ in seen[:2]] == ["102", "103"]
    assert {employee for employee, _ in seen[2:]} == {"103"}


def test_all_rings_everybody_at_once_but_who_has_a_delay(office: Site, world: FarSide) -> None:
    world.behave("office103mobile", farside.answer(ring_s=0.2))
    before = {name: len(world.calls_to(name)) for name in PHONES}
    call = call_in(world, EVERYBODY)
    world.wait_answered(call)
    for name in PHONES[:4]:
        assert world.incoming(name, after=before[name]).from_number == call.from_number
    world.hang_up(call)
    [first, second, third] = attempts(office, call)
    assert (first[0], second[0], third[0]) == ("101", "102", "103")
    assert second[1] < 0.5
    assert 1.9 < third[1] < 2.6


def test_cascade_adds_one_more_each_step_and_those_before_go_on_ringing(office: Site, world: FarSide) -> None:
    world.behave("office103desk", farside.answer(ring_s=0.2))
    after = len(world.calls_to("office101desk"))
    call = call_in(world, SERVICE)
    world.incoming("office101desk", after=after)
    world.wait_answered(call)
    assert [len(world.calls_to("office101desk")), world.has_ended(call)] == [after + 1, False]
    world.hang_up(call)
    seen = attempts(office, call)
    assert [employee for employee, _ in seen] == ["101", "102", "103"]
    assert 1.8 < seen[1][1] - seen[0][1] < 2.6
    assert 1.8 < seen[2][1] - seen[1][1] < 2.6


@pytest.mark.parametrize("number", [RECEPTION, SALES, SERVICE])
def test_calls_at_once_ring_different_members_and_none_is_refused(
    office: Site, world: FarSide, number: str
) -> None:
    for name in PHONES:
        world.behave(name, farside.answer(ring_s=0.5))
    calls = [call_in(world, number) for _ in range(3)]
    for call in calls:
        world.wait_answered(call)
    first = [rung(office, call)[0] for call in calls]
    assert sorted(first) == ["101", "102", "103"]
    refused = call_in(world, number)
    assert world.wait_ended(refused).code == 486
    for call in calls:
        world.hang_up(call)


def test_cascade_of_two_calls_at_once_uses_everybody_before_anybody_waits(
    office: Site, world: FarSide
) -> None:
    """Who joins later gives way to the other call, and takes whoever is left."""
    calls = [call_in(world, SERVICE) for _ in range(2)]
    office.until(lambda: sum(len(rung(office, call)) for call in calls) == 3, "three have rung", 5)
    both = [rung(office, call) for call in calls]
    assert sorted(both[0] + both[1]) == ["101", "102", "103"]
    assert {both[0][0], both[1][0]} == {"101", "102"}
    for call in calls:
        world.hang_up(call)


def answered(office: Site, world: FarSide, number: str) -> str:
    """Who takes a call that is hung up at once."""
    call = call_in(world, number)
    world.wait_answered(call)
    world.hang_up(call)
    wait_idle(office)
    return rung(office, call)[-1]


def test_evenly_rings_who_is_idle_longest_after_a_killed_switch_too(office: Site, world: FarSide) -> None:
    for name in PHONES:
        world.behave(name, farside.answer())
    first = [answered(office, world, SALES) for _ in range(3)]
    assert first == ["103", "101", "102"]
    office.until(lambda: wrapped_up(office), "everybody is free again", 5)
    assert answered(office, world, RECEPTION) == "101"
    time.sleep(1.1)  # the switch writes its database once a second
    office.kill_switch()
    office.vpbx("switch", "start")
    world.wait_registered()
    office.until(lambda: office.rx("core show hints").count("State:Idle") == 4, "phones are known", 20)
    assert [answered(office, world, SALES) for _ in range(3)] == ["103", "102", "101"]


def wrapped_up(office: Site) -> bool:
    until = re.findall(r"vpbx-wrap-up/office/\d+\s*: (\d+)", office.rx("database show vpbx-wrap-up"))
    return all(int(each) < time.time() for each in until)


def test_who_has_wrap_up_time_is_passed_over(office: Site, world: FarSide) -> None:
    for name in PHONES:
        world.behave(name, farside.answer())
    office.rx(f"database put vpbx-wrap-up/office 101 {int(time.time()) + 60}")
    assert answered(office, world, RECEPTION) == "102"
    assert answered(office, world, SALES) == "103"
    shown = office.rx("database show vpbx-wrap-up/office")
    [until] = re.findall(r"/103\s*: (\d+)", shown)
    assert 0 <= int(until) - time.time() + 1 <= 2


def test_who_is_logged_out_is_passed_over_until_he_logs_in(office: Site, world: FarSide) -> None:
    for name in PHONES:
        world.behave(name, farside.answer())
    world.wait_ended(world.call("office101desk", "*46"))
    wait_idle(office)
    assert answered(office, world, RECEPTION) == "102"
    before = len(world.calls_to("office101desk"))
    call = call_in(world, EVERYBODY)
    world.wait_answered(call)
    world.hang_up(call)
    assert len(world.calls_to("office101desk")) == before
    world.wait_ended(world.call("office101desk", "*45"))
    wait_idle(office)
    assert answered(office, world, RECEPTION) == "101"


def test_who_is_not_to_be_disturbed_is_passed_over(office: Site, world: FarSide) -> None:
    for name in PHONES:
        world.behave(name, farside.answer())
    office.vpbx("employee", "set", "office", "101", "--dnd", "on")
    before = {name: len(world.calls_to(name)) for name in ("office101desk", "office102desk")}
    call = call_in(world, RECEPTION)
    world.wait_answered(call)
    world.hang_up(call)
    assert {name: len(world.calls_to(name)) - count for name, count in before.items()} == {
        "office101desk": 0,
        "office102desk": 1,
    }
    for extension in ("102", "103", "104"):
        office.vpbx("employee", "set", "office", extension, "--dnd", "on")
    # Nobody is there, which isn't as when everybody is busy: there is nobody to wait for.
    assert world.wait_ended(call_in(world, EVERYBODY)).code == 480
    for extension in ("101", "102", "103", "104"):
        office.vpbx("employee", "set", "office", extension, "--dnd", "off")
    wait_idle(office)
    assert answered(office, world, RECEPTION) == "101"


def test_nobody_registered_and_everybody_busy_end_as_a_ringing_would(office: Site, world: FarSide) -> None:
    for name in PHONES:
        world.behave(name, farside.busy())
    for number in (EVERYBODY, RECEPTION, SALES, SERVICE):
        assert world.wait_ended(call_in(world, number)).code == 486
