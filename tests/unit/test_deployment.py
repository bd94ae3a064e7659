"""Plan, apply, history and rollback by the real command line, with no switch running."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copied_verbs
import pytest

from orchestrator.asterisk.phones import PhoneRows, phones_of
from orchestrator.project import Project

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
LAST = '  - {extension: "107", name: Наталья Щербакова}\n'
HIRED = '  - {extension: "108", name: Новый Сотрудник}\n'
_DEADLINE_S = 60


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example platform, on ports that nothing listens on; no Asterisk is looked for."""
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = Project(tmp_path / "project")
    edit(made.platform_file, r"ami: \S+", "ami: 127.0.0.1:9")
    return made


@pytest.fixture
def applied(project: Project) -> Project:
    vpbx(project, "apply")
    return project


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count, f"{pattern!r} isn't in {path}"
    path.write_text(text)


def hire(project: Project) -> None:
    edit(project.root / "tenants/acme.yaml", re.escape(LAST), LAST + HIRED)


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VPBX_CACHE": str(project.root.parent / "no-cache")}
    return copied_verbs.run(["-C", str(project.root), *arguments], _DEADLINE_S, environment)


def vpbx(project: Project, *arguments: str, exits: int = 0) -> str:
    result = run(project, *arguments)
    assert result.returncode == exits, result
    return result.stdout


