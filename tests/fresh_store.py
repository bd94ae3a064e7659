"""An empty store in a new SQLite file, as `SqlStore.open` makes it: made once, then copied.

Tests of how a database comes to be, and of several that open one at once, open theirs themselves.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from orchestrator.storage.store import SqlStore


def fresh_store(file: Path) -> SqlStore:
    """A store in a file that isn't there yet."""
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(_migrated())
    return SqlStore.open(f"sqlite:///{file}")


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "vpbx.db"
        SqlStore.open(f"sqlite:///{file}").close()
        return file.read_bytes()
