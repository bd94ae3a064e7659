"""A store of recordings from its line in YAML to the verbs that read what lies there."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from active_tenants import ACTIVATED, EXAMPLES, take, tariffs
from click.testing import CliRunner, Result
from recorded_calls import SYSTEMNAME
from recording_sender import SENDER, platform_with, without_storage
from s3_server import KEYS, S3, Faults, proxy, s3_server

from orchestrator import definitions
from orchestrator.asterisk.listening import free_port
from orchestrator.cli.main import root
from orchestrator.courier import Courier
from orchestrator.daemon import UtcClock
from orchestrator.errors import DefinitionsInvalid
from orchestrator.model.platform import RecordingStore
from orchestrator.model.recording import Recording
from orchestrator.project import Project
from orchestrator.recording_files import Stores
from orchestrator.secrets import Secrets
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore

VPBX = str(Path(sys.executable).with_name("vpbx"))
CONTENT = b"RIFF" * 500
_DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The examples with a store, and a recording of acme whose term is over in a year."""
    s3.empty()
    monkeypatch.setenv("S3_KEY", KEYS.key)
    monkeypatch.setenv("S3_SECRET", KEYS.secret)
    made = Project(tmp_path / "project")
    shutil.copytree(EXAMPLES, made.root, ignore=shutil.ignore_patterns(".vpbx"))
    point(made, s3.url(), keep_local_days=0)
    store = opened(made)
    now = datetime.now(UTC)
    take(store, now, ACTIVATED, by=tariffs())
    file = made.root / ".vpbx/recordings/acme/1.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    item = Recording(
        *(SYSTEMNAME, f"{SYSTEMNAME}-1.1", f"{SYSTEMNAME}-1.0", "acme", "acme/1.wav", now, "complete"),
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        retain_until=(now + timedelta(days=365)).date(),
    )
    RecordingIndex(store.database).keep([item])
    store.close()
    return made


def point(project: Project, url: str, keep_local_days: int) -> None:
    """Send the project's recordings to a store."""
    project.platform_file.write_text(platform_with(url, keep_local_days))


def opened(project: Project) -> SqlStore:
    return SqlStore.open(f"sqlite:///{project.state}/vpbx.db")


def send(project: Project, rounds: int = 2) -> None:
    store = opened(project)
    platform = definitions.load_platform(project.root).platform
    stores = Stores(project, lambda: platform)
    directory = project.recordings(".vpbx/recordings")
    courier = Courier(SYSTEMNAME, directory, lambda: store, stores, UtcClock())
    for _ in range(rounds):
        courier.round(CopyIndex(store.database))
    store.close()


def run(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project.root), *arguments])


