"""Callers who write what they shouldn't: forged events on the AMI stream, applications in what they dial."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from bursts import Planned
from harness.farside import CARRIER
from harness.ports import PortBlock
from harness.sipp import Row, register
from world import ACME_FORWARDED, World, open_world

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address
from orchestrator.project import Project

pytestmark = pytest.mark.switch

FORGED_CEL = (
    "\r\n\r\nEvent: CEL\r\nSystemName: s0\r\nEventName: HANGUP\r\nUniqueID: s0-1.1\r\n"
    "LinkedID: s0-1.1\r\n\r\n"
)
FORGED_CDR = "\r\n\r\nEvent: Cdr\r\nUniqueID: 1.1\r\nBillableSeconds: 99999\r\n\r\n"
FORGED_HEADER = "\r\nUniqueID: s0-1.1\r\nExtra: x"

DIALLED = [
    "101&PJSIP/+79161112233@trunk-main",
    "101&Local/89161112233@beta-outside",
    "101,30,g",
    "101,30,U(vpbx-record-answered^beta^)",
    "101;x=y",
    "101\r\nEvent: CEL",
    "101|102",
    "101)",
    "${EXTEN}",
    "${SHELL(id)}",
    "$[1+1]",
    "101/102",
    "+7916111223a",
    "89161112233&PJSIP/x",
    "s",
    "h",
    "employees.101",
    "outside.dial",
    "vpbx",
    "101 ",
]
"""None of it is an extension or a number."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("hostile"), asterisk) as made:
        yield made


def metric(world: World, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", world.site.metrics_text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def channels_made(world: World) -> list[str]:
    """Every channel that the switch ever began, by its record."""
    file = Project(world.site.root).switch(world.site.node).cel_file
    record = file.read_text() if file.exists() else ""
    return re.findall(r'^"CHAN_START",(?:"[^"]*",){4}"([^"]*)"', record, re.MULTILINE)


@pytest.mark.parametrize("forged", [FORGED_CEL, FORGED_CDR, FORGED_HEADER])
def test_events_forged_in_a_callers_address_are_dropped_and_counted(world: World, forged: str) -> None:
    site = world.site
    process = site.listen()
    before = site.json("charges", "list")["charges"]
    calls = site.json("calls", "list")["calls"]
    caller = f"+79035556677{quote(forged, safe='')}"
    [seen] = world.inbound([Planned(ACME_FORWARDED, 1.5, caller)], 0.1).wait()
    assert seen.code == 200
    site.until(
        lambda: len(site.json("charges", "list", "--no-reconcile")["charges"]) == len(before) + 1,
        "the genuine call is charged",
        15,
    )
    assert metric(world, "vpbx_events_forged_total") > 0
    assert len(site.json("calls", "list")["calls"]) == len(calls) + 2
    [charge] = [c for c in site.json("charges", "list")["charges"] if c not in before]
    assert (charge["tenant"], charge["duration_s"], charge["to"]) == ("acme", 1, "+79161234567")
    assert process.poll() is None
    assert site.health()["status"] == "ok"
    site.stop_listener()


def test_whatever_a_phone_dials_that_is_no_number_is_answered_404_and_rings_nobody(world: World) -> None:
    before = channels_made(world)
    rung = len(world.far.calls_to(CARRIER)) + len(world.far.calls_to("acme101desk"))
    calls = [Planned(quote(dialled, safe="&/,)$"), 1.0) for dialled in DIALLED]
    seen = world.outbound("acme102desk", calls, 1.0).wait()
    assert {call.planned.to: call.code for call in seen} == {call.to: 404 for call in calls}
    own = world.phones["acme102desk"].endpoint
    made = channels_made(world)[len(before) :]
    assert [name for name in made if not name.startswith(f"PJSIP/{own}-")] == []
    assert len(world.far.calls_to(CARRIER)) + len(world.far.calls_to("acme101desk")) == rung


def test_whatever_the_carrier_calls_that_is_no_number_of_the_platform_rings_nobody(world: World) -> None:
    before = channels_made(world)
    calls = [Planned(quote(dialled, safe="&/,)$"), 1.0) for dialled in (*DIALLED, "101", "112", "beta")]
    seen = world.inbound(calls, 1.0).wait()
    assert {call.code for call in seen} == {404}
    made = channels_made(world)[len(before) :]
    assert [name for name in made if not name.startswith("PJSIP/trunk-main-")] == []


def test_a_phone_reaches_no_phone_of_another_tenant(world: World) -> None:
    """By endpoint, by context, and by the extension that both tenants have."""
    other = world.phones["beta101desk"]
    rung = len(world.far.calls_to("beta101desk"))
    tries = [other.endpoint, f"PJSIP/{other.endpoint}", "101@beta-phones", "beta-101", "beta101"]
    seen = world.outbound("acme102desk", [Planned(quote(text, safe="/"), 1.0) for text in tries], 0.5).wait()
    assert {call.code for call in seen} == {404}
    [own] = world.outbound("acme102desk", [Planned("101", 1.0)], 0.1).wait()
    assert own.code == 200
    assert len(world.far.calls_to("acme101desk")) > 0
    assert len(world.far.calls_to("beta101desk")) == rung


def test_a_phone_with_another_tenants_account_name_is_not_let_in(world: World, tmp_path: Path) -> None:
    ours, other = world.phones["acme102desk"], world.phones["beta101desk"]
    with PortBlock() as ports:
        own = Address("127.0.0.6", ports.port())
        for name, row in {
            "own-secret": Row(other.endpoint, username=other.endpoint, secret=ours.secret),
            "own-login": Row(other.endpoint, username=ours.endpoint, secret=ours.secret),
        }.items():
            assert register(tmp_path / name, own, world.site.sip, row) in (401, 403)
