"""The health endpoint: what it tells, to whom, and that nobody can hold it up."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import PortTaken
from orchestrator.health import Figures, HealthServer, MetricsNotLocal, health_document
from orchestrator.model.platform import Address

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
WELL = Figures(
    node="pbx1",
    ami="up",
    ami_since=AT,
    last_reconcile_at=AT,
    lag_s=0.002,
    queue_depth=3,
    calls_up=7,
    events=100,
    forged=2,
    failed=1,
    sessions=4,
    posted={"listener": 40, "reconciliation": 5},
    quarantined=6,
    recordings_lost=8,
    recorders_renewed=9,
    recorders_failed=10,
    warnings_sent=11,
    warnings_failed=12,
    warnings_given_up=13,
)


def get(server: HealthServer, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
        return answer.read().decode()


def test_metrics_are_prometheus_text() -> None:
    with HealthServer(Address("127.0.0.1", 0), lambda: WELL) as server:
        lines = get(server, "/metrics").splitlines()
    for line in (
        "vpbx_ami_connected 1.0",
        "vpbx_event_lag_seconds 0.002",
        "vpbx_queue_depth 3.0",
        "vpbx_calls_up 7.0",
        "vpbx_events_total 100.0",
        "vpbx_events_forged_total 2.0",
        "vpbx_events_failed_total 1.0",
        "vpbx_reconnects_total 3.0",
        'vpbx_charges_posted_total{path="listener"} 40.0',
        'vpbx_charges_posted_total{path="reconciliation"} 5.0',
        f"vpbx_last_reconcile_timestamp {AT.timestamp()!r}".replace("1790000000.0", "1.79e+09"),
        "vpbx_quarantined_total 6.0",
        "vpbx_recordings_lost_total 8.0",
        "vpbx_recorders_renewed_total 9.0",
        "vpbx_recorders_failed_total 10.0",
        "vpbx_balance_warnings_sent_total 11.0",
        "vpbx_balance_warnings_failed_total 12.0",
        "vpbx_balance_warnings_given_up_total 13.0",
    ):
        assert line in lines, line


def test_metrics_that_the_docs_name_are_there() -> None:
    with HealthServer(Address("127.0.0.1", 0), lambda: WELL) as server:
        exposed = set(re.findall(r"^(vpbx_\w+)", get(server, "/metrics"), re.MULTILINE))
    pages = (page.read_text("utf-8") for page in sorted(DOCS.glob("*.md")))
    named = {name for page in pages for name in re.findall(r"`(vpbx_\w+)`", page)}
    assert named and named <= exposed, named - exposed


def test_health_is_ok_or_says_what_is_wrong() -> None:
    figures = [WELL]
    with HealthServer(Address("127.0.0.1", 0), lambda: figures[-1]) as server:
        well = json.loads(get(server, "/health"))
        figures.append(replace(WELL, ami="refused", problems=("AMI is refused: wrong secret",)))
        ill = json.loads(get(server, "/health"))
    assert (well["status"], well["ami"], well["problems"]) == ("ok", "up", [])
    assert (well["since"], well["last_reconcile"]) == (AT.isoformat(), AT.isoformat())
    assert (ill["status"], ill["ami"]) == ("degraded", "refused")
    assert ill["problems"] == ["AMI is refused: wrong secret"]


def test_nothing_else_is_served() -> None:
    with HealthServer(Address("127.0.0.1", 0), lambda: WELL) as server:
        for path in ("/", "/../etc/passwd", "/metrics/x"):
            with pytest.raises(urllib.error.HTTPError) as error:
                get(server, path)
            assert error.value.code == 404


def test_a_client_that_says_nothing_holds_nobody_up() -> None:
    with HealthServer(Address("127.0.0.1", 0), lambda: WELL) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        assert json.loads(get(server, "/health"))["status"] == "ok"
        for each in silent:
            each.close()


def test_a_taken_port_is_named() -> None:
    with (
        HealthServer(Address("127.0.0.1", 0), lambda: WELL) as server,
        pytest.raises(PortTaken, match=str(server.port)),
        HealthServer(Address("127.0.0.1", server.port), lambda: WELL),
    ):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_it_never_listens_for_other_machines(host: str) -> None:
    with pytest.raises(MetricsNotLocal), HealthServer(Address(host, 0), lambda: WELL):
        pass


def test_the_document_has_a_version() -> None:
    assert health_document(WELL)["version"] == 1
