"""After a purge nobody finds the tenant's people and callers, in whatever file of the project they look."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from left_messages import leave
from recorded_calls import Call, record_of

from orchestrator.cli.main import root
from orchestrator.model.call import Systemname
from orchestrator.model.record import BadRecord
from orchestrator.project import Project
from orchestrator.secrets import Secrets
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
CALLED, CALLER, NAME = "+79031230000", "+79037654321", "Аполлинария"
EMPLOYEE, HIRED = "Анна Соколова", "Пульхерия Ивановна"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The examples, applied twice, with what calls of acme leave behind."""
    monkeypatch.setenv("VPBX_CACHE", str(tmp_path / "no-cache"))
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = Project(tmp_path / "project")
    edit(made.platform_file, r"ami: \S+", "ami: 127.0.0.1:9")
    vpbx(made, "apply")
    edit(
        made.root / "tenants/acme.yaml",
        r"(?m)^employees:$",
        f'employees:\n  - {{extension: "108", name: {HIRED}}}',
    )
    vpbx(made, "apply")
    paths = made.switch("pbx1")
    name = Secrets.open(made.secrets_file).systemname("pbx1")
    now = datetime.now(UTC)
    calls = [
        Call(
            number, 30, begin=now - timedelta(hours=1, seconds=number), to=CALLED, systemname=name, name=NAME
        )
        for number in range(300)
    ]
    others = [
        Call(1000 + number, 30, begin=call.begin, tenant="beta", systemname=name, name="x")
        for number, call in enumerate(calls)
    ]
    paths.cel_file.parent.mkdir(parents=True)
    mixed = [call for pair in zip(calls, others, strict=True) for call in pair]
    paths.cel_file.write_bytes(record_of(mixed) + f'"odd","{CALLER}"\n'.encode())
    vpbx(made, "reconcile")
    leave(paths.spool, "acme-mailboxes/101/INBOX", callerid=f'"{NAME}" <{CALLER}>')
    with closing(sqlite3.connect(paths.lib / "astdb.sqlite3")) as base, base:
        base.execute("CREATE TABLE astdb (key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        base.execute("INSERT INTO astdb VALUES (?, '101')", (f"/vpbx-manager/acme/{CALLER}",))
    store = SqlStore.open(f"sqlite:///{made.state}/vpbx.db")
    with store.reconciling() as unit:
        bad = BadRecord("vpbx-cel.csv", 0, f"torn {CALLER}".encode(), 20, "torn")
        unit.quarantine(Systemname(name), [bad], now)
    store.close()
    return made


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count, f"{pattern!r} isn't in {path}"
    path.write_text(text)


def vpbx(project: Project, *arguments: str) -> str:
    done = CliRunner().invoke(root, ["-C", str(project.root), *arguments])
    assert done.exit_code == 0, (arguments, done.output, done.exception)
    return done.stdout


def traces(project: Project) -> set[tuple[str, str]]:
    """Files below .vpbx that hold a name or number of acme's, in UTF-8 or as JSON writes it."""
    found = set()
    for word in (CALLED, CALLER, NAME, EMPLOYEE, HIRED):
        spelled = {word.encode(), json.dumps(word)[1:-1].encode(), word.removeprefix("+").encode()}
        for path in project.state.rglob("*"):
            if path.is_file() and any(each in path.read_bytes() for each in spelled):
                found.add((str(path.relative_to(project.state)), word))
    return found


def test_no_file_of_the_project_knows_a_purged_tenants_people_and_callers(project: Project) -> None:
    held = {word for _, word in traces(project)}
    assert held == {CALLED, CALLER, NAME, EMPLOYEE, HIRED}, "the search finds nothing: it proves nothing"
    (project.root / "tenants/acme.yaml").unlink()
    vpbx(project, "apply", "--disconnect", "acme")
    paths = project.switch("pbx1")
    month_ago = datetime.now(UTC).timestamp()
    paths.cel_file.rename(paths.cel_file.with_name("vpbx-cel.csv.1"))
    os.utime(paths.cel_file.with_name("vpbx-cel.csv.1"), (month_ago, month_ago))
    gone = datetime.now(UTC) + timedelta(days=92)
    due = json.loads(vpbx(project, "purge", "--dry-run", "--at", gone.isoformat(), "--json"))["items"]
    assert {(each["tenant"], each["what"]) for each in due} >= {
        ("acme", "call legs"),
        ("acme", "messages"),
        ("acme", "secrets"),
        ("acme", "generations"),
        ("acme", "kept by switches"),
        (None, "files of the switch's record"),
        (None, "unreadable records"),
    }
    vpbx(project, "purge", "--at", gone.isoformat())
    assert traces(project) == set()
    assert json.loads(vpbx(project, "purge", "--dry-run", "--at", gone.isoformat(), "--json"))["items"] == []
    [generation] = json.loads(vpbx(project, "history", "--json"))["generations"]
    assert (generation["generation"], generation["live"], generation["changes"]) == (3, True, {})
    vpbx(project, "ledger", "verify")
    kept = json.loads(vpbx(project, "storage", "--json"))["tenants"]
    assert {each["tenant"]: bool(each["call_rows"]) for each in kept} == {"acme": False, "beta": True}
    vpbx(project, "apply")
