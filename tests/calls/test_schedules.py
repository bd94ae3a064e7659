"""Calls by the hour, overflow, and what `vpbx route` says of both; the switch has a clock of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from harness import farside
from harness.clock import Clock
from harness.farside import CARRIER, Behaviour, Call, FarSide
from harness.ports import PortBlock
from harness.recorded import steps_of
from harness.sipp import Row, Sipp
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.cli.main import root as vpbx
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "schedules" / "project"
CLINIC, SHOP = "+73432223344", "+74012770001"
NIGHT_DUTY, LAST_HELP, SUMMER_HELP = "+79161234567", "+79161234568", "+79161234569"
URALS, BERLIN = ZoneInfo("Asia/Yekaterinburg"), ZoneInfo("Europe/Berlin")
CALLER = "+79035556677"
THURSDAY = datetime(2026, 11, 26, 11, 0, tzinfo=URALS)
BEGIN = datetime(2028, 1, 1, tzinfo=UTC)
REACHABLE = {"clinic": ("101", "102"), "shop": ("201", "202", "203")}
"""Whose phones are registered; the doctor on duty, 103 of the clinic, is never there."""


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """It begins later than any test goes on, for else the phones' registrations would be over.

    They last an hour: a phone that registers anew meanwhile would do so by the time of some test.
    """
    return Clock(tmp_path_factory.mktemp("clock") / "now", BEGIN)


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, clock: Clock) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("flow") / "project"
    with Site(root, asterisk, PROJECT, clock=clock) as site:
        site.edit("platform.yaml", (r"ring_timeout_s: \d+", "ring_timeout_s: 5"))
        site.edit("tenants/clinic.yaml", (r"ring_timeout_s: \d+", "ring_timeout_s: 5"))
        site.start()
        yield site


@pytest.fixture(scope="module")
def module_world(flow: Site) -> Iterator[FarSide]:
    phones = [
        replace(phone, expiration_s=3600)
        for tenant, who in REACHABLE.items()
        for phone in flow.phones(tenant, who)
    ]
    with flow.far_side(*phones) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(request: pytest.FixtureRequest, module_world: FarSide, clock: Clock) -> FarSide:
    """Everybody answers. A test that doesn't set the clock has Thursday, and the office is open."""
    if "clock" not in request.node.function.__code__.co_varnames and not clock.is_within_an_hour_of(THURSDAY):
        clock.set(THURSDAY)
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.answer())
    for number in (NIGHT_DUTY, LAST_HELP, SUMMER_HELP):
        module_world.behave(CARRIER, farside.answer(), number)
    return module_world


def apply_change(site: Site, clock: Clock, pattern: str, replacement: str) -> None:
    """Change the clinic; a switch whose clock stands before its start can't tell how long it is up."""
    clock.set(BEGIN + timedelta(minutes=5))
    site.edit("tenants/clinic.yaml", (pattern, replacement))
    site.vpbx("apply")


def charged(site: Site) -> list[dict[str, Any]]:
    return list(site.json("charges", "list", "clinic")["charges"])


