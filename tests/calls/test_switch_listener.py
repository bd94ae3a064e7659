"""`vpbx listen` beside a real switch and real calls: what it charges, and what its death costs (nothing)."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import farside
from harness.farside import CARRIER, FarSide
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

NUMBER = "+74957654321"
PHONE = "acme101desk"


@pytest.fixture
def site(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path / "site", asterisk) as made:
        made.start()
        yield made


@pytest.fixture
def far(site: Site) -> Iterator[FarSide]:
    phones = site.phones("acme", {"101"})
    with site.far_side(*phones) as made:
        made.wait_registered()
        made.behave(CARRIER, farside.answer())
        yield made


def charges(site: Site) -> list[dict[str, Any]]:
    """What stands in the ledger now; the record isn't brought in by asking."""
    return list(site.json("charges", "list", "acme", "--no-reconcile")["charges"])


def talk(far: FarSide) -> None:
    """One outbound call, answered and hung up."""
    call = far.call(PHONE, NUMBER)
    far.wait_answered(call)
    far.hang_up(call)


def test_a_call_is_charged_seconds_after_its_end(site: Site, far: FarSide) -> None:
    site.listen()
    site.until(lambda: site.health().get("last_reconcile") is not None, "the first pass", 10)
    talk(far)
    began = time.monotonic()
    site.until(lambda: len(charges(site)) == 1, "the charge", 10)
    assert time.monotonic() - began < 5
    metrics = site.metrics_text()
    assert 'vpbx_charges_posted_total{path="listener"} 1.0' in metrics
    assert "vpbx_events_forged_total 0.0" in metrics
    assert site.health()["problems"] == []


def test_calls_that_are_up_are_counted(site: Site, far: FarSide) -> None:
    site.listen()
    call = far.call(PHONE, NUMBER)
    far.wait_answered(call)
    site.until(lambda: site.health().get("calls_up") == 1, "the call is counted", 10)
    far.hang_up(call)
    site.until(lambda: site.health().get("calls_up") == 0, "its end is counted", 10)


def test_a_listener_that_was_killed_in_mid_call_charges_the_call_later(site: Site, far: FarSide) -> None:
    site.listen()
    call = far.call(PHONE, NUMBER)
    far.wait_answered(call)
    site.stop_listener(signal.SIGKILL)
    far.hang_up(call)
    talk(far)
    assert charges(site) == []
    site.listen()
    site.until(lambda: len(charges(site)) == 2, "both charges", 10)


def test_a_call_cut_off_with_its_switch_is_charged_to_its_last_known_second(site: Site, far: FarSide) -> None:
    site.listen()
    call = far.call(PHONE, NUMBER)
    far.wait_answered(call)
    site.until(lambda: site.health().get("calls_up") == 1, "a heartbeat", 10)
    site.kill_switch()
    site.until(lambda: site.health()["ami"] == "down", "the gap is noticed", 10)
    site.vpbx("switch", "start")
    site.until(lambda: len(charges(site)) == 1, "the estimated charge", 30)
    assert charges(site)[0]["estimated"] is True


def test_only_one_listener_follows_a_node(site: Site) -> None:
    site.listen()
    second = site.run("listen")
    assert second.returncode == 1
    assert "still listening to pbx1" in second.stderr
    assert "Traceback" not in second.stderr


def test_sigterm_ends_it_in_order(site: Site) -> None:
    process = site.listen()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert "stopped" in site.logged()
