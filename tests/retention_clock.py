"""A disconnected tenant's data as real `vpbx billing run` processes find it, on a clock that is stepped."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import copied_verbs
from active_tenants import ACTIVATED, EXAMPLES, take, tariffs
from stepped_clock import stepped

from orchestrator.model.recording import Recording
from orchestrator.model.service import ServiceDisconnected
from orchestrator.secrets import Secrets
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore

_DEADLINE_S = 60


def days_of_a_disconnected_tenant(directory: Path) -> dict[int, bool]:
    """Whether a tenant's recording is there after a run on days since its disconnection: 89, 90 and 91."""
    project = directory / "project"
    shutil.copytree(EXAMPLES, project, ignore=shutil.ignore_patterns(".vpbx"))
    now = datetime.now(UTC)
    store = SqlStore.open(f"sqlite:///{project}/.vpbx/vpbx.db")
    take(store, now - timedelta(days=2), ACTIVATED, by=tariffs())
    take(store, now, ServiceDisconnected(), by=tariffs())
    name = Secrets.open(project / ".vpbx" / "secrets.json").systemname("pbx1")
    file = project / ".vpbx" / "recordings" / "acme" / "1.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"RIFF")
    item = Recording(name, f"{name}-1.1", f"{name}-1.0", "acme", "acme/1.wav", now, "complete")
    RecordingIndex(store.database).keep([_until(item)])
    store.close()
    there = {}
    for day in (89, 90, 91):
        verb = ("-C", str(project), "billing", "run", "--json")
        done = copied_verbs.run(verb, _DEADLINE_S, stepped(timedelta(days=day)))
        done.check_returncode()
        told = json.loads(done.stdout)
        there[day] = file.exists()
        assert bool(told["purged"]) != there[day], told
    return there


def _until(item: Recording) -> Recording:
    fields = {name: getattr(item, name) for name in Recording.__slots__}
    return Recording(**{**fields, "bytes": 4, "retain_until": date(2100, 1, 1)})