def route(site: Site, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(vpbx, ["-C", str(site.root), "route", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.output)
    return told


def answered_by(world: FarSide, phone: str, called: str, number: str = "") -> Call:
    """The call as it came to whoever takes a call from outside. Args: number: called at the carrier."""
    after = len(world.calls_to(phone))
    call = world.call(CARRIER, called, from_number=CALLER)
    world.wait_answered(call)
    arrived = world.incoming(phone, after=after)
    assert not number or arrived.number == number
    world.hang_up(call)
    return arrived


@pytest.mark.parametrize(
    ("at", "taken_by"),
    [
        (datetime(2026, 11, 26, 8, 59, 58, tzinfo=URALS), "nobody"),
        (datetime(2026, 11, 26, 9, 0, 0, tzinfo=URALS), "reception"),
        (datetime(2026, 11, 26, 17, 59, 55, tzinfo=URALS), "reception"),
        (datetime(2026, 11, 26, 18, 0, 0, tzinfo=URALS), "nobody"),
        (datetime(2026, 11, 28, 14, 30, tzinfo=URALS), "nobody"),
        (datetime(2026, 11, 28, 8, 30, tzinfo=URALS), "nobody"),
        (datetime(2026, 11, 28, 23, 30, tzinfo=URALS), "night duty"),
        (datetime(2026, 11, 29, 5, 59, 55, tzinfo=URALS), "night duty"),
        (datetime(2026, 11, 30, 5, 59, 55, tzinfo=URALS), "night duty"),
        (datetime(2026, 11, 30, 6, 0, tzinfo=URALS), "nobody"),
        (datetime(2026, 12, 31, 14, 59, 55, tzinfo=URALS), "reception"),
        (datetime(2026, 12, 31, 15, 0, tzinfo=URALS), "nobody"),
        (datetime(2027, 1, 11, 12, 0, tzinfo=URALS), "nobody"),
        (datetime(2027, 2, 20, 9, 5, tzinfo=URALS), "reception"),
        (datetime(2027, 2, 22, 12, 0, tzinfo=URALS), "nobody"),
    ],
    ids=str,
)
def test_a_call_goes_where_the_hour_says(clock: Clock, world: FarSide, at: datetime, taken_by: str) -> None:
    clock.set(at)
    if taken_by == "reception":
        answered_by(world, "clinic101desk", CLINIC)
    elif taken_by == "night duty":
        answered_by(world, CARRIER, CLINIC, NIGHT_DUTY)
    else:
        assert world.wait_ended(world.call(CARRIER, CLINIC, from_number=CALLER)).code == 486


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 28, 1, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 0, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 1, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 2, 0, 1, tzinfo=UTC), False),
    ],
    ids=str,
)
def test_an_hour_that_summer_time_takes_never_opens_and_one_that_it_gives_opens_twice(
    clock: Clock, world: FarSide, at: datetime, is_open: bool
) -> None:
    clock.set(at)
    answered_by(world, "shop203desk" if is_open else CARRIER, "+74012770002")


def test_an_end_at_midnight_is_open_to_the_last_second(clock: Clock, world: FarSide) -> None:
    clock.set(datetime(2026, 11, 27, 23, 59, 50, tzinfo=BERLIN))
    answered_by(world, "shop202desk", SHOP)
    clock.set(datetime(2026, 11, 28, 0, 0, 0, tzinfo=BERLIN))
    assert world.wait_ended(world.call(CARRIER, SHOP, from_number=CALLER)).code == 486


def test_busy_goes_on_to_another_employee(flow: Site, world: FarSide) -> None:
    world.behave("clinic101desk", farside.busy())
    answered_by(world, "clinic102desk", CLINIC)
    assert steps_of(flow, CALLER, CLINIC)[-3:] == ["employees.101", "employees.101.busy", "employees.102"]


def test_no_answer_goes_on_to_a_department(flow: Site, world: FarSide) -> None:
    world.behave("clinic101desk", farside.ring())
    answered_by(world, "clinic102desk", CLINIC)
    assert steps_of(flow, CALLER, CLINIC)[-2:] == ["employees.101.no_answer", "departments.doctors"]


@pytest.mark.parametrize(
    ("behaviour", "reason"), [(farside.busy(), "cfb"), (farside.ring(), "cfnr")], ids=["busy", "no answer"]
)
def test_a_number_outside_gets_a_second_line_the_tenants_number_and_the_caller_in_diversion_with_the_reason(
    flow: Site, world: FarSide, behaviour: Behaviour, reason: str
) -> None:
    world.behave("clinic102desk", behaviour)
    after, charges = len(world.calls_to(CARRIER)), charged(flow)
    call = world.call(CARRIER, "+73432223346", from_number=CALLER)
    arrived = world.incoming(CARRIER, 20, after)
    assert (arrived.number, arrived.from_number) == (LAST_HELP, CLINIC)
    assert (arrived.diverted_by, arrived.reason) == (CALLER, reason)
    world.wait_answered(call)
    assert flow.lines("clinic")["in_use"] == 2
    world.hang_up(call)
    flow.until(lambda: flow.lines("clinic")["in_use"] == 0, "both lines are free")
    # Not the newest by its time: the switch's clock goes back and forth here.
    posted = [charge for charge in charged(flow) if charge not in charges]
    assert [(charge["to"], charge["direction"]) for charge in posted] == [(LAST_HELP, "out")]


