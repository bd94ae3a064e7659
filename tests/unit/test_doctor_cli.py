"""`vpbx doctor` as an operator meets it, without a switch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestrator.asterisk import install
from orchestrator.cli import doctor as verb
from orchestrator.cli.main import root
from orchestrator.doctor import examine
from orchestrator.doctor.catalogue import table
from orchestrator.doctor.finding import Check, Finding
from orchestrator.errors import DatabaseUnavailable

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[2]
FIELDS = {"code", "severity", "node", "seen", "why", "do"}
FIT = Check("fit", "a", "b", warning_when="c", problem_when="d")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    return tmp_path / "project"


def run(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), "doctor", *arguments])


def findings(result: Result) -> dict[str, dict[str, Any]]:
    told = json.loads(result.stdout)
    assert told["version"] == 1
    assert all(set(finding) == FIELDS for finding in told["findings"])
    return {finding["code"]: finding for finding in told["findings"]}


def found(monkeypatch: pytest.MonkeyPatch, *given: Finding) -> None:
    monkeypatch.setattr(verb, "examine", lambda _project, _node: list(given))


def test_without_a_switch_it_says_so_and_checks_the_rest(project: Path) -> None:
    told = findings(run(project, "--json"))
    assert (told["switch-running"]["severity"], told["switch-running"]["seen"]) == (
        "warning",
        "it doesn't run",
    )
    assert told["configuration-applied"]["severity"] == "warning"
    assert told["definitions"]["severity"] == told["check-failed"]["severity"] == "ok"
    assert {"python-version", "host-name", "disk-space", "open-files", "secrets-file"} <= set(told)
    assert {finding["node"] for finding in told.values()} == {"pbx1"}


def test_it_changes_nothing_and_makes_nothing(project: Path) -> None:
    before = sorted(project.rglob("*"))
    run(project)
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("given", "status", "strict"),
    [
        ([FIT.ok("x")], 0, 0),
        ([FIT.ok("x"), FIT.warning("x", "y")], 0, 1),
        ([FIT.warning("x", "y"), FIT.problem("x", "y")], 1, 1),
    ],
)
def test_the_exit_code_tells_problems_and_with_strict_warnings(
    project: Path, monkeypatch: pytest.MonkeyPatch, given: list[Finding], status: int, strict: int
) -> None:
    found(monkeypatch, *given)
    assert (run(project).exit_code, run(project, "--strict").exit_code) == (status, strict)
    assert (run(project, "--json").exit_code, run(project, "--json", "--strict").exit_code) == (
        status,
        strict,
    )


def test_the_worst_is_shown_first_and_what_is_well_on_request(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, FIT.ok("all well"), FIT.warning("so so", "look"), FIT.problem("bad\x1b[2J", "mend"))
    result = run(project)
    begins = [line.split()[0] for line in result.stdout.splitlines()]
    assert begins == ["problem", "why:", "do:", "warning", "why:", "do:"]
    assert "\x1b" not in result.stdout and "all well" not in result.stdout
    assert result.stderr == "1 problems, 1 warnings, 1 checks well\n"
    assert run(project, "--all").stdout.splitlines()[-1] == "ok       fit: all well"


def test_faulty_definitions_are_a_finding_and_the_machine_is_looked_at(project: Path) -> None:
    (project / "platform.yaml").write_text("version: 1\n")
    result = run(project, "--json")
    told = findings(result)
    assert result.exit_code == 1
    assert told["definitions"]["severity"] == "problem" and "vpbx validate" in told["definitions"]["do"]
    assert {"python-version", "asterisk-version", "clock-date", "host-name"} <= set(told)
    assert {finding["node"] for finding in told.values()} == {None}


def test_a_directory_without_a_project_is_a_finding(tmp_path: Path) -> None:
    assert findings(run(tmp_path, "--json"))["definitions"]["severity"] == "problem"


def test_damaged_secrets_are_findings_not_a_traceback(project: Path) -> None:
    (project / ".vpbx").mkdir()
    (project / ".vpbx/secrets.json").write_text("{")
    (project / ".vpbx/secrets.json").chmod(0o600)
    result = run(project, "--json")
    assert result.exit_code == 1
    told = [finding for finding in json.loads(result.stdout)["findings"] if finding["code"] == "check-failed"]
    assert told and all("secrets.json" in finding["seen"] for finding in told)


def test_a_node_that_is_not_there_is_told(project: Path) -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("vpbx")), "-C", str(project), "doctor", "--node", "pbx9"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("vpbx: error: node 'pbx9' isn't one of pbx1")


def test_no_asterisk_at_all_is_a_problem(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find", lambda: None)
    result = run(project, "--json")
    assert result.exit_code == 1
    assert findings(result)["asterisk-version"]["do"] == "vpbx switch install"


def raises() -> Iterator[Finding]:
    yield FIT.ok("first")
    raise ValueError("broken")


def refuses() -> Iterator[Finding]:
    raise DatabaseUnavailable("the disk is gone", "mount it")


def hangs() -> Iterator[Finding]:
    time.sleep(30)
    yield FIT.ok("too late")


def test_a_check_that_fails_or_hangs_is_a_finding_and_holds_nothing_up() -> None:
    begun = time.monotonic()
    groups = {"good": lambda: [FIT.ok("x")], "faulty": raises, "refusing": refuses, "hanging": hangs}
    told = examine.run_groups(groups, deadline_s=1.0)
    assert time.monotonic() - begun < 10
    failed = [finding for finding in told if finding.code == "check-failed"]
    assert [finding.seen for finding in failed] == [
        "faulty: ValueError: broken",
        "refusing: the disk is gone",
        "hanging: not done in 1 s",
    ]
    assert {finding.severity for finding in failed} == {"problem"}
    assert [finding.seen for finding in told if finding.code == "fit"] == ["x"]


def test_the_page_has_the_table_made_from_the_checks() -> None:
    text = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    assert f"<!-- checks -->\n{table()}<!-- /checks -->" in text


def test_help_tells_the_exit_codes() -> None:
    text = CliRunner().invoke(root, ["doctor", "--help"]).stdout
    assert "Exits with 0" in text and "--strict" in text
