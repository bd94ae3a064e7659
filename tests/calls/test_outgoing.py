"""Calls outward: what they show, and by which trunk they go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

TENANT, DIRECT, FORWARDED, VERIFIED = "+74951112233", "+74951112234", "+74951112235", "+78121234567"
CALLER, MOBILE, PETERSBURG = "+79035556677", "+79161112233", "+78125556677"
STAFF = """
verified_numbers: ["+78121234567"]
caller_ids: {"+7812": "+78121234567"}

departments:
  buying: {title: Закупки, members: ["102"], caller_id: "+74951112235"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; acme shows different numbers."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit(
            "tenants/acme.yaml",
            ("name: Анна Соколова", f'name: Анна Соколова, caller_id: "{DIRECT}"'),
            (r"\ndepartments:\n", STAFF),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
        far.wait_registered()
        yield far


def newest(site: Site, count: int = 1) -> list[dict[str, Any]]:
    """The newest legs, in order of time."""
    found: list[dict[str, Any]] = site.json("calls", "list", "--limit", str(count))["calls"]
    return sorted(found, key=lambda leg: (leg["started_at"], leg["uniqueid"]))


def route(site: Site, caller: str, to: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = site.json("route", "--tenant", "acme", "--from", caller, "--to", to, *more)
    return found


@pytest.mark.parametrize(
    ("extension", "to", "shows"),
    [
        ("101", MOBILE, DIRECT),
        ("101", PETERSBURG, DIRECT),
        ("102", PETERSBURG, FORWARDED),
        ("103", PETERSBURG, VERIFIED),
        ("103", MOBILE, TENANT),
    ],
    ids=["employee", "employee before region", "department before region", "region", "tenant"],
)
def test_a_call_shows_what_route_says(
    site: Site, world: FarSide, extension: str, to: str, shows: str
) -> None:
    assert route(site, extension, to)["steps"][-1]["shows"] == shows
    world.behave(CARRIER, farside.busy())
    after = len(world.calls_to(CARRIER))
    world.wait_ended(world.call(f"acme{extension}desk", to))
    assert world.incoming(CARRIER, after=after).from_number == shows
    [leg] = newest(site)
    assert (leg["from"], leg["to"], leg["employee"]) == (shows, to, extension)


def test_what_a_phone_says_of_itself_is_never_shown(site: Site, world: FarSide) -> None:
    world.behave(CARRIER, farside.busy())
    after = len(world.calls_to(CARRIER))
    world.wait_ended(world.call("acme103desk", MOBILE, from_number="+74957654321"))
    assert world.incoming(CARRIER, after=after).from_number == TENANT


def test_a_number_that_is_none_of_the_tenants_is_refused_by_the_switch_itself(
    site: Site, world: FarSide
) -> None:
    """As if something had changed the dialplan of the running switch behind our back."""
    [context] = set(re.findall(r"acme-steps\.[0-9a-f]{16}", site.rx(f"dialplan show {TENANT}@vpbx-number")))
    assert "removed" in site.rx(f"dialplan remove extension own.{TENANT}@{context}")
    before = len(world.calls_to(CARRIER))
    try:
        assert world.wait_ended(world.call("acme103desk", MOBILE)).code == 403
    finally:
        site.rx(f"dialplan add extension own.{TENANT},1,Return into {context}")
    assert len(world.calls_to(CARRIER)) == before
    [leg] = newest(site)
    assert (leg["decision"], leg["to"]) == ("caller-id", MOBILE)
