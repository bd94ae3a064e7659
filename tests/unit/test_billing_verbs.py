"""`vpbx billing run`, `tenant status` and the listener's own runs, on the example platform."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from active_tenants import ACTIVATED, BEGUN, EXAMPLES, moscow, take, tariffs
from click.testing import CliRunner, Result

from orchestrator.books import NodeBooks
from orchestrator.cli.main import root
from orchestrator.definitions import load_tariffs
from orchestrator.model.service import (
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.project import Project
from orchestrator.secrets import Secrets
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example platform with acme in its trial."""
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = Project(tmp_path / "project")
    with opened(made) as store:
        take(store, BEGUN, ACTIVATED, by=tariffs())
    return made


@contextmanager
def opened(project: Project) -> Iterator[SqlStore]:
    url = load_tariffs(project.root).platform.storage.database
    store = SqlStore.open(project.database_url(url))
    yield store
    store.close()


def run(project: Project, *arguments: str, exits: int = 0) -> Result:
    done = CliRunner().invoke(root, ["-C", str(project.root), *arguments], catch_exceptions=False)
    assert done.exit_code == exits, done.output
    return done


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def test_a_run_charges_what_is_due_until_then_once(project: Project) -> None:
    first = run(project, "billing", "run", "--at", "2026-02-28")
    assert first.stdout == "tenant\tcharges\tamount\nacme\t6\t4800.00\n"
    assert first.stderr == "total 4800.00\n"
    again = json.loads(run(project, "billing", "run", "--at", "2026-02-28", "--json").stdout)
    assert (again["version"], again["items"], again["charged"], again["failed"]) == (1, 0, [], [])


def test_a_tenant_that_cannot_be_charged_is_said_and_the_exit_code_is_1(project: Project) -> None:
    with opened(project) as store:
        take(store, BEGUN, ACTIVATED, tenant="beta", by=tariffs())
    text = (project.root / "tariffs" / "master.yaml").read_text()
    other = text.replace("slug: master", "slug: other")
    (project.root / "tariffs" / "other.yaml").write_text(other)
    (project.root / "tariffs" / "master.yaml").unlink()
    (project.root / "platform.yaml").write_text(
        (project.root / "platform.yaml").read_text().replace("tariff: master", "tariff: other")
    )
    done = run(project, "billing", "run", "--at", "2026-02-01", "--json", exits=1)
    data = json.loads(done.stdout)
    assert [each["tenant"] for each in data["failed"]] == ["acme", "beta"]
    assert "no tariff master" in data["failed"][0]["message"]


def test_a_broken_file_of_a_tenant_stops_no_billing(project: Project) -> None:
    (project.root / "tenants" / "beta.yaml").write_text("name: [broken")
    assert "acme\t3\t2400.00" in run(project, "billing", "run", "--at", "2026-02-01").stdout


def test_a_run_long_after_a_disconnection_removes_the_data(project: Project) -> None:
    with opened(project) as store:
        take(store, moscow(2, 10), ServiceDisconnected(), by=tariffs())
    Secrets.open(project.secrets_file).device("acme", "101", "desk")
    done = run(project, "billing", "run", "--at", "2026-05-12")
    assert "purged acme: call legs: 0, recordings: 0, messages: 0, secrets: 1" in done.stderr
    data = json.loads(run(project, "tenant", "status", "acme", "--json").stdout)
    assert (data["phase"], data["due"], data["balance_kop"]) == ("purged", None, 240_000)
    assert data["audit"][0]["what"].startswith("purged: ")


def test_a_status_tells_where_a_tenant_stands(project: Project) -> None:
    with opened(project) as store:
        take(store, moscow(2, 10), OptionConnected("analytics"), by=tariffs())
        take(store, moscow(2, 11), OptionDisconnected("recording"), by=tariffs())
    data = json.loads(run(project, "tenant", "status", "acme", "--json").stdout)
    assert data["phase"] == "active"
    assert (data["since"], data["period_from"], data["paid_until"]) == (
        "2026-01-31T09:00:00+00:00",
        "2026-01-31",
        "2026-02-28",
    )
    assert data["employees"] == {"all": 9, "included": 7, "extra": 2, "extra_paid": 2}
    assert data["options"] == [
        {"slug": "analytics", "quantity": 1, "paid": 1},
        {"slug": "recording", "quantity": 0, "paid": 1},
    ]
    assert data["due"] == {"kind": "anchor", "at": moscow(2, 28).isoformat(), "amount_kop": 190_000}
    assert data["balance_kop"] == 240_000 + 32_143
    assert [event["kind"] for event in data["events"]] == [
        "option_disconnected",
        "option_connected",
        "activated",
    ]
    shown = run(project, "tenant", "status", "acme").stdout
    assert "next\tanchor 2026-02-28 00:00:00: 1900.00\n" in shown
    assert "option recording\toff, paid for in this period: 1\n" in shown


