"""What an apply makes of tenants' services, by the real command line under a stepped clock."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import copied_verbs
import pytest
from stepped_clock import stepped

from orchestrator.model.account import EVENT_KINDS
from orchestrator.project import Project
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
BETA_NUMBER = "+73432223344"
_DEADLINE_S = 90


class World:
    """A project whose verbs run at a time of their own. Args: days: how far their clock is ahead."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.days = 0.0

    def edit(self, file: str, pattern: str, replacement: str) -> None:
        path = self.project.root / file
        text, count = re.subn(pattern, replacement, path.read_text())
        assert count, f"{pattern!r} isn't in {file}"
        path.write_text(text)

    def run(self, *arguments: str, python: str | None = None) -> subprocess.CompletedProcess[str]:
        """Args: python: what is run before the verb, in its process."""
        clock = stepped(timedelta(days=self.days)) if self.days else os.environ
        environment = {**clock, "VPBX_CACHE": str(self.project.root.parent / "no-cache")}
        asked = ["-C", str(self.project.root), *arguments]
        if python is None:
            return copied_verbs.run(asked, _DEADLINE_S, environment)
        command = [sys.executable, "-c", f"{python}\nfrom orchestrator.cli.main import main\nmain()", *asked]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False, env=environment
        )

    def vpbx(self, *arguments: str, exits: int = 0) -> str:
        result = self.run(*arguments)
        assert result.returncode == exits, result
        return result.stdout

    def json(self, *arguments: str, exits: int = 0) -> Any:
        return json.loads(self.vpbx(*arguments, "--json", exits=exits))

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert (result.returncode, result.stdout) == (1, ""), result
        assert "Traceback" not in result.stderr
        return result.stderr

    def events(self, tenant: str) -> list[str]:
        """Kinds of a tenant's events, oldest first, and what brought them."""
        with closing(self._books()) as store:
            told = store.service_events(tenant)
        return [f"{EVENT_KINDS[type(event.what)]} by {event.source}" for event in reversed(told)]

    def charged(self) -> list[tuple[str, str, int, str]]:
        """Tenant, what for, sum and path of each entry of the ledger, oldest first."""
        with closing(self._books()) as store:
            told = store.charges(Asked())
        return [
            (entry.tenant, str(entry.facts["item"] or entry.kind), entry.amount_kop, entry.path)
            for entry in reversed(told)
        ]

    def _books(self) -> SqlStore:
        return SqlStore.open(f"sqlite:///{self.project.state}/vpbx.db")

    @property
    def live(self) -> int:
        return int(self.project.switch("pbx1").etc.readlink().name)

    @property
    def tenants(self) -> list[str]:
        """Those that the switch has."""
        folder = self.project.switch("pbx1").etc / "dialplan/tenants"
        return sorted(path.stem for path in folder.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The example platform, never applied, on ports that nothing listens on."""
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = World(tmp_path / "project")
    made.edit("platform.yaml", r"ami: \S+", "ami: 127.0.0.1:9")
    return made


@pytest.fixture
def applied(world: World) -> World:
    world.vpbx("apply")
    return world


@pytest.fixture
def paying(applied: World) -> World:
    """Ten days on: the trial's end was three days ago, its charges are due and not made."""
    applied.days = 10
    return applied


def connect(world: World, option: str) -> None:
    world.edit("tenants/acme.yaml", r"options: \[recording", f"options: [recording, {option}")


DUE = [("acme", "master", 1000_00, "billing"), ("acme", "recording", 1000_00, "billing")]
"""What fell due at the end of acme's trial."""
ANALYTICS = ("acme", "analytics", 451_61, "apply")
"""500.00 x 28/31 days, when it is connected three days into the first period, of 31 days."""


def test_the_first_apply_of_active_tenants_begins_their_trials(world: World) -> None:
    world.edit("tenants/beta.yaml", "tariff: master", "tariff: master\nservice: disconnected")
    plan = world.json("plan", exits=2)
    assert not (world.project.state / "vpbx.db").exists()
    [change] = plan["services"]
    assert (change["tenant"], change["events"], change["charged_kop"]) == ("acme", ["activated"], 0)
    assert change["trial_ends_at"] is not None
    assert plan["totals"] == [
        {"currency": "RUB", "charged_kop": 0, "period_kop": {"before": 0, "after": 2000_00}}
    ]
    assert world.json("apply")["services"][0]["events"] == ["activated"]
    assert (world.events("acme"), world.charged()) == (["activated by apply"], [])
    assert world.refused("tenant", "status", "beta").startswith("vpbx: error: beta was never activated")
    assert world.vpbx("plan") == "nothing to do: generation 1 is live\n"


def test_what_changes_money_alone_is_a_change_and_is_posted_as_the_plan_says(paying: World) -> None:
    connect(paying, "analytics")
    plan = paying.json("plan", exits=2)
    assert (plan["files"], plan["reloads"]) == ([], [])
    [change] = plan["services"]
    assert [cost["amount_kop"] for cost in change["charges"]] == [451_61]
    assert "500.00 x 28/31 days = 451.61" in change["charges"][0]["working"]
    assert change["period_kop"] == {"before": 2000_00, "after": 2500_00}
    shown = paying.vpbx("plan", exits=2)
    assert "charged at once: 2451.61 RUB; a whole period: 2000.00 -> 2500.00 RUB" in shown
    applied = paying.json("apply")
    assert (applied["services"], applied["totals"]) == (plan["services"], plan["totals"])
    assert paying.charged() == [*DUE, ANALYTICS]
    assert paying.events("acme")[1:] == ["option_connected by apply"]
    assert paying.vpbx("apply") == "nothing to do: generation 2 is live\n"
    assert paying.charged() == [*DUE, ANALYTICS]
    assert paying.json("history")["generations"][0]["changes"] == {"acme": ["option analytics added: on"]}


def test_more_seats_behind_an_own_limit_of_lines_are_a_change_that_no_fact_shows(paying: World) -> None:
    limited = "tariff: master\nlines: 4"
    paying.edit("tenants/acme.yaml", "tariff: master", limited)
    paying.vpbx("apply")
    paying.edit("tenants/acme.yaml", limited, f"{limited}\nseats: 9")
    plan = paying.json("plan", exits=2)
    assert (plan["tenants"], plan["files"]) == ([], [])
    assert plan["services"][0]["events"] == ["employees 7 -> 9"]
    paying.vpbx("apply")
    assert paying.charged() == [*DUE, ("acme", "extra_employees", 361_29, "apply")]
    assert paying.json("history")["generations"][0]["changes"] == {"acme": ["employees 7 -> 9"]}
    assert paying.vpbx("plan") == "nothing to do: generation 3 is live\n"


def test_a_saved_plan_posts_exactly_what_it_says(paying: World, tmp_path: Path) -> None:
    connect(paying, "analytics")
    saved = tmp_path / "monday.plan"
    paying.vpbx("plan", "--out", str(saved), exits=2)
    paying.vpbx("billing", "run")
    due = [*DUE, ("beta", "master", 1000_00, "billing")]
    assert paying.charged() == due
    paying.vpbx("apply", str(saved))
    assert paying.charged() == [*due, ANALYTICS]
    assert json.loads(saved.read_text())["services"][0]["charges"][0]["amount_kop"] == 451_61


def test_a_plan_that_is_a_day_old_is_refused_before_anything_is_touched(
    paying: World, tmp_path: Path
) -> None:
    connect(paying, "analytics")
    saved = tmp_path / "monday.plan"
    paying.vpbx("plan", "--out", str(saved), exits=2)
    paying.days += 1
    message = paying.refused("apply", str(saved))
    assert "the plan charges 451.61 RUB to acme on" in message and "now it would be 435.48 RUB" in message
    assert (paying.live, paying.charged()) == (1, [])
    assert "435.48" in paying.refused("apply", "--dry-run", str(saved))


def test_a_plan_without_charges_is_as_good_a_day_later(paying: World, tmp_path: Path) -> None:
    paying.edit("tenants/acme.yaml", "title: Отдел продаж", "title: Продажи")
    saved = tmp_path / "monday.plan"
    paying.vpbx("plan", "--out", str(saved), exits=2)
    paying.days += 3
    paying.vpbx("apply", str(saved))
    assert paying.live == 2


def test_a_removed_file_does_nothing_until_it_is_told_to(applied: World) -> None:
    (applied.project.root / "tenants/beta.yaml").unlink()
    stays = "beta: file gone; stays as it is until apply --disconnect beta\n"
    assert applied.vpbx("plan") == f"{stays}nothing to do: generation 1 is live\n"
    assert applied.json("plan")["kept"] == ["beta"]
    applied.vpbx("apply")
    applied.edit("tenants/acme.yaml", "Анна Соколова", "Анна Другая")
    applied.vpbx("apply")
    assert (applied.live, applied.tenants) == (2, ["acme", "beta"])
    assert applied.events("beta") == ["activated by apply"]
    plan = applied.json("plan", "--disconnect", "beta", exits=2)
    assert [(each["name"], each["kind"]) for each in plan["tenants"]] == [("beta", "removed")]
    assert (plan["kept"], plan["disconnect"]) == ([], ["beta"])
    applied.vpbx("apply", "--disconnect", "beta")
    assert (applied.live, applied.tenants) == (3, ["acme"])
    assert applied.events("beta") == ["activated by apply", "disconnected by apply"]
    assert applied.vpbx("apply") == "nothing to do: generation 3 is live\n"


def test_a_plan_is_saved_with_whom_it_disconnects(applied: World, tmp_path: Path) -> None:
    (applied.project.root / "tenants/beta.yaml").unlink()
    saved = tmp_path / "monday.plan"
    applied.vpbx("plan", "--disconnect", "beta", "--out", str(saved), exits=2)
    assert applied.run("apply", str(saved), "--disconnect", "beta").returncode == 2
    applied.vpbx("apply", str(saved))
    assert applied.tenants == ["acme"]


def test_who_may_not_be_disconnected_so_is_told_why(applied: World) -> None:
    message = applied.refused("apply", "--disconnect", "acme")
    assert "its file says that it is active" in message
    assert "write `service: disconnected` in tenants/acme.yaml" in message
    (applied.project.root / "tenants/beta.yaml").unlink()
    message = applied.refused("plan", "--disconnect", "gamma")
    assert "tenant gamma isn't on this switch" in message and "without a file are: beta" in message


def test_files_of_a_tenant_that_stays_are_not_made_anew_when_somebody_edited_them(applied: World) -> None:
    (applied.project.root / "tenants/beta.yaml").unlink()
    edited = applied.project.switch("pbx1").etc / "dialplan/tenants/beta.conf"
    edited.write_text(edited.read_text() + "; mine\n")
    message = applied.refused("apply", "--overwrite")
    assert "files of tenant beta were edited since generation 1, and its own file is gone" in message
    applied.vpbx("apply", "--overwrite", "--disconnect", "beta")
    assert applied.tenants == ["acme"]


def test_a_number_of_a_tenant_that_stays_is_nobody_elses(applied: World) -> None:
    tenants = applied.project.root / "tenants"
    (tenants / "beta.yaml").rename(tenants / "gamma.yaml")
    applied.edit("tenants/gamma.yaml", "name: beta", "name: gamma")
    for verb in (["plan"], ["apply"]):
        message = applied.refused(*verb)
        assert re.search(rf"tenants/gamma\.yaml:\d+:\d+: \{BETA_NUMBER} is a number of tenant beta", message)
        assert "vpbx apply --disconnect beta" in message
    assert (applied.live, applied.tenants) == (1, ["acme", "beta"])
    applied.vpbx("apply", "--disconnect", "beta")
    assert applied.tenants == ["acme", "gamma"]
    assert applied.events("gamma") == ["activated by apply"]


def test_a_disconnected_tenant_and_its_restore_are_dated_events(applied: World) -> None:
    applied.edit("tenants/beta.yaml", "tariff: master", "tariff: master\nservice: disconnected")
    assert "service from" in applied.vpbx("apply")
    assert applied.tenants == ["acme"]
    applied.edit("tenants/beta.yaml", "\nservice: disconnected", "")
    restored = applied.json("apply")
    assert (restored["services"][0]["events"], restored["services"][0]["charged_kop"]) == (["restored"], 0)
    assert applied.tenants == ["acme", "beta"]
    assert applied.events("beta") == [
        "activated by apply",
        "disconnected by apply",
        "restored by apply",
    ]


def test_a_restore_after_the_paid_period_charges_in_full_once(paying: World) -> None:
    paying.edit("tenants/acme.yaml", "service: active", "service: disconnected")
    (paying.project.root / "tenants/beta.yaml").unlink()
    paying.vpbx("apply", "--disconnect", "beta")
    assert paying.charged() == [*DUE, ("beta", "master", 1000_00, "billing")]
    before = paying.charged()
    paying.days += 40
    paying.vpbx("billing", "run")
    assert paying.charged() == before
    paying.edit("tenants/acme.yaml", "service: disconnected", "service: active")
    paying.vpbx("apply")
    full = [("acme", "master", 1000_00, "apply"), ("acme", "recording", 1000_00, "apply")]
    assert paying.charged() == [*before, *full]
    paying.vpbx("apply")
    assert paying.charged() == [*before, *full]


def test_what_waits_to_be_confirmed_is_posted_when_it_is(paying: World) -> None:
    connect(paying, "analytics")
    paying.vpbx("apply", "--confirm-within", "86400")
    assert (paying.live, paying.charged(), len(paying.events("acme"))) == (2, [], 1)
    paying.edit("tenants/acme.yaml", "distribution: all", "distribution: some")
    paying.days += 0.9
    confirmed = paying.json("confirm")
    assert confirmed["services"][0]["events"] == ["option analytics connected"]
    assert paying.charged()[:2] == DUE
    [(_, _, amount_kop, _)] = paying.charged()[2:]
    assert amount_kop == confirmed["services"][0]["charges"][0]["amount_kop"] in (451_61, 435_48)


def test_what_is_not_confirmed_is_never_posted(applied: World) -> None:
    connect(applied, "analytics")
    applied.vpbx("apply", "--confirm-within", "3")
    deadline = time.monotonic() + 60
    while applied.live == 2:
        assert time.monotonic() < deadline, "it did not go back"
        time.sleep(0.1)
    applied.refused("confirm")
    assert (applied.charged(), applied.events("acme")) == ([], ["activated by apply"])


def test_a_rollback_makes_ordinary_events_and_no_refund(paying: World) -> None:
    connect(paying, "analytics")
    text = (paying.project.root / "tenants/beta.yaml").read_text().replace("name: beta", "name: gamma")
    (paying.project.root / "tenants/gamma.yaml").write_text(text.replace(BETA_NUMBER, "+73432223345"))
    paying.vpbx("apply")
    before = paying.charged()
    paying.edit("tenants/acme.yaml", "distribution: all", "distribution: some")
    told = paying.json("rollback")
    assert [(each["tenant"], each["events"]) for each in told["services"]] == [
        ("acme", ["option analytics disconnected"]),
        ("gamma", ["disconnected"]),
    ]
    assert (paying.charged(), paying.tenants) == (before, ["acme", "beta"])
    paying.vpbx("rollback", "2")
    assert paying.events("acme")[-2:] == ["option_disconnected by rollback", "option_connected by rollback"]
    assert paying.events("gamma")[-1] == "restored by rollback"
    assert (paying.charged(), paying.tenants) == (before, ["acme", "beta", "gamma"])


def test_a_fault_in_the_tariffs_stops_a_rollback_that_charges_before_anything_is_touched(
    paying: World,
) -> None:
    connect(paying, "analytics")
    paying.vpbx("apply")
    paying.edit("tariffs/master.yaml", "(?m)^subscription: .*$", "subscription: soon")
    message = paying.run("rollback")
    assert message.returncode == 1 and "tariffs/master.yaml" in message.stderr, message
    assert (paying.live, paying.events("acme")[-1]) == (2, "option_connected by apply")


KILLED = {
    "before anything is noted": ("orchestrator.asterisk.apply", "Generations.swap", "before", False),
    "after the swap": ("orchestrator.asterisk.apply", "Generations.swap", "after", False),
    "before accounts follow": ("orchestrator.settlement", "Settlement.settle", "before", True),
    "after accounts have followed": ("orchestrator.settlement", "Settlement.settle", "after", True),
}


def dying(module: str, name: str, when: str) -> str:
    """What makes a method the last that its process calls."""
    holder, method = name.split(".")
    return f"""
import os, {module} as module
whole = module.{holder}.{method}
def last(*arguments):
    if {when!r} == "after":
        whole(*arguments)
    os._exit(9)
module.{holder}.{method} = last
"""


@pytest.mark.parametrize(("module", "name", "when", "stays"), KILLED.values(), ids=KILLED)
@pytest.mark.parametrize("verb", ["apply", "rollback"])
def test_after_a_kill_and_the_next_verb_accounts_are_those_of_the_generation_that_is_live(
    paying: World, verb: str, module: str, name: str, when: str, stays: bool
) -> None:
    connect(paying, "analytics")
    assert paying.run("apply", python=dying(module, name, when)).returncode == 9
    result = paying.run(verb)
    if verb == "apply":
        assert result.returncode == 0, result
        assert (paying.charged(), paying.events("acme")[1:]) == (
            [*DUE, ANALYTICS],
            ["option_connected by apply"],
        )
    elif stays:
        assert result.returncode == 0, result
        assert paying.charged() == [*DUE, ANALYTICS]
        assert paying.events("acme")[1:] == ["option_connected by apply", "option_disconnected by rollback"]
    else:
        assert "no generation before the live one to go back to" in result.stderr, result
        assert (paying.live, paying.charged(), len(paying.events("acme"))) == (1, [], 1)
    assert not (paying.project.switch("pbx1").root / "apply.json").exists()
    paying.vpbx("apply")
    assert paying.charged() == [*DUE, ANALYTICS]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_confirmation_that_is_killed_is_ended_by_the_next_verb(paying: World, when: str) -> None:
    connect(paying, "analytics")
    paying.vpbx("apply", "--confirm-within", "86400")
    python = dying("orchestrator.settlement", "Settlement.settle", when)
    assert paying.run("confirm", python=python).returncode == 9
    assert "no generation waits to be confirmed" in paying.refused("confirm").splitlines()[-2]
    assert (paying.live, paying.charged()) == (2, [*DUE, ANALYTICS])


def test_a_tenant_of_another_node_is_left_alone(applied: World) -> None:
    applied.edit(
        "platform.yaml",
        r"\ntrunks:",
        "  pbx2: {sip: 127.0.0.1:5070, rtp: 31000-31100, ami: 127.0.0.1:10, metrics: 127.0.0.1:9391}\n"
        "\ntrunks:",
    )
    applied.edit("tenants/beta.yaml", "tariff: master", "tariff: master\nnode: pbx2")
    applied.vpbx("apply", "--node", "pbx1")
    assert (applied.tenants, applied.events("beta")) == (["acme"], ["activated by apply"])
    applied.edit("tenants/beta.yaml", "node: pbx2", "node: pbx2\nservice: disconnected")
    connect(applied, "analytics")
    applied.vpbx("apply", "--node", "pbx2")
    assert applied.events("acme") == ["activated by apply"]
    assert applied.events("beta") == ["activated by apply", "disconnected by apply"]


@pytest.fixture
def deaf(paying: World) -> World:
    """The database is out of reach."""
    paying.edit("platform.yaml", r"database: .*", 'database: "postgresql://vpbx@127.0.0.1:9/vpbx"')
    return paying


def test_with_the_database_out_of_reach_nothing_that_is_to_be_posted_is_applied(deaf: World) -> None:
    connect(deaf, "analytics")
    assert "does not answer" in deaf.refused("apply") and "does not answer" in deaf.refused("plan")
    assert deaf.live == 1


def test_with_the_database_out_of_reach_the_switch_alone_can_be_changed(deaf: World) -> None:
    deaf.edit("tenants/acme.yaml", "Анна Соколова", "Анна Другая")
    result = deaf.run("apply")
    assert result.returncode == 0 and "accounts were not looked at" in result.stderr, result
    assert deaf.live == 2


def test_books_that_fail_when_all_is_done_are_told_and_written_by_the_next_apply(paying: World) -> None:
    connect(paying, "analytics")
    failing = """
import orchestrator.settlement as module
from orchestrator.errors import DatabaseUnavailable
def settle(*arguments):
    raise DatabaseUnavailable("the database is gone")
module.Settlement.settle = settle
"""
    result = paying.run("apply", python=failing)
    assert result.returncode == 1, result
    assert (
        "generation 2 is live, but its service events are not posted yet: the database is gone"
        in result.stderr
    )
    assert (paying.live, paying.charged()) == (2, [])
    result = paying.run("apply")
    assert result.stdout == "nothing to do: generation 2 is live\n"
    assert "option analytics connected" in result.stderr
    assert paying.charged() == [*DUE, ANALYTICS]


def test_a_plan_imports_no_sqlalchemy(paying: World) -> None:
    told = "import atexit, sys; atexit.register(lambda: print('sqlalchemy' in sys.modules))"
    assert paying.run("plan", python=told).stdout.splitlines()[-1] == "False"
