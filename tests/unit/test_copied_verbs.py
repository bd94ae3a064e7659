"""A verb in a copied process does and tells what the program does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import copied_verbs
import pytest
from stepped_clock import stepped

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
VPBX = str(Path(sys.executable).with_name("vpbx"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = tmp_path_factory.mktemp("copied") / "project"
    shutil.copytree(EXAMPLES, copied, ignore=shutil.ignore_patterns(".vpbx"))
    platform = copied / "platform.yaml"
    platform.write_text(platform.read_text().replace("127.0.0.1:5038", "127.0.0.1:1"))
    return copied


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("--version", 0),
        ("show acme", 0),
        ("devices acme --json", 0),
        ("validate", 0),
        ("switch status --json", 3),
        ("lines acme", 1),
        ("no-such-verb", 2),
    ],
)
def test_it_prints_and_exits_as_the_program_does(project: Path, verb: str, code: int) -> None:
    asked = ["-C", str(project), *verb.split()]
    program = subprocess.run([VPBX, *asked], capture_output=True, text=True, timeout=60, check=False)
    copy = copied_verbs.run(asked, 60)
    told = (copy.returncode, copy.stdout, copy.stderr)
    assert told == (program.returncode, program.stdout, program.stderr)
    assert copy.returncode == code


def test_it_has_the_environment_of_the_moment_and_none_of_an_earlier_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPBX_PROJECT", str(project))
    assert copied_verbs.run(["show", "acme"], 60).returncode == 0
    monkeypatch.delenv("VPBX_PROJECT")
    monkeypatch.chdir(project.parent)
    assert copied_verbs.run(["show", "acme"], 60).returncode == 1
    monkeypatch.chdir(project)
    assert copied_verbs.run(["show", "acme"], 60).returncode == 0


def test_its_clock_is_stepped_anew_each_time(project: Path) -> None:
    for days in (31, 91, 0):
        clock = stepped(timedelta(days=days))
        plan = json.loads(copied_verbs.run(["-C", str(project), "plan", "--json"], 60, clock).stdout)
        ahead = datetime.fromisoformat(plan["services"][0]["trial_ends_at"]) - datetime.now(UTC)
        assert timedelta(days=days + 6) < ahead < timedelta(days=days + 8)


def test_one_that_does_not_end_in_time_is_killed(project: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        copied_verbs.run(["-C", str(project), "listen"], 1.5)
