"""`vpbx calls`, `charges`, `explain-call`, `reconcile` and `ledger` on the example platform."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from recorded_calls import Call, csv_bytes

from orchestrator.cli.main import VERBS, root
from orchestrator.definitions import load
from orchestrator.errors import AlreadyReversed, OrchestratorError
from orchestrator.project import Project
from orchestrator.secrets import Secrets

EXAMPLES = Path(__file__).parents[2] / "examples"
CLAIM = (
    "3",
    "PJSIP/e-1",
    "PJSIP/main-1",
    "101",
    "+7495",
    "2026-09-22 09:00:00",
    "",
    "",
    "64",
    "61",
    "ANSWERED",
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example platform with an answered, an unanswered and a foreign call in its record."""
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = Project(tmp_path / "project")
    node = next(iter(load(made.root).platform.nodes))
    systemname = Secrets.open(made.secrets_file).systemname(node)
    paths = made.switch(node)
    paths.cel_file.parent.mkdir(parents=True)
    paths.cdr_file.parent.mkdir(parents=True)
    calls = [answered(systemname), Call(2, None, systemname=systemname), Call(3, 9, systemname="s9")]
    paths.cel_file.write_bytes(csv_bytes(row for call in calls for row in call.rows()))
    call = calls[0]
    paths.cdr_file.write_bytes(csv_bytes([(systemname, call.trunk_leg, call.linkedid, *CLAIM)]))
    return made


def answered(systemname: str) -> Call:
    return Call(1, 61, systemname=systemname)