def told(project: Project, *arguments: str) -> dict[str, Any]:
    done = run(project, *arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_verbs_work_with_a_recording_that_is_away(project: Project, s3: S3, tmp_path: Path) -> None:
    send(project)
    assert not (project.root / ".vpbx/recordings/acme/1.wav").exists()
    [item] = told(project, "recordings", "list", "acme")["recordings"]
    assert (item["place"], item["object"]) == ("away", "acme/1.wav")
    assert "s3://recordings/calls/acme/1.wav" in run(project, "recordings", "list").stdout
    out = tmp_path / "out.wav"
    assert run(project, "recordings", "get", item["id"], "--out", str(out)).exit_code == 0
    assert out.read_bytes() == CONTENT
    assert told(project, "recordings", "verify")["faults"] == []
    [kept] = told(project, "storage", "acme")["tenants"]
    assert kept["recordings_away"] == {"number": 1, "bytes": len(CONTENT)}
    s3.store().put("acme/1.wav", EXAMPLES / "platform.yaml")
    done = run(project, "recordings", "verify", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["faults"][0]["fault"].startswith("in the store it has")


def test_a_purge_by_the_command_line_removes_the_object(project: Project, s3: S3) -> None:
    send(project)
    over = (datetime.now(UTC) + timedelta(days=367)).isoformat()
    [item] = told(project, "purge", "--dry-run", "--at", over)["items"]
    assert (item["what"], item["number"], item["bytes"]) == ("recordings", 1, len(CONTENT))
    assert len(s3.objects()) == 1
    told(project, "purge", "--at", over)
    assert s3.objects() == {}
    assert told(project, "recordings", "list")["recordings"] == []


def test_a_store_that_is_down_is_a_line_and_no_more(project: Project, s3: S3) -> None:
    send(project, rounds=1)
    point(project, s3.url(9), keep_local_days=0)
    [finding] = [
        each
        for each in json.loads(run(project, "doctor", "--json").stdout)["findings"]
        if each["code"] == "recording-store"
    ]
    assert finding["severity"] == "problem"


def test_the_listener_sends_what_calls_leave(project: Project, s3: S3) -> None:
    name = Secrets.open(project.secrets_file).systemname("pbx1")
    store = opened(project)
    index = RecordingIndex(store.database)
    [item] = index.find("acme")
    index.keep([replace(item, systemname=name, uniqueid=f"{name}-1.1")])
    store.close()
    port = free_port("127.0.0.1")
    text = project.platform_file.read_text()
    text = re.sub(r"metrics: \S+", f"metrics: 127.0.0.1:{port}", text)
    text = re.sub(r"ami: \S+", "ami: 127.0.0.1:9", text)
    project.platform_file.write_text(text)
    listener = subprocess.Popen([VPBX, "-C", str(project.root), "listen"])
    try:
        deadline = time.monotonic() + _DEADLINE_S
        while not s3.objects() and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        listener.terminate()
        listener.wait(_DEADLINE_S)
    assert (s3.objects(), listener.returncode) == ({"calls/acme/1.wav": CONTENT}, 0)


def test_killed_in_mid_transfer_nothing_is_in_the_store_and_the_next_one_sends_it(
    project: Project, s3: S3, tmp_path: Path
) -> None:
    faults = Faults(random.Random(1), hangs=True)
    with proxy(s3, faults) as port:
        point(project, s3.url(port), keep_local_days=0)
        sender = [sys.executable, "-c", SENDER, str(project.root), SYSTEMNAME]
        process = subprocess.Popen(sender)
        deadline = time.monotonic() + _DEADLINE_S
        while not faults.seen and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert (faults.seen, s3.objects()) == (1, {})
        assert (project.root / ".vpbx/recordings/acme/1.wav").exists()
        faults.hangs = False
        subprocess.run(sender, timeout=_DEADLINE_S, check=True)
    assert s3.objects() == {"calls/acme/1.wav": CONTENT}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("recordings", None),
        ("s3://calls/of/ours", RecordingStore("s3://calls/of/ours")),
        ("s3://calls/?region=eu-1", RecordingStore("s3://calls?region=eu-1")),
        (
            "s3://calls?endpoint=https://s3.example.com:9000",
            RecordingStore("s3://calls?endpoint=https%3A%2F%2Fs3.example.com%3A9000"),
        ),
        (
            "{s3: 's3://calls', key: 'file:k', secret: 'file:s'}",
            RecordingStore("s3://calls", "file:k", "file:s"),
        ),
    ],
)
def test_what_may_be_written(tmp_path: Path, written: str, expected: RecordingStore | None) -> None:
    assert definitions.load_platform(written_as(tmp_path, written)).platform.storage.store == expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("s3://Calls", "store-url"),
        ("s3://key:secret@calls", "secret-written-out"),
        ("s3://calls?access_key=x", "secret-written-out"),
        ("s3://calls?endpoint=http://10.0.0.5:9000", "store-endpoint"),
        ("s3://calls?endpoint=ftp://10.0.0.5", "store-endpoint"),
        ("{s3: 's3://calls', secret: hunter2}", "secret-written-out"),
        ("{key: 'env:K'}", "missing-key"),
    ],
)
def test_what_may_not_be_written_is_told_without_secrets(tmp_path: Path, written: str, code: str) -> None:
    with pytest.raises(DefinitionsInvalid) as caught:
        definitions.load_platform(written_as(tmp_path, written))
    assert [problem.code for problem in caught.value.problems] == [code]
    assert "hunter2" not in repr(caught.value.problems) and "key:secret" not in repr(caught.value.problems)


def written_as(directory: Path, recordings: str) -> Path:
    text = without_storage()
    (directory / "platform.yaml").write_text(f"{text}\nstorage: {{recordings: {recordings}}}\n")
    return directory
