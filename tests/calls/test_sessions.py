"""Calls that end otherwise than by answer and hangup: given up, unanswered, refused, or gone silent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

SALES, DIRECT = "+74951112233", "+74951112234"
CALLER, MOBILE, DISTANT = "+79035556677", "+79161112233", "+79164445566"
SIPP_HOST = "127.0.0.6"
SHORTEST_SESSION_S = 90
"""RFC 4028, 4: nothing shorter may be asked for."""
RING_S = 5
TIMER_B_S = 32
"""For so long a request is sent again that nobody answers: on a busy machine a packet may be lost."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """Silence ends no call here, so that only session timers can; 101 rings for a short time."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk) as made:
        made.edit("platform.yaml", (r" rtp_timeout_s: \d+", " rtp_timeout_s: 600"))
        made.edit("tenants/acme.yaml", (r"(?<=name: Анна Соколова)", f", ring_timeout_s: {RING_S}"))
        made.start()
        yield made


@pytest.fixture(scope="module")
def module_world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
        far.wait_registered()
        far.behave(CARRIER, farside.answer(), number=DISTANT)
        yield far


@pytest.fixture(scope="module")
def sessions(
    site: Site, module_world: FarSide, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Sipp]]:
    """Two calls of beta's phones, up while the other tests run, by who has to refresh the session."""
    work = tmp_path_factory.mktemp("sessions")
    with PortBlock() as ports:
        running = {}
        for account, refresher in zip(site.phones("beta"), ("uas", "uac"), strict=True):
            running[refresher] = Sipp(
                work / refresher,
                "uac_invite",
                Address(SIPP_HOST, ports.port()),
                site.sip,
                [Row(account.endpoint, DISTANT, secret=account.secret)],
                talk_ms=SHORTEST_SESSION_S * 1000,
                supported="Supported: timer\n"
                f"      Session-Expires: {SHORTEST_SESSION_S};refresher={refresher}\n"
                f"      Min-SE: {SHORTEST_SESSION_S}",
            )
            running[refresher].start()
        site.until(lambda: all(s.codes()[200] for s in running.values()), "both are answered")
        yield running
        for sipp in running.values():
            sipp.stop()


@pytest.fixture
def world(module_world: FarSide, sessions: dict[str, Sipp]) -> FarSide:
    """Everybody rings for ever until told otherwise."""
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.ring())
    return module_world


def unanswered(site: Site) -> dict[str, Any]:
    """The newest leg of acme, which was never answered; nothing is left of it and nothing was charged."""
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")
    assert site.json("charges", "list", "acme")["charges"] == []
    leg: dict[str, Any] = site.json("calls", "list", "acme", "--limit", "1")["calls"][0]
    assert (leg["answered_at"], leg["ended_at"] is None) == (None, False)
    return leg


def test_a_caller_who_gives_up_stops_the_ringing_and_is_charged_nothing(site: Site, world: FarSide) -> None:
    after = len(world.calls_to("acme101desk"))
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    ringing = world.incoming("acme101desk", after=after)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    world.wait_ended(ringing)
    assert unanswered(site)["direction"] == "in"


def test_a_phone_that_cancels_its_call_out_is_charged_nothing(site: Site, world: FarSide) -> None:
    after = len(world.calls_to(CARRIER))
    call = world.call("acme101desk", MOBILE)
    ringing = world.incoming(CARRIER, after=after)
    assert site.lines("acme")["in_use"] == 1
    world.hang_up(call)
    world.wait_ended(ringing)
    assert unanswered(site)["direction"] == "out"


def test_a_call_that_rings_too_long_is_told_480_and_the_phone_falls_silent(
    site: Site, world: FarSide
) -> None:
    after = len(world.calls_to("acme101desk"))
    call = world.call(CARRIER, DIRECT, from_number=CALLER)
    ringing = world.incoming("acme101desk", after=after)
    assert world.wait_ended(call, RING_S + 5).code == 480
    world.wait_ended(ringing, TIMER_B_S + 5)
    assert unanswered(site)["direction"] == "in"


def test_a_department_that_is_busy_everywhere_is_told_486(site: Site, world: FarSide) -> None:
    for name in world.phones:
        world.behave(name, farside.busy())
    assert world.wait_ended(world.call(CARRIER, SALES, from_number=CALLER)).code == 486
    unanswered(site)


def test_ten_calls_given_up_at_once_leave_no_line_taken(site: Site, world: FarSide) -> None:
    after = len(world.calls_to(CARRIER))
    calls = [world.call("acme101desk", MOBILE) for _ in range(5)]
    calls += [world.call(CARRIER, SALES, from_number=CALLER) for _ in range(5)]
    world.incoming(CARRIER, after=after + 4)
    site.until(lambda: site.lines("acme")["in_use"] == 10, "all ten are under way")
    for call in calls:
        world.give_up(call)
    for call in calls:
        world.wait_ended(call)
    unanswered(site)
    site.until(lambda: "acme" not in site.rx("group show channels"), "no channel holds a line")


def test_calls_given_up_before_anything_rings_leave_no_line_taken(site: Site, world: FarSide) -> None:
    calls = [world.call(CARRIER, SALES, from_number=CALLER) for _ in range(10)]
    for call in calls:
        world.give_up(call)
    for call in calls:
        world.wait_ended(call)
    unanswered(site)


def test_a_phone_that_unregisters_while_it_rings_can_still_answer_and_is_not_rung_again(
    site: Site, world: FarSide
) -> None:
    world.behave("acme102desk", farside.answer(ring_s=2))
    after = len(world.calls_to("acme102desk"))
    call = world.call("acme101desk", "102")
    world.incoming("acme102desk", after=after)
    [account] = site.phones("acme", ("102",))
    world.rx("pjsip send unregister acme102desk")
    site.until(lambda: account.endpoint not in site.rx("pjsip show contacts"), "it is unregistered")
    world.wait_answered(call)
    world.hang_up(call)
    assert world.wait_ended(world.call("acme101desk", "102")).code == 480
    world.rx("pjsip send register acme102desk")
    world.wait_registered()
    world.wait_answered(world.call("acme101desk", "102"))


def test_the_switch_refreshes_a_session_that_is_its_to_refresh(site: Site, sessions: dict[str, Sipp]) -> None:
    """Half of the session's time after its answer. RFC 4028, 10."""

    def refreshes() -> list[str]:
        [call] = sessions["uas"].calls()
        return [
            m.method for m in call.messages if m.method in ("UPDATE", "INVITE") and not m.sent and not m.code
        ]

    site.until(lambda: len(refreshes()) == 1, "it is refreshed", SHORTEST_SESSION_S / 2 + 5)
    [call] = sessions["uas"].calls()
    assert not call.over


def test_a_session_that_the_phone_does_not_refresh_is_ended_by_the_switch(
    site: Site, sessions: dict[str, Sipp]
) -> None:
    """A third of the session's time before its end. RFC 4028, 10."""
    [seen] = sessions["uac"].wait_calls(1, SHORTEST_SESSION_S)
    assert (seen.code, seen.ended_by) == (200, "switch")
    assert seen.talk_s < SHORTEST_SESSION_S - 10
    [kept] = sessions["uas"].calls()
    assert not kept.over
    site.until(lambda: site.lines("beta")["in_use"] == 1, "its line alone is free")
