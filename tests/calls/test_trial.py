"""`vpbx try`, the hooks and the CI files of an operator's repository: run as an operator's CI runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator import definitions
from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.instance import Instance
from orchestrator.candidate import choose_node
from orchestrator.errors import NotFound
from orchestrator.model.tenant import Did, Target
from orchestrator.project import Project, SwitchPaths
from orchestrator.trial.trial import CALLER, cast_of, trial

pytestmark = pytest.mark.switch

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent
HOOKS = ROOT / ".pre-commit-hooks.yaml"
INSTALLS = re.compile(r"apt-get|pip|python3 -m venv|echo /opt|export PATH")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An operator's own repository."""
    made = tmp_path / "operator"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns(".vpbx", "ci", "demo.py"))
    return made


def shell(repository: Path, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-ec", line],
        cwd=repository,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_definitions_are_proved_by_calls_and_the_project_stays_as_it_was(
    repository: Path, asterisk: Asterisk
) -> None:
    before = sorted(repository.rglob("*"))
    done = shell(repository, "vpbx try acme --json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["version"], told["ok"]) == (1, True)
    assert [each["what"] for each in told["outcomes"]] == [
        "a switch runs with it and has every object: 2 tenant(s)",
        "acme: the phone of 102 registers",
        "acme: the phone of 101 registers",
        "acme: 102 calls 101, which answers",
        f"acme: {CALLER} calls +74951112233, 101 answers",
    ]
    assert sorted(repository.rglob("*")) == before


def test_a_call_that_does_not_get_through_is_told_with_the_switchs_answer(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    loaded = definitions.load(EXAMPLES)
    node = choose_node(loaded, None)
    cast = cast_of(loaded, node, "beta")
    wrong = replace(cast, number=Did("+74950000000", Target("employee", "101")))
    *before, last = trial(Project(EXAMPLES), loaded, wrong, node, asterisk, tmp_path)
    assert [each.fault for each in before] == ["", "", "", ""]
    assert "404 Not Found" in last.fault
    assert Instance(SwitchPaths(tmp_path / "switch"), asterisk).pid() is None


def test_a_phone_that_calls_what_its_tenant_does_not_have_is_told(asterisk: Asterisk, tmp_path: Path) -> None:
    loaded = definitions.load(EXAMPLES)
    node = choose_node(loaded, None)
    cast = cast_of(loaded, node, None)
    stranger = replace(cast.callee, extension="999")
    acme = replace(cast.tenant, employees=(*cast.tenant.employees, stranger))
    found = list(
        trial(
            Project(EXAMPLES), loaded, replace(cast, tenant=acme, callee=stranger), node, asterisk, tmp_path
        )
    )
    assert found[-1].what == "acme: the phone of 999 registers" and "401" in found[-1].fault


def test_a_tenant_alone_with_itself_can_not_be_tried() -> None:
    loaded = definitions.load(EXAMPLES)
    beta = loaded.tenants["beta"]
    alone = replace(loaded, tenants={"beta": replace(beta, employees=beta.employees[:1])})
    with pytest.raises(NotFound):
        cast_of(alone, choose_node(loaded, None), None)


def github_lines() -> Iterator[str]:
    jobs = yaml.safe_load((EXAMPLES / "ci/github-actions.yml").read_text())["jobs"]
    for job in jobs.values():
        for step in job["steps"]:
            yield from step.get("run", "").splitlines()


def gitlab_lines() -> Iterator[str]:
    written: dict[str, Any] = yaml.safe_load((EXAMPLES / "ci/gitlab-ci.yml").read_text())
    yield from written["before_script"]
    for stage in written["stages"]:
        yield from written[stage]["script"]


@pytest.mark.parametrize("lines", [github_lines, gitlab_lines], ids=["github", "gitlab"])
def test_the_lines_of_a_ci_file_run(lines: Any, repository: Path, asterisk: Asterisk) -> None:
    shown = [line for line in lines() if not INSTALLS.search(line)]
    assert [line.split(" ")[1] for line in shown] == ["validate", "render", "render", "switch", "try"]
    for line in shown:
        done = shell(repository, line)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    assert (repository / "rendered/extensions.conf").is_file()


def test_a_ci_file_stops_at_a_mistake(repository: Path) -> None:
    tenant = repository / "tenants/acme.yaml"
    tenant.write_text(tenant.read_text().replace('members: ["101"', 'members: ["109"'))
    for line in ("vpbx validate", "vpbx render --check"):
        assert shell(repository, line).returncode == 1


@pytest.mark.parametrize("hook", yaml.safe_load(HOOKS.read_text()), ids=lambda hook: hook["id"])
def test_a_hook_lets_good_definitions_pass_and_stops_bad_ones(hook: dict[str, Any], repository: Path) -> None:
    assert hook["language"] == "python" and hook["pass_filenames"] is False
    for file in (
        "platform.yaml",
        "tenants/acme.yaml",
        "site/tariffs/master.yaml",
        "decks/multifon-business.csv",
    ):
        assert re.search(hook["files"], file)
    assert not re.search(hook["files"], "README.md")
    assert shell(repository, hook["entry"]).returncode == 0
    (repository / "tenants/beta.yaml").write_text("version: 1\nname: beta\n")
    failed = shell(repository, hook["entry"])
    assert failed.returncode == 1 and "tenants/beta.yaml:1:1: missing-key" in failed.stdout + failed.stderr


def test_the_example_of_a_pre_commit_configuration_names_the_hooks() -> None:
    [repo] = yaml.safe_load((EXAMPLES / "ci/pre-commit-config.yaml").read_text())["repos"]
    assert [each["id"] for each in repo["hooks"]] == [
        each["id"] for each in yaml.safe_load(HOOKS.read_text())
    ]


def test_pre_commit_takes_the_manifest() -> None:
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)], timeout=60, check=True
    )
