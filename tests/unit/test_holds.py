"""Legal holds by the command line, and the figures that go with retention."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from active_tenants import ACTIVATED, EXAMPLES, take, tariffs
from click.testing import CliRunner, Result

from orchestrator.cli.main import root
from orchestrator.model.call import Systemname
from orchestrator.model.recording import Recording
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The examples, with acme active and a recording of it whose term is over."""
    made = tmp_path / "project"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns(".vpbx"))
    store = SqlStore.open(f"sqlite:///{made}/.vpbx/vpbx.db")
    now = datetime.now(UTC)
    take(store, now - timedelta(days=400), ACTIVATED, by=tariffs())
    file = made / ".vpbx/recordings/acme/1.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"RIFF")
    began = now - timedelta(days=380)
    item = Recording(
        *(Systemname("s1"), "s1-1.1", "s1-1.0", "acme", "acme/1.wav", began, "complete"),
        bytes=4,
        retain_until=(now - timedelta(days=10)).date(),
    )
    RecordingIndex(store.database).keep([item])
    store.close()
    return made


def run(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *arguments])


def told(project: Path, *arguments: str) -> dict[str, Any]:
    done = run(project, *arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["version"] == 1
    return found


def test_a_hold_keeps_a_recording_until_it_is_lifted(project: Path) -> None:
    file = project / ".vpbx/recordings/acme/1.wav"
    assert told(project, "hold", "add", "acme", "--call", "s1-1.0", "--reason", "case 12/345")["id"] == 1
    [item] = told(project, "purge", "--dry-run")["items"]
    assert (item["tenant"], item["number"], item["bytes"], item["held_by"]) == ("acme", 1, 4, [1])
    assert told(project, "billing", "run")["recordings_expired"] == 0
    assert file.exists()
    told(project, "hold", "remove", "1", "--reason", "case closed")
    [item] = told(project, "purge", "--dry-run")["items"]
    assert item["held_by"] == []
    assert told(project, "purge")["expired"] == [{"tenant": "acme", "recordings": 1, "bytes": 4}]
    assert not file.exists()
    audit = told(project, "tenant", "status", "acme")
    assert "hold 1 placed: call s1-1.0" in json.dumps(audit)


def test_holds_are_listed_with_who_and_why(project: Path) -> None:
    told(project, "hold", "add", "acme", "--from", "2026-01-01", "--to", "2026-01-31", "--reason", "court")
    told(project, "hold", "add", "beta", "--reason", "dispute")
    told(project, "hold", "remove", "2", "--reason", "settled")
    [standing] = told(project, "hold", "list")["holds"]
    assert (standing["tenant"], standing["from"], standing["to"]) == ("acme", "2026-01-01", "2026-01-31")
    assert standing["placed_by"] and standing["reason"] == "court"
    [lifted] = told(project, "hold", "list", "beta", "--all")["holds"]
    assert (lifted["lifted_why"], bool(lifted["lifted_at"])) == ("settled", True)
    assert "data of 2026-01-01 to 2026-01-31" in run(project, "hold", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["add", "acmee", "--reason", "x"], 1, "did you mean `acme`?"),
        (["add", "acme", "--reason", " "], 2, "say why"),
        (["add", "acme", "--reason", "x", "--from", "2026-02-01", "--to", "2026-01-01"], 2, "before --from"),
        (["add", "acme", "--reason", "x", "--call", "1", "--to", "2026-01-01"], 2, "without --from"),
        (["remove", "7", "--reason", "x"], 1, "no hold 7"),
    ],
)
def test_what_can_not_be_held_is_told(project: Path, arguments: list[str], code: int, said: str) -> None:
    done = run(project, "hold", *arguments)
    text = (
        done.output + str(getattr(done.exception, "message", "")) + str(getattr(done.exception, "hint", ""))
    )
    assert (bool(done.exit_code), said in text) == (bool(code), True), text
    assert told(project, "hold", "list", "--all")["holds"] == []


def test_a_hold_is_lifted_once(project: Path) -> None:
    told(project, "hold", "add", "acme", "--reason", "court")
    told(project, "hold", "remove", "1", "--reason", "closed")
    done = run(project, "hold", "remove", "1", "--reason", "again")
    assert getattr(done.exception, "code", "") == "hold-lifted"


def test_storage_tells_what_is_kept_and_what_differs(project: Path) -> None:
    [kept] = told(project, "storage", "acme")["tenants"]
    assert (kept["recordings"], kept["recordings_here"]) == (
        {"number": 1, "bytes": 4},
        {"number": 1, "bytes": 4},
    )
    assert kept["differences"] == []
    (project / ".vpbx/recordings/acme/1.wav").unlink()
    done = run(project, "storage")
    assert "whose file is gone, the first acme/1.wav" in done.stderr
    assert "1 (4 B)" in done.stdout