def run(project: Project, *arguments: str) -> Result:
    done = CliRunner().invoke(root, ["-C", str(project.root), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def linkedid(project: Project) -> str:
    return answered(next(iter(json.loads(project.secrets_file.read_text())["systemnames"].values()))).linkedid


def test_charges_bring_the_record_in_and_print_stable_json(project: Project) -> None:
    data = json.loads(run(project, "charges", "list", "acme", "--json").stdout)
    (charge,) = data["charges"]
    assert data["version"] == 1
    assert charge["key"].endswith("/call")
    wanted = {"tenant": "acme", "kind": "call", "direction": "out", "billable_s": 120, "estimated": False}
    assert {name: charge[name] for name in wanted} == wanted
    assert (charge["from"], charge["to"], charge["linkedid"]) == (
        "+74951110000",
        "+74957654321",
        linkedid(project),
    )
    assert charge["amount_kop"] > 0
    assert charge["deck_prefix"]
    assert json.loads(run(project, "charges", "list", "beta", "--json").stdout)["charges"] == []


def test_without_reconciling_only_what_is_stored_is_shown(project: Project) -> None:
    assert json.loads(run(project, "charges", "list", "--json", "--no-reconcile").stdout)["charges"] == []


def test_calls_show_what_was_not_charged_too(project: Project) -> None:
    data = json.loads(run(project, "calls", "list", "--json").stdout)
    assert [call["answered_at"] is None for call in data["calls"]] == [True, False]
    assert json.loads(run(project, "calls", "list", "--since", "2026-09-23", "--json").stdout)["calls"] == []
    assert len(json.loads(run(project, "calls", "list", "--limit", "1", "--json").stdout)["calls"]) == 1
    header, *rows = run(project, "calls", "list", "acme").stdout.splitlines()
    assert header.split("\t")[:2] == ["started", "tenant"]
    assert len(rows) == 2
    assert "2026-09-22 12:00:00" in rows[0]


def test_a_time_that_is_none_is_refused(project: Project) -> None:
    done = CliRunner().invoke(root, ["-C", str(project.root), "calls", "list", "--since", "yesterday"])
    assert done.exit_code == 2
    assert "2026-09-22" in done.output


def test_explain_call_names_every_source(project: Project) -> None:
    text = run(project, "explain-call", linkedid(project)).stdout
    for part in (
        "vpbx.leg",
        "decision admitted",
        "held a line",
        "2 x 60 s",
        "ledger_entry",
        "switch_cdr",
        "61 of 64 s",
    ):
        assert part in text
    data = json.loads(run(project, "explain-call", linkedid(project), "--json").stdout)
    assert data["version"] == 1
    assert (len(data["legs"]), len(data["charges"]), len(data["claims"])) == (1, 1, 1)
    assert data["events"][0]["kind"] == "CHAN_START"


def test_reconcile_counts_and_leaves_open_calls_when_the_switch_is_down(project: Project) -> None:
    done = run(project, "reconcile", "--json")
    (counts,) = json.loads(done.stdout)["nodes"].values()
    wanted = {"charged": 1, "legs": 2, "foreign": len(Call(3, 9).rows()), "quarantined": 0, "open": 0}
    assert {name: counts[name] for name in wanted} == wanted
    assert "open calls stay open" in done.stderr
    assert "charged 0" in run(project, "reconcile").stdout


def test_the_ledger_verifies_and_dumps(project: Project) -> None:
    run(project, "reconcile")
    told = json.loads(run(project, "ledger", "verify", "--json").stdout)
    wanted = {"version": 2, "entries": 1, "recomputed": 1, "not_recomputed": 0, "reversals": 0}
    assert {name: told[name] for name in wanted} == wanted
    assert len(told["head"]) == 64
    assert set(told["balances_kop"]) == {"tenant:acme", "revenue:usage", "vat"}
    assert sum(told["balances_kop"].values()) == 0
    holds, again = run(project, "ledger", "verify").stdout.splitlines()
    assert holds.startswith("1 entries hold, head ")
    assert again == "1 charges computed again, 0 reversals exact"
    (line,) = run(project, "ledger", "dump").stdout.splitlines()
    assert sum(json.loads(line)["postings"].values()) == 0


def test_a_charge_is_reversed_once_and_shown_with_what_it_takes_back(project: Project) -> None:
    (charge,) = json.loads(run(project, "charges", "list", "--json").stdout)["charges"]
    key, amount_kop = charge["key"], charge["amount_kop"]
    told = json.loads(run(project, "charge", "reverse", key, "--why", "their own test", "--json").stdout)
    wanted = {"version": 1, "key": f"{key}/reversal", "reverses": key, "amount_kop": -amount_kop}
    assert {name: told[name] for name in wanted} == wanted
    assert (told["tenant"], told["why"]) == ("acme", "their own test")
    reversal, original = json.loads(run(project, "charges", "list", "--json").stdout)["charges"]
    assert (original["key"], original["reverses"]) == (key, None)
    said = {name: reversal[name] for name in ("key", "kind", "reverses", "amount_kop", "why", "by")}
    assert said == {
        "key": f"{key}/reversal",
        "kind": "reversal",
        "reverses": key,
        "amount_kop": -amount_kop,
        "why": "their own test",
        "by": told["by"],
    }
    assert told["by"]
    assert f"takes back {key}: their own test ({told['by']})" in run(project, "charges", "list").stdout
    assert f"takes back {key}: their own test" in run(project, "explain-call", linkedid(project)).stdout
    again = CliRunner().invoke(root, ["-C", str(project.root), "charge", "reverse", key, "--why", "again"])
    assert isinstance(again.exception, AlreadyReversed)
    assert run(project, "ledger", "verify").stdout.startswith("2 entries hold")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["s1/s1-1.1/call", "--why", "x"], "the ledger has no entry s1/s1-1.1/call"),
        (["s1/s1-1.1/call", "--why", "  "], "say why"),
        (["s1/s1-1.1/call"], "--why"),
    ],
)
def test_a_reversal_that_cannot_be_says_why_not(project: Project, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(root, ["-C", str(project.root), "charge", "reverse", *arguments])
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)
    assert run(project, "ledger", "verify", "--no-reconcile").stdout.startswith("0 entries hold")


def test_the_ledger_is_exported_whole_or_not_at_all(project: Project, tmp_path: Path) -> None:
    text = run(project, "ledger", "export", "--format", "beancount").stdout
    assert "open Assets:Receivable:Acme RUB" in text
    out = tmp_path / "books.beancount"
    assert run(project, "ledger", "export", "--out", str(out)).stdout == ""
    assert out.read_text() == text
    none = run(project, "ledger", "export", "--from", "2026-09-23").stdout
    assert "2026-09-22 *" in text and " * " not in none
    assert run(project, "ledger", "export", "--to", "2026-09-22").stdout.count(" * ") == 0
    missing = tmp_path / "no" / "books"
    done = CliRunner().invoke(root, ["-C", str(project.root), "ledger", "export", "--out", str(missing)])
    assert isinstance(done.exception, OrchestratorError)
    assert str(missing) in done.exception.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.beancount", "project"]


@pytest.mark.parametrize("verb", ["calls", "charge", "charges", "explain-call", "ledger", "reconcile"])
def test_the_root_command_knows_the_verb(verb: str) -> None:
    assert verb in VERBS
