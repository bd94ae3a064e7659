"""Calls placed on a real switch, and what `vpbx stats` says of them against what their callers saw."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

SALES, DIRECT, FORWARDED = "+74951112233", "+74951112234", "+74951112235"
SLOW, CONSULTING = "+74951112236", "+74951112237"
"""To 104, whose phone rings for 5 s, and to 105, who asks a colleague before they hand a call over."""
SIPP_HOST = "127.0.0.4"
FIRST, SECOND, THIRD = "+79035550001", "+79035550002", "+79035550003"
CLOSE_S = 0.35
"""How far the clock of a test may be from the switch's: it sees what has happened a little later."""


@dataclass
class Log:
    """What the callers saw. Args: waits, talks: seconds, of answered calls."""

    waits: list[float] = field(default_factory=list)
    talks: list[float] = field(default_factory=list)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("stats") / "project", asterisk) as made:
        made.edit(
            "tenants/acme.yaml",
            (
                r"name: Анна Соколова\}",
                'name: Анна Соколова, overflow: {busy: {employee: "102"}}}',
            ),
            (r"name: Михаил Волков\}", "name: Михаил Волков, ring_timeout_s: 5}"),
            (
                rf'  "\{DIRECT}": .*',
                f'  "{DIRECT}": {{employee: "101"}}\n  "{SLOW}": {{employee: "104"}}\n'
                f'  "{CONSULTING}": {{employee: "105"}}',
            ),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(
        *site.phones("acme", ("101", "102", "103", "104")), *site.phones("beta", ("101",))
    ) as far:
        far.wait_registered()
        yield far


@pytest.fixture(scope="module")
def log(site: Site, world: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Calls one after another, beside one that nobody answers all the while."""
    log = Log()
    nobody = world.call(CARRIER, SLOW, from_number="")
    _answered_by_101(world, log)
    _busy_everywhere(world)
    _given_up(world)
    _passed_on_to_102(world, log)
    _taken_by_the_department(world, log)
    _transferred(world, log)
    _forwarded_outside(world, log)
    _given_up_in_the_department(world)
    _unreachable(site, world)
    _from_a_neighbour(world, log)
    _handed_over(site, world, log, tmp_path_factory.mktemp("sipp"))
    assert world.wait_ended(nobody).code == 480
    site.until(lambda: site.lines("acme")["in_use"] == 0, "all lines are free")
    return log


def _answered_by_101(world: FarSide, log: Log) -> None:
    world.behave("acme101desk", farside.answer(ring_s=0.5))
    _talk(world, log, DIRECT, FIRST, 0.6)


def _busy_everywhere(world: FarSide) -> None:
    world.behave("acme101desk", farside.busy())
    world.behave("acme102desk", farside.busy())
    assert world.wait_ended(world.call(CARRIER, DIRECT, from_number=SECOND)).code == 486


def _given_up(world: FarSide) -> None:
    world.behave("acme101desk", farside.ring())
    rung = len(world.calls_to("acme101desk"))
    call = world.call(CARRIER, DIRECT, from_number=FIRST)
    world.incoming("acme101desk", after=rung)
    world.hang_up(call)


def _passed_on_to_102(world: FarSide, log: Log) -> None:
    world.behave("acme101desk", farside.busy(ring_s=0.2))
    world.behave("acme102desk", farside.answer(ring_s=0.2))
    _talk(world, log, DIRECT, SECOND, 0.4)


def _taken_by_the_department(world: FarSide, log: Log) -> None:
    for name in ("acme101desk", "acme102desk", "acme103desk"):
        world.behave(name, farside.ring())
    world.behave("acme103mobile", farside.answer(ring_s=0.3))
    _talk(world, log, SALES, THIRD, 0.5)


def _transferred(world: FarSide, log: Log) -> None:
    """To 102, by a phone that talked for half of the time."""
    world.behave("acme101desk", farside.answer())
    world.behave("acme102desk", farside.answer(ring_s=0.5))
    first, second = len(world.calls_to("acme101desk")), len(world.calls_to("acme102desk"))
    began = time.monotonic()
    call = world.call(CARRIER, DIRECT, from_number=THIRD)
    world.wait_answered(call)
    log.waits.append(time.monotonic() - began)
    talked = time.monotonic()
    taken = world.incoming("acme101desk", after=first)
    _stay(talked, 0.5)
    assert world.transfer(taken, "102") == "SUCCESS"
    with_101 = time.monotonic() - talked
    world.wait_answered(world.incoming("acme102desk", after=second))
    talked = time.monotonic()
    _stay(talked, 0.7)
    world.hang_up(call)
    log.talks += [with_101, time.monotonic() - talked]


def _forwarded_outside(world: FarSide, log: Log) -> None:
    world.behave(CARRIER, farside.answer(ring_s=0.2))
    _talk(world, log, FORWARDED, "", 0.3)


def _given_up_in_the_department(world: FarSide) -> None:
    world.behave("acme101desk", farside.ring())
    world.behave("acme102desk", farside.ring())
    world.behave("acme103mobile", farside.ring())
    rung = len(world.calls_to("acme103desk"))
    call = world.call(CARRIER, SALES, from_number=THIRD)
    world.incoming("acme103desk", after=rung)
    world.hang_up(call)


def _unreachable(site: Site, world: FarSide) -> None:
    """Inside calls are no inbound ones, answered or not."""
    assert world.wait_ended(world.call("acme101desk", "104")).code == 480
    assert site.json("calls", "list", "--limit", "1")["calls"][0]["direction"] == "internal"


def _from_a_neighbour(world: FarSide, log: Log) -> None:
    """By a phone of another tenant: one is answered, one given up. On the switch they are no trunk's."""
    world.behave("acme101desk", farside.answer())
    began = time.monotonic()
    call = world.call("beta101desk", DIRECT)
    world.wait_answered(call)
    talked = time.monotonic()
    log.waits.append(talked - began)
    _stay(talked, 0.3)
    world.hang_up(call)
    log.talks.append(time.monotonic() - talked)
    world.behave("acme101desk", farside.ring())
    rung = len(world.calls_to("acme101desk"))
    call = world.call("beta101desk", DIRECT)
    world.incoming("acme101desk", after=rung)
    world.hang_up(call)


def _handed_over(site: Site, world: FarSide, log: Log, directory: Path) -> None:
    """105 takes a call, asks 102 by another one, and joins the two."""
    world.behave("acme102desk", farside.answer())
    asked = len(world.calls_to("acme102desk"))
    [account] = site.phones("acme", ("105",))
    row = Row(account.endpoint, "102", secret=account.secret)
    with PortBlock() as ports:
        where = Address(SIPP_HOST, ports.port())
        assert register(directory / "r", where, site.sip, row) == 200
        with Sipp(directory / "s", "transfer_attended", where, site.sip, [row]) as sipp:
            began = time.monotonic()
            call = world.call(CARRIER, CONSULTING, from_number=FIRST)
            world.wait_answered(call)
            answered = time.monotonic()
            world.incoming("acme102desk", after=asked)
            held, consult = sipp.wait_calls(2)
    world.hang_up(call)
    ended = time.monotonic()
    assert held.answered_at is not None and consult.ended_at is not None
    with_105 = (consult.ended_at - held.answered_at).total_seconds()
    log.waits.append(answered - began)
    log.talks += [with_105, ended - answered - with_105]


def _talk(world: FarSide, log: Log, number: str, caller: str, stay_s: float) -> None:
    began = time.monotonic()
    call = world.call(CARRIER, number, from_number=caller)
    world.wait_answered(call)
    answered = time.monotonic()
    log.waits.append(answered - began)
    _stay(answered, stay_s)
    world.hang_up(call)
    log.talks.append(time.monotonic() - answered)


def _stay(since: float, length_s: float) -> None:
    """A caller who talks for a while."""
    time.sleep(max(0.0, since + length_s - time.monotonic()))


def stats(site: Site, *options: str) -> tuple[dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """Lines by name, and the total."""
    found = site.json("stats", "acme", *options)
    return {line["name"]: line for line in found["lines"]}, found["total"]


def counts(line: Mapping[str, Any]) -> tuple[int, int, int, int]:
    calls, answered, missed, abandoned = (line[name] for name in ("calls", "answered", "missed", "abandoned"))
    assert calls == answered + missed + abandoned
    return calls, answered, missed, abandoned


def test_what_callers_saw_is_what_statistics_say(site: Site, log: Log) -> None:
    _, total = stats(site, "--by", "hour")
    assert counts(total) == (12, 7, 2, 3)
    assert (total["full"], total["blocked"]) == (0, 0)
    assert abs(total["talk_s"] - sum(log.talks)) < CLOSE_S * len(log.talks)
    assert abs(total["wait_median_s"] - median_low(log.waits)) < CLOSE_S
    assert abs(total["wait_p90_s"] - max(log.waits)) < CLOSE_S
    assert (total["in_time"], total["service_level_percent"]) == (7, 58.33)
    assert (total["again"], total["again_callers"]) == (6, 4)


def test_each_employee_has_what_their_phones_did(site: Site, log: Log) -> None:
    lines, total = stats(site, "--by", "employee")
    assert {name: counts(line) for name, line in lines.items()} == {
        "101": (5, 3, 0, 2),
        "102": (2, 1, 1, 0),
        "103": (1, 1, 0, 0),
        "104": (1, 0, 1, 0),
        "105": (1, 1, 0, 0),
        "": (2, 1, 0, 1),
    }
    rung = {"101": 9, "102": 6, "103": 2, "104": 1, "105": 1, "": 0}
    assert {name: line["rung"] for name, line in lines.items()} == rung
    first, passed_on, department, with_101, with_102, outside, neighbour, with_105, handed = log.talks
    for name, talked in (
        ("101", first + with_101 + neighbour),
        ("102", passed_on + with_102 + handed),
        ("103", department),
        ("105", with_105),
        ("", outside),
    ):
        assert abs(lines[name]["talk_s"] - talked) < 2 * CLOSE_S, name
    assert sum(line["talk_s"] for line in lines.values()) == pytest.approx(total["talk_s"])


def test_each_department_and_number_has_its_calls(site: Site, log: Log) -> None:
    assert log.waits
    lines, _ = stats(site, "--by", "department")
    assert {name: counts(line) for name, line in lines.items()} == {"sales": (2, 1, 0, 1), "": (10, 6, 2, 2)}
    lines, _ = stats(site, "--by", "number")
    assert {name: counts(line) for name, line in lines.items()} == {
        SALES: (2, 1, 0, 1),
        DIRECT: (7, 4, 1, 2),
        SLOW: (1, 0, 1, 0),
        CONSULTING: (1, 1, 0, 0),
        FORWARDED: (1, 1, 0, 0),
    }


def test_the_listeners_path_leaves_the_same_rows(site: Site, world: FarSide, log: Log) -> None:
    """A call while `vpbx listen` runs has a row before any verb asks for one."""
    before = counts(stats(site)[1])[1]
    site.listen()
    try:
        world.behave("acme101desk", farside.answer())
        _talk(world, log, DIRECT, FIRST, 0.2)
        site.until(
            lambda: counts(stats(site, "--no-reconcile")[1])[1] == before + 1,
            "the listener has stored the call",
        )
    finally:
        site.stop_listener()
