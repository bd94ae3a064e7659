"""A process that sends a project's recordings to its store, and the project's platform.yaml for it."""

from __future__ import annotations

import re

from active_tenants import EXAMPLES

SENDER = """
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from orchestrator.books import PlatformSource
from orchestrator.courier import Courier
from orchestrator.model.call import Systemname
from orchestrator.project import Project
from orchestrator.recording_files import Stores
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.store import SqlStore

class Clock:
    # What was put off is due at the next round.
    def now(self):
        return datetime.now(UTC) + timedelta(hours=time.monotonic())

project, name = Project(Path(sys.argv[1])), Systemname(sys.argv[2])
store = SqlStore.open(f"sqlite:///{project.state}/vpbx.db")
stores = Stores(project, PlatformSource(project).current)
directory = project.recordings(".vpbx/recordings")
courier = Courier(name, directory, lambda: store, stores, Clock())
while any(directory.rglob("*.wav")):
    courier.round(CopyIndex(store.database))
"""
"""Arguments: the project's directory, the switch's systemname. It ends when no local file is left."""


def without_storage() -> str:
    """The example platform, without what it says of storage."""
    return re.sub(r"\nstorage:\n(  .*\n)+", "\n", (EXAMPLES / "platform.yaml").read_text())


def platform_with(url: str, keep_local_days: int) -> str:
    """The example platform with a store, its credentials in S3_KEY and S3_SECRET."""
    store = f"storage:\n  recordings:\n    s3: {url}\n    key: env:S3_KEY\n    secret: env:S3_SECRET\n"
    return f"{without_storage()}\n{store}    keep_local_days: {keep_local_days}\n"