def test_an_employee_whose_phone_is_gone_goes_on_to_a_number_outside(
    flow: Site, world: FarSide, clock: Clock
) -> None:
    clock.set(THURSDAY)
    world.rx("pjsip send unregister clinic101desk")
    registered = flow.phones("clinic", ("101",))[0].endpoint
    flow.until(lambda: registered not in flow.rx("pjsip show contacts"), "101 is gone")
    try:
        arrived = answered_by(world, CARRIER, CLINIC, NIGHT_DUTY)
    finally:
        clock.set(BEGIN + timedelta(minutes=5))
        world.rx("pjsip send register clinic101desk")
        flow.until(lambda: registered in flow.rx("pjsip show contacts"), "101 is back")
    assert (arrived.diverted_by, arrived.reason) == (CALLER, "unavailable")
    assert steps_of(flow, CALLER, CLINIC)[-2:] == [
        "employees.101.unreachable",
        "employees.101.unreachable.forward",
    ]


def test_a_call_that_is_declined_goes_where_a_busy_one_does_and_the_next_phone_is_judged_by_itself(
    flow: Site, world: FarSide, clock: Clock
) -> None:
    """The cause of the first refusal must not be taken for that of a phone that isn't there."""
    clock.set(datetime(2026, 11, 25, 11, 0, tzinfo=URALS))
    for phone in ("clinic101desk", "clinic102desk"):
        world.behave(phone, farside.reject(403))
    assert world.wait_ended(world.call(CARRIER, CLINIC, from_number=CALLER)).code == 480
    assert steps_of(flow, CALLER, CLINIC)[3:] == [
        "employees.101",
        "employees.101.busy",
        "employees.102",
        "employees.102.any",
        "employees.102.any.schedule",
        "employees.103",
        "end.unavailable",
    ]


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        (4, ["employees.101", "employees.101.busy", "employees.102"]),
        (5, ["employees.101", "employees.101.busy"]),
    ],
)
def test_a_call_that_has_been_passed_on_five_times_ends(
    flow: Site, world: FarSide, tmp_path: Path, before: int, steps: list[str]
) -> None:
    """Args: before: how often, as the operator says."""
    for phone in ("clinic101desk", "clinic102desk"):
        world.behave(phone, farside.busy())
    told = f"Diversion: <sip:{CALLER}@far.example>;reason=unconditional;counter={before}"
    with PortBlock() as ports:
        own = Address(flow.carrier.host, ports.port())
        [seen] = Sipp(
            tmp_path / "s", "uac_invite", own, flow.sip, [Row(CALLER, CLINIC)], supported=told
        ).run()
    assert seen.code != 200
    assert steps_of(flow, CALLER, CLINIC)[3:6] == steps


def test_phones_that_forward_to_each_other_end_a_call_that_overflow_would_send_round(
    flow: Site, world: FarSide
) -> None:
    """No file says that 102 forwards to 101, so `validate` can't know; a busy 101 passes on to 102."""
    world.behave("clinic101desk", farside.busy())
    world.behave("clinic102desk", farside.forward("101"))
    assert world.wait_ended(world.call(CARRIER, CLINIC, from_number=CALLER), 20).code is not None
    flow.until(lambda: flow.lines("clinic")["in_use"] == 0, "the line is free", 20)
    assert steps_of(flow, CALLER, CLINIC)[3:] == [
        "employees.101",
        "employees.101.busy",
        "employees.102",
    ] * 5 + [
        "employees.101",
        "employees.101.busy",
    ]


@dataclass(frozen=True, slots=True)
class Planned:
    """A call of the comparison. Args: shown: what the record has as who calls. options: of `route`."""

    tenant: str
    phone: str
    caller: str
    called: str
    shown: str


BATCHES = 3
_OUTCOMES: Mapping[str, Behaviour] = {
    "answered": farside.answer(),
    "busy": farside.busy(),
    "no-answer": farside.ring(),
}