def test_a_status_of_a_restored_tenant_begins_with_the_restore(project: Project) -> None:
    with opened(project) as store:
        take(store, moscow(2, 10), ServiceDisconnected(), by=tariffs())
        take(store, moscow(2, 12), ServiceRestored(), by=tariffs())
    data = json.loads(run(project, "tenant", "status", "acme", "--json").stdout)
    assert (data["phase"], data["since"]) == ("active", moscow(2, 12).isoformat())


def test_a_tenant_that_was_never_activated_has_no_status(project: Project) -> None:
    done = CliRunner().invoke(root, ["-C", str(project.root), "tenant", "status", "beta"])
    assert done.exit_code == 1
    assert "never activated" in str(done.exception)


def test_charges_of_the_service_are_listed_with_their_rule(project: Project) -> None:
    run(project, "billing", "run", "--at", "2026-02-01")
    shown = run(project, "charges", "list", "acme", "--no-reconcile").stdout.splitlines()
    assert shown[1].split("\t")[2:6] == ["option", "recording", "1000.00", "decision 4: 1000.00 = 1000.00"]
    key = "service/acme/due/trial_end/2026-01-31/option/recording"
    with opened(project) as store:
        store.reverse(key, "correction", moscow(2, 2))
    data = json.loads(run(project, "charges", "list", "acme", "--no-reconcile", "--json").stdout)
    kinds = {charge["key"]: charge["kind"] for charge in data["charges"]}
    assert (kinds[key], kinds[f"{key}/reversal"]) == ("option", "reversal")


def test_the_listener_charges_what_is_due_now_and_then(project: Project) -> None:
    clock = Clock(moscow(1, 31, 11, 59))
    node = next(iter(load_tariffs(project.root).platform.nodes))
    systemname = Secrets.open(project.secrets_file).systemname(node)
    books = NodeBooks(project, node, systemname, clock)
    assert books.reconcile(prompted=False).posted["billing"] == 0
    clock.at += timedelta(seconds=60)
    # A busy switch asks for passes without end; what is due is looked for on these too, now and then.
    assert books.reconcile(prompted=True).posted["billing"] == 3
    clock.at = moscow(2, 28)
    (project.root / "tenants" / "beta.yaml").write_text("name: [broken")
    assert books.reconcile(prompted=True).posted["billing"] == 3
    clock.at += timedelta(seconds=59)
    with opened(project) as store:
        take(store, clock.at, ServiceDisconnected(), by=tariffs())
    assert books.reconcile(prompted=True).posted["billing"] == 0
    books.close()


def test_the_listener_tells_once_of_a_tenant_that_cannot_be_charged(project: Project) -> None:
    clock = Clock(moscow(1, 31, 12))
    with opened(project) as store:
        other = tariffs().terms("master", "Europe/Moscow").tariff
        by = tariffs(replace(other, slug="gone"))
        take(store, BEGUN, replace(ACTIVATED, tariff="gone"), tenant="beta", by=by)
    node = next(iter(load_tariffs(project.root).platform.nodes))
    books = NodeBooks(project, node, Secrets.open(project.secrets_file).systemname(node), clock)
    with structlog.testing.capture_logs() as told:
        for _ in range(2):
            books.reconcile(prompted=False)
            clock.at += timedelta(minutes=2)
    books.close()
    warned = [each for each in told if each["event"] == "not-billed"]
    assert [each["tenant"] for each in warned] == ["beta"]
    with opened(project) as store:
        assert {charge.tenant for charge in store.charges(Asked())} == {"acme"}


@pytest.mark.program
def test_two_processes_at_once_charge_everything_once(project: Project) -> None:
    with opened(project) as store:
        for number in range(50):
            take(store, BEGUN, ACTIVATED, tenant=f"t{number}", by=tariffs())
    command = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(project.root), "billing", "run"]
    running = [
        subprocess.Popen([*command, "--at", "2026-04-01"], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    rows = [line for process in running for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(int(row.split("\t")[1]) for row in rows if not row.startswith("tenant\t")) == 51 * 3 * 3
    with opened(project) as store:
        assert store.verify().entries == 51 * 3 * 3
