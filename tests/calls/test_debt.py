"""A tenant that owes: its calls with outside are barred step by step, and let through when it has paid."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

NUMBER, DIRECT, FORWARDED, CALLER = "+79161112233", "+74951112234", "+74951112235", "+79035556677"
GRACE, BARRED, SUSPENDED = (14, 30), (0, 30), (0, 0)
"""Days until calls to outside are barred, and those from outside."""
HEARD_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit("tenants/acme.yaml", ("tariff: master", f"tariff: master\naccount: {on_debt(*GRACE)}"))
        made.start()
        made.listen()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102"))) as made:
        made.wait_registered()
        for phone in (CARRIER, "acme101desk", "acme102desk"):
            made.behave(phone, farside.answer())
        yield made


def on_debt(grace_days: int, suspend_after_days: int) -> str:
    return f"{{on_debt: {{grace_days: {grace_days}, suspend_after_days: {suspend_after_days}}}}}"


def give(site: Site, days: tuple[int, int]) -> None:
    """Let the account give the tenant so many days."""
    site.edit("tenants/acme.yaml", (r"account: .*", f"account: {on_debt(*days)}"))


def balance(site: Site) -> dict[str, Any]:
    [found] = site.json("balance", "acme")["balances"]
    assert isinstance(found, dict)
    return found


def passes(world: FarSide, phone: str, number: str, from_number: str = "") -> bool:
    """Whether a call is answered."""
    call = world.call(phone, number, **({"from_number": from_number} if from_number else {}))
    world.wait_answered(call)
    world.hang_up(call)
    return True


def refused(world: FarSide, phone: str, number: str, from_number: str = "") -> int | None:
    """With what a call is refused."""
    call = world.call(phone, number, **({"from_number": from_number} if from_number else {}))
    return world.wait_ended(call).code


def barred(site: Site) -> set[str]:
    """As the switch keeps it."""
    shown = site.rx("database show vpbx-barred/acme").splitlines()
    return {line.split(":")[0].strip().rpartition("/")[2] for line in shown if line.startswith("/")}


def test_who_owes_is_barred_step_by_step_and_let_through_at_once_when_it_has_paid(
    site: Site, world: FarSide
) -> None:
    assert passes(world, "acme101desk", NUMBER)
    owed = balance(site)
    assert owed["balance_kop"] < 0 and owed["debt"]["stage"] == "grace"
    assert passes(world, "acme101desk", NUMBER)

    give(site, BARRED)
    site.until(lambda: barred(site) == {"out"}, "calls to outside are barred", HEARD_WITHIN_S)
    assert refused(world, "acme101desk", NUMBER) == 403
    [leg] = site.json("calls", "list", "--limit", "1")["calls"]
    assert (leg["decision"], leg["direction"]) == ("barred", "out")
    assert site.lines("acme")["in_use"] == 0
    assert refused(world, CARRIER, FORWARDED, CALLER) == 403
    assert passes(world, CARRIER, DIRECT, CALLER)

    give(site, SUSPENDED)
    site.until(lambda: barred(site) == {"out", "in"}, "it is suspended", HEARD_WITHIN_S)
    assert balance(site)["debt"]["stage"] == "suspended"
    assert refused(world, CARRIER, DIRECT, CALLER) == 480
    assert refused(world, "acme101desk", NUMBER) == 403
    for number in ("112", "102"):
        assert passes(world, "acme101desk", number)

    site.vpbx("pay", "acme", f"{-balance(site)['balance_kop'] / 100:.2f}", "--ref", "all")
    site.until(lambda: not barred(site), "it is let through", HEARD_WITHIN_S)
    assert passes(world, "acme101desk", NUMBER)
    assert passes(world, CARRIER, DIRECT, CALLER)
    assert balance(site)["debt"]["stage"] == "suspended", "that call isn't paid for"
    site.until(lambda: barred(site) == {"out", "in"}, "nor are those after it", HEARD_WITHIN_S)


def test_route_tells_what_the_switch_does(site: Site, world: FarSide) -> None:
    site.until(lambda: barred(site) == {"out", "in"}, "it is suspended", HEARD_WITHIN_S)
    for caller, number, option in (
        ("101", NUMBER, "outgoing-barred"),
        (CALLER, DIRECT, "suspended"),
        ("101", "112", "suspended"),
        ("101", "102", "suspended"),
    ):
        asked = ("--tenant", "acme", "--from", caller, "--to", number)
        live = site.json("route", *asked, "--live")
        assert live["steps"] == site.json("route", *asked, "--debt", option)["steps"]
        phone = "acme101desk" if caller == "101" else CARRIER
        if live["end"]["kind"] == "refused":
            told = live["end"]["sip"]
            assert told == refused(world, phone, number, "" if caller == "101" else caller)
        else:
            assert passes(world, phone, number)


def test_what_is_barred_stays_so_without_a_listener_and_over_a_restart_of_the_switch(site: Site) -> None:
    site.until(lambda: barred(site) == {"out", "in"}, "it is suspended", HEARD_WITHIN_S)
    site.stop_listener(signal.SIGKILL)
    site.vpbx("switch", "stop")
    site.start()
    assert barred(site) == {"out", "in"}
    asked = ("--tenant", "acme", "--from", CALLER, "--to", DIRECT, "--live")
    assert site.json("route", *asked)["end"]["sip"] == 480
    site.edit("tenants/acme.yaml", (r"account: .*\n", ""))
    site.listen()
    site.until(lambda: not barred(site), "nothing follows from it any more", HEARD_WITHIN_S)
    assert site.json("route", *asked)["end"]["kind"] == "employee"