def planned(batch: int) -> list[Planned]:
    inbound = [
        ("clinic", CLINIC),
        ("clinic", "+73432223345"),
        ("clinic", "+73432223346"),
        ("shop", SHOP),
        ("shop", "+74012770002"),
    ]
    inside = [
        ("clinic", "101", "102"),
        ("clinic", "102", "101"),
        ("clinic", "101", "200"),
        ("clinic", "101", "103"),
        ("shop", "201", "300"),
        ("shop", "202", "201"),
        ("shop", "203", "202"),
    ]
    calls = [
        Planned(tenant, CARRIER, f"+7903555{batch}{index:03}", number, f"+7903555{batch}{index:03}")
        for index, (tenant, number) in enumerate(inbound)
    ]
    calls += [Planned(tenant, f"{tenant}{who}desk", who, to, who) for tenant, who, to in inside]
    calls.append(Planned("shop", "shop201desk", "201", f"+7916555{batch}000", SHOP))
    calls.append(Planned("shop", "shop203desk", "203", f"+4930555{batch}000", "203"))
    return calls


def waves(routes: Sequence[tuple[Planned, list[str]]]) -> Iterator[list[tuple[Planned, list[str]]]]:
    """Calls that may be placed at once: a department passes over whom another call has."""
    shared = [any(step.startswith("departments.") for step in steps) for _, steps in routes]
    yield [each for each, alone in zip(routes, shared, strict=True) if not alone]
    for each, alone in zip(routes, shared, strict=True):
        if alone:
            yield [each]


def test_route_says_the_very_steps_that_the_switch_then_records(
    flow: Site, world: FarSide, clock: Clock
) -> None:
    """Times, phones' moods and callers by chance; what doesn't touch each other is called at once."""
    chance = random.Random(20261126)
    compared: list[tuple[str, ...]] = []
    for batch in range(BATCHES):
        day = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=chance.randrange(420))
        at = day.replace(hour=chance.randrange(24), minute=chance.randrange(1, 57))
        clock.set(at)
        told = {"--unreachable": ["103"]}
        for extension in ("101", "102", "201", "202", "203"):
            outcome = chance.choice(sorted(_OUTCOMES))
            for phone in world.phones:
                if extension in phone:
                    world.behave(phone, _OUTCOMES[outcome])
            told.setdefault(f"--{outcome}", []).append(extension)
        for number in (NIGHT_DUTY, LAST_HELP, SUMMER_HELP):
            outcome = chance.choice(("answered", "busy"))
            world.behave(CARRIER, _OUTCOMES[outcome], number)
            told.setdefault(f"--{outcome}", []).append(number)
        told.pop("--answered", None)
        routes: list[tuple[Planned, list[str]]] = []
        for each in planned(batch):
            known = {"clinic": ("101", "102", "103"), "shop": ("201", "202", "203")}[each.tenant]
            options = [
                argument
                for name, who in told.items()
                for one in who
                if one.startswith("+") or one in known
                for argument in (name, one)
            ]
            call = ("--tenant", each.tenant, "--from", each.caller, "--to", each.called)
            said = route(flow, *call, "--at", at.isoformat(), *options)
            routes.append((each, [step["id"] for step in said["steps"]]))
        for together in waves(routes):
            placed = [
                (each, steps, world.call(each.phone, each.called, from_number=each.caller, stay_s=0.2))
                for each, steps in together
            ]
            for each, steps, placed_call in placed:
                world.wait_ended(placed_call, 40)
                assert steps_of(flow, each.shown, each.called) == steps, (at, each, told)
                compared.append(tuple(steps))
    assert len(compared) >= 30
    assert len(set(compared)) >= 12


def test_a_forward_that_finds_no_line_is_told_by_route_as_the_switch_ends_it(
    flow: Site, world: FarSide, clock: Clock
) -> None:
    at = datetime(2026, 11, 28, 23, 30, tzinfo=URALS)
    apply_change(flow, clock, r"tariff: master", "tariff: master\nlines: 1")
    clock.set(at)
    try:
        assert world.wait_ended(world.call(CARRIER, CLINIC, from_number=CALLER)).code == 486
    finally:
        apply_change(flow, clock, r"lines: 1\n", "")
    steps = steps_of(flow, CALLER, CLINIC)
    said = route(
        flow,
        *("--tenant", "clinic", "--from", CALLER, "--to", CLINIC),
        *("--at", at.isoformat(), "--lines-in-use", "13"),
    )
    assert [step["id"] for step in said["steps"]] == steps
    assert (steps[-1], said["end"]["sip"]) == ("numbers.73432223344.closed.open", 486)