def told(project: Project, *arguments: str, exits: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(vpbx(project, *arguments, "--json", exits=exits))
    assert found["version"] == (2 if arguments[0] == "plan" else 1)
    return found


def refused(project: Project, *arguments: str) -> str:
    result = run(project, *arguments)
    assert (result.returncode, result.stdout) == (1, ""), result
    return result.stderr


def everything(root: Path) -> Mapping[str, tuple[int, bytes]]:
    """Every file below a directory: when it was written, and what is in it."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and "cache" not in path.parts
    }


def live(project: Project) -> int:
    return int(project.switch("pbx1").etc.readlink().name)


def test_a_plan_says_in_service_terms_what_changes_and_exits_with_2(applied: Project) -> None:
    hire(applied)
    edit(applied.root / "tenants/acme.yaml", r"\{department: sales\}", '{employee: "103"}')
    plan = told(applied, "plan", exits=2)
    [tenant] = plan["tenants"]
    assert (tenant["name"], tenant["kind"]) == ("acme", "changed")
    assert tenant["lines"] == {"before": 14, "after": 16}
    assert tenant["changes"] == [
        "employee 108 added: Новый Сотрудник",
        "lines: 14 -> 16",
        "number +74951112233 moved from department sales to employee 103",
    ]
    assert plan["phones"] == {"added": 1, "changed": 0, "removed": 0}
    assert plan["files"] == ["dialplan/tenants/acme.conf", "pjsip/tenants/acme.conf"]
    assert (plan["drift"], plan["switch_running"]) == ([], False)
    shown = vpbx(applied, "plan", exits=2)
    assert "acme  changed  lines 14 -> 16" in shown and "employee 108 added" in shown


def test_nothing_to_do_exits_with_0_and_a_fault_with_1(applied: Project) -> None:
    assert vpbx(applied, "plan") == "nothing to do: generation 1 is live\n"
    edit(applied.root / "tenants/acme.yaml", r"distribution: all", "distribution: some")
    assert "tenants/acme.yaml:" in refused(applied, "plan")


def test_plan_and_dry_run_write_nothing(project: Project) -> None:
    first = everything(project.root)
    vpbx(project, "plan", exits=2)
    vpbx(project, "apply", "--dry-run", exits=2)
    assert everything(project.root) == first
    vpbx(project, "apply")
    hire(project)
    before = everything(project.root)
    vpbx(project, "plan", exits=2)
    assert "employee 108 added" in vpbx(project, "apply", "--dry-run", exits=2)
    assert everything(project.root) == before


def test_a_comment_in_a_file_changes_nothing(applied: Project) -> None:
    file = applied.root / "tenants/acme.yaml"
    file.write_text(file.read_text() + "# looked at on Monday\n")
    assert vpbx(applied, "apply") == "nothing to do: generation 1 is live\n"
    assert live(applied) == 1


def test_a_change_that_no_file_shows_makes_a_generation(applied: Project) -> None:
    edit(applied.root / "tenants/acme.yaml", r"title: Отдел продаж", "title: Продажи")
    plan = told(applied, "plan", exits=2)
    assert plan["tenants"][0]["changes"] == ["department sales title: Отдел продаж -> Продажи"]
    assert plan["files"] == []
    assert vpbx(applied, "apply").startswith("generation 2: 0 file(s) changed\n")
    assert live(applied) == 2
    assert told(applied, "history")["generations"][0]["changes"] == {"acme": plan["tenants"][0]["changes"]}
    assert vpbx(applied, "apply") == "nothing to do: generation 2 is live\n"


def test_a_saved_plan_is_applied_as_it_stands(applied: Project, tmp_path: Path) -> None:
    hire(applied)
    vpbx(applied, "plan", "--out", str(tmp_path / "monday.plan"), exits=2)
    vpbx(applied, "apply", str(tmp_path / "monday.plan"))
    assert live(applied) == 2
    assert vpbx(applied, "plan").startswith("nothing to do")


@pytest.mark.parametrize("what", ["the definitions have moved on", "another generation is live", "no plan"])
def test_a_stale_plan_is_refused_and_nothing_is_touched(applied: Project, tmp_path: Path, what: str) -> None:
    saved = tmp_path / "monday.plan"
    hire(applied)
    vpbx(applied, "plan", "--out", str(saved), exits=2)
    if what == "no plan":
        saved.write_text("{}")
    elif what == "the definitions have moved on":
        edit(applied.root / "tenants/acme.yaml", "Новый Сотрудник", "Другой Сотрудник")
    else:
        vpbx(applied, "apply")
        edit(applied.root / "tenants/acme.yaml", re.escape(HIRED), "")
    before = live(applied)
    message = refused(applied, "apply", str(saved))
    assert "vpbx plan --out" in message and "Traceback" not in message
    assert live(applied) == before


def test_history_tells_who_did_what_from_which_commit(project: Project) -> None:
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", "-C", str(project.root), *command], check=True, timeout=20)
    vpbx(project, "apply")
    hire(project)
    vpbx(project, "apply")
    newest, first = told(project, "history")["generations"]
    assert (newest["generation"], newest["base"], newest["live"]) == (2, 1, True)
    assert newest["changes"] == {"acme": ["employee 108 added: Новый Сотрудник", "lines: 14 -> 16"]}
    assert newest["commit"].endswith("+") and newest["commit"].startswith(first["commit"].rstrip("+"))
    assert newest["user"] and newest["why"] == "apply"


def test_rollback_makes_the_generation_before_live_again_as_a_new_one(applied: Project) -> None:
    rows = PhoneRows(applied.switch("pbx1").phones)
    before = rows.marks()
    hire(applied)
    vpbx(applied, "apply")
    assert len(rows.marks()) == len(before) + 1
    assert told(applied, "rollback")["generation"] == 3
    assert rows.marks() == before
    dialplan = applied.switch("pbx1").etc / "dialplan/tenants/acme.conf"
    assert "exten => 108," not in dialplan.read_text()
    newest = told(applied, "history")["generations"][0]
    assert newest["why"] == "rollback to 1"
    assert newest["changes"]["acme"][0] == "employee 108 removed: Новый Сотрудник"
    assert told(applied, "plan", exits=2)["tenants"][0]["changes"][0].startswith("employee 108 added")
    assert told(applied, "rollback", "2")["generation"] == 4
    assert "exten => 108," in dialplan.read_text()


def test_rollback_to_what_is_not_kept_is_told_with_what_is(applied: Project) -> None:
    hire(applied)
    vpbx(applied, "apply")
    message = refused(applied, "rollback", "7")
    assert "no generation 7 to go back to" in message and "kept: 1" in message


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("dialplan/tenants/acme.conf", "the files of tenant acme were edited"),
        ("pjsip.conf", "pjsip.conf was edited"),
        ("dialplan/blocks/lines.conf", "dialplan/blocks/lines.conf was edited"),
    ],
)
def test_a_generation_that_somebody_edited_is_not_gone_back_to(
    applied: Project, file: str, said: str
) -> None:
    hire(applied)
    vpbx(applied, "apply")
    edited = applied.switch("pbx1").generations / "1" / file
    # What both generations have in common is one file: an editor writes another in its place.
    text = edited.read_text()
    edited.unlink()
    edited.write_text(text + "; mine\n")
    message = refused(applied, "rollback")
    assert f"generation 1: {said} since it was made" in message
    assert live(applied) == 2


def test_a_fault_in_a_tenants_file_keeps_nobody_from_undoing(applied: Project) -> None:
    hire(applied)
    vpbx(applied, "apply", "--confirm-within", "300")
    edit(applied.root / "tenants/acme.yaml", r"distribution: all", "distribution: some")
    assert told(applied, "history")["generations"][0]["waits_for_confirmation"]
    assert told(applied, "confirm")["generation"] == 2
    assert told(applied, "rollback")["generation"] == 3


def test_what_somebody_edited_on_the_switch_is_shown_and_not_overwritten_silently(applied: Project) -> None:
    etc = applied.switch("pbx1").etc
    file = etc / "dialplan/tenants/acme.conf"
    file.write_text(file.read_text().replace(",30,", ",31,"))
    plan = told(applied, "plan", exits=2)
    assert plan["drift"] == ["files of tenant acme were edited since generation 1"]
    message = refused(applied, "apply")
    assert "files of tenant acme were edited" in message and "--overwrite" in message
    vpbx(applied, "apply", "--overwrite")
    assert ",31," not in (etc / "dialplan/tenants/acme.conf").read_text()
    assert told(applied, "plan")["drift"] == []


def test_a_phones_row_that_somebody_edited_is_drift(applied: Project) -> None:
    import sqlite3

    with sqlite3.connect(applied.switch("pbx1").phones) as base:
        base.execute("UPDATE ps_endpoints SET context = 'beta-phones' WHERE context = 'acme-phones'")
    drift = told(applied, "plan", exits=2)["drift"]
    assert len(drift) == 8 and all("was edited in the phones' database" in line for line in drift)
    assert "was edited in the phones' database" in refused(applied, "apply")
    vpbx(applied, "apply", "--overwrite")
    assert told(applied, "plan")["drift"] == []


def test_what_is_not_confirmed_in_time_goes_back_by_itself(applied: Project) -> None:
    hire(applied)
    vpbx(applied, "apply", "--confirm-within", "8")
    assert live(applied) == 2
    assert "waits to be confirmed" in refused(applied, "apply")
    deadline = time.monotonic() + 60
    while live(applied) == 2:
        assert time.monotonic() < deadline, "it did not go back"
        time.sleep(0.1)
    assert told(applied, "history")["generations"][0]["why"] == "rollback to 1: not confirmed in time"
    assert "no generation waits to be confirmed" in refused(applied, "confirm")


def test_what_is_confirmed_stays(applied: Project) -> None:
    hire(applied)
    vpbx(applied, "apply", "--confirm-within", "300")
    assert told(applied, "confirm")["generation"] == 2
    assert vpbx(applied, "plan").startswith("nothing to do")
    assert live(applied) == 2


def test_a_tenant_more_and_a_tenant_less(applied: Project) -> None:
    tenants = applied.root / "tenants"
    text = (tenants / "beta.yaml").read_text().replace("name: beta", "name: gamma")
    (tenants / "gamma.yaml").write_text(text.replace("73432223344", "73432223345"))
    [change] = told(applied, "plan", exits=2)["tenants"]
    assert (change["name"], change["kind"]) == ("gamma", "added")
    vpbx(applied, "apply")
    edit(tenants / "beta.yaml", "tariff: master", "tariff: master\nservice: disconnected")
    [change] = told(applied, "plan", exits=2)["tenants"]
    assert (change["name"], change["kind"]) == ("beta", "removed")
    vpbx(applied, "apply")
    etc = applied.switch("pbx1").etc
    assert sorted(path.name for path in (etc / "dialplan/tenants").iterdir()) == ["acme.conf", "gamma.conf"]
    assert {tenant for tenant, _ in PhoneRows(applied.switch("pbx1").phones).marks().values()} == {
        "acme",
        "gamma",
    }


def test_rows_hold_what_the_file_says_and_carry_its_digest() -> None:
    text = '[d1]\ntype=endpoint\ncallerid="A\\;B" <101>\n[d1]\ntype=auth\npassword=x\n'
    [phone] = phones_of("acme", text)
    assert phone.rows["endpoint"] == {"callerid": '"A;B" <101>', "accountcode": phone.mark}
    [other] = phones_of("acme", text.replace("password=x", "password=y"))
    assert other.mark != phone.mark
