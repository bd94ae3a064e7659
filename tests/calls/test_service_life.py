"""A tenant's service from its trial to its restore, on the real switch: what calls find, and what is charged.

The clock of the verbs is stepped; the switch and its calls keep the real one.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide, Phone
from harness.site import Site
from stepped_clock import stepped

pytestmark = pytest.mark.switch

DIRECT, CALLER, MOBILE = "+74951112234", "+79035556677", "+79161112233"
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture(scope="module")
def accounts(site: Site) -> list[Phone]:
    return site.phones("acme", ("101", "102"))


@pytest.fixture(scope="module")
def world(site: Site, accounts: list[Phone]) -> Iterator[FarSide]:
    with site.far_side(*accounts) as far:
        far.wait_registered()
        far.behave(CARRIER, farside.answer())
        far.behave("acme101desk", farside.answer())
        yield far
    site.environment = None


def charged(site: Site) -> list[tuple[str, int]]:
    """What acme was charged for its service, and the sums, oldest first."""
    told = site.json("charges", "list", "acme", "--no-reconcile")["charges"]
    return [(entry["item"], entry["amount_kop"]) for entry in reversed(told) if "item" in entry]


def step(site: Site, days: int) -> date:
    """Set the verbs' clock so many days ahead. Returns: the date that it shows."""
    site.environment = stepped(timedelta(days=days))
    return (datetime.now(MOSCOW) + timedelta(days=days)).date()


def next_anchor(anchor: date) -> date:
    """The same day of the next month, or its last one."""
    year, month = anchor.year + anchor.month // 12, anchor.month % 12 + 1
    return date(year, month, min(anchor.day, calendar.monthrange(year, month)[1]))


def calls_work(world: FarSide) -> None:
    """In and out, each answered."""
    for call in (world.call(CARRIER, DIRECT, from_number=CALLER), world.call("acme102desk", MOBILE)):
        world.wait_answered(call)
        world.hang_up(call)


def calls_are_refused(site: Site, world: FarSide, accounts: list[Phone]) -> None:
    """In and out, and no phone registers."""
    inbound = world.call(CARRIER, DIRECT, from_number=CALLER)
    assert world.wait_ended(inbound).code == 404
    before = len(world.calls_to(CARRIER))
    outbound = world.call("acme102desk", MOBILE)
    assert world.wait_ended(outbound).code == 401
    assert len(world.calls_to(CARRIER)) == before
    world.rx("pjsip send register *all")
    rejected = lambda: world.rx("pjsip show registrations").count("Rejected") == 2  # noqa: E731
    site.until(rejected, "both phones are told that they may not register", 30)

    def gone() -> bool:
        contacts = site.rx("pjsip show contacts")
        return not any(account.endpoint in contacts for account in accounts)

    site.until(gone, "their registrations have ended", 60)


def disconnect(site: Site) -> None:
    site.edit("tenants/acme.yaml", ("service: active", "service: disconnected"))
    assert site.json("apply")["services"][0]["events"] == ["disconnected"]


def restore(site: Site, world: FarSide) -> None:
    site.edit("tenants/acme.yaml", ("service: disconnected", "service: active"))
    told = site.json("apply")
    assert (told["services"][0]["events"], told["confirmed"]) == (["restored"], ["acme"])
    world.rx("pjsip send register *all")
    world.wait_registered(30)


def test_a_service_lives_from_its_trial_to_its_restore(
    site: Site, world: FarSide, accounts: list[Phone]
) -> None:
    assert site.lines("acme")["limit"] == 14
    calls_work(world)
    assert charged(site) == []

    anchor = step(site, 8) - timedelta(days=1)
    site.vpbx("billing", "run")
    first = [("master", 1000_00), ("recording", 1000_00)]
    assert charged(site) == first

    connected_on = step(site, 13)
    site.edit("tenants/acme.yaml", (r"options: \[recording", "options: [recording, analytics"))
    planned = json.loads(site.run("plan", "--json").stdout)["services"][0]
    [share] = site.json("apply")["services"][0]["charges"]
    until = next_anchor(anchor)
    roubles = Decimal(500) * (until - connected_on).days / (until - anchor).days
    assert share["amount_kop"] == int((roubles * 100).quantize(Decimal(1), ROUND_HALF_UP))
    assert [cost["working"] for cost in planned["charges"]] == [share["working"]]
    prorated = [*first, ("analytics", share["amount_kop"])]
    assert charged(site) == prorated
    calls_work(world)

    disconnect(site)
    calls_are_refused(site, world, accounts)

    step(site, 15)
    restore(site, world)
    assert site.phones("acme", ("101", "102")) == accounts
    assert site.lines("acme")["limit"] == 14
    calls_work(world)
    assert charged(site) == prorated, "the period is paid for"

    step(site, 16)
    disconnect(site)
    step(site, 60)
    site.vpbx("billing", "run")
    assert charged(site) == prorated, "nothing falls due while it is disconnected"
    restore(site, world)
    calls_work(world)
    in_full = [("master", 1000_00), ("analytics", 500_00), ("recording", 1000_00)]
    assert charged(site) == [*prorated, *in_full]
    assert site.vpbx("ledger", "verify")
