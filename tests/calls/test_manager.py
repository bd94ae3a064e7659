"""Personal manager: who last spoke with a caller rings first, and is remembered by the switch."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.recorded import steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.kept_state import database_file, forget
from orchestrator.project import Project

pytestmark = pytest.mark.switch

DIRECT, CALLER, CLIENT = "+74951112234", "+79035556677", "+79161112233"
_TARGET = '{manager: 5, reserve: {employee: "101"}}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; callers of a number first ring their manager."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit("tenants/acme.yaml", (rf'"\{DIRECT}": .*', f'"{DIRECT}": {_TARGET}'))
        made.start()
        yield made


@pytest.fixture(scope="module")
def module_world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(site: Site, module_world: FarSide) -> FarSide:
    """Nobody has spoken with anybody. Everybody answers."""
    site.rx("database deltree vpbx-manager")
    for phone in (*module_world.phones, CARRIER):
        module_world.behave(phone, farside.answer())
    return module_world


def answers(world: FarSide, caller: str, phone: str) -> None:
    """A call of a caller is answered by this phone."""
    before = len(world.calls_to(phone))
    call = world.call(CARRIER, DIRECT, from_number=caller)
    world.wait_answered(call)
    world.hang_up(call)
    assert len(world.calls_to(phone)) == before + 1, f"{phone} didn't ring"


def told(site: Site, caller: str, *more: str) -> list[str]:
    said = site.json("route", "--tenant", "acme", "--from", caller, "--to", DIRECT, *more)
    return [step["id"] for step in said["steps"]]


def test_who_last_spoke_with_a_caller_rings_first_and_the_reserve_after(site: Site, world: FarSide) -> None:
    answers(world, CALLER, "acme101desk")
    assert steps_of(site, CALLER, DIRECT) == told(site, CALLER)
    call = world.call("acme102desk", CALLER)
    world.wait_answered(call)
    world.hang_up(call)
    answers(world, CALLER, "acme102desk")
    assert (
        steps_of(site, CALLER, DIRECT)
        == told(site, CALLER, "--live")
        == told(site, CALLER, "--manager", "102")
    )
    world.behave("acme102desk", farside.busy())
    answers(world, CALLER, "acme101desk")
    assert steps_of(site, CALLER, DIRECT) == told(site, CALLER, "--manager", "102", "--busy", "102")
    world.behave("acme102desk", farside.answer())
    answers(world, CALLER, "acme101desk")
    answers(world, CLIENT, "acme101desk")


def test_a_caller_without_a_number_has_no_manager(site: Site, world: FarSide) -> None:
    for _ in range(2):
        answers(world, "anonymous", "acme101desk")
    assert "vpbx-manager" not in site.rx("database show vpbx-manager")


def test_whoever_spoke_too_long_ago_or_is_gone_leaves_it_to_the_reserve(site: Site, world: FarSide) -> None:
    long_ago = int(time.time()) - 91 * 86400
    site.rx(f"database put vpbx-manager/acme {CALLER} 102:{long_ago}")
    answers(world, CALLER, "acme101desk")
    site.rx(f"database put vpbx-manager/acme {CALLER} 199:{int(time.time())}")
    answers(world, CALLER, "acme101desk")


def test_a_purge_takes_it_from_a_running_switch(site: Site, world: FarSide) -> None:
    answers(world, CALLER, "acme101desk")
    assert CALLER in site.rx("database show vpbx-manager")
    assert forget(database_file(Project(site.root).switch(site.node)), "acme") >= 1
    assert CALLER not in site.rx("database show vpbx-manager")


def test_it_is_remembered_through_a_restart(site: Site, world: FarSide) -> None:
    call = world.call("acme103desk", CLIENT)
    world.wait_answered(call)
    world.hang_up(call)
    site.vpbx("switch", "stop")
    site.vpbx("switch", "start")
    world.wait_registered()
    answers(world, CLIENT, "acme103desk")
