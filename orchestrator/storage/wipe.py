"""What was deleted, made unreadable in the database's file.

SQLite overwrites what it deletes (`secure_delete`), but what it moved from page to page before leaves traces
in the gaps: only rewriting the file takes those. Rule: docs/retention.md.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.storage.database import Database

_BUSY_S = 30.0
_POLL_S = 0.05


class TracesKept(StorageError):
    """A database's file can't be rewritten: traces of what was deleted may be in it."""

    code = "traces-kept"


def wipe(database: Database) -> None:
    """Rewrite the file of a SQLite database; PostgreSQL's own vacuum does this there.

    Raises: TracesKept: no room for a second file of its size, or somebody reads it for too long.
    """
    path = database.file
    if path is not None:
        wipe_file(path)


def wipe_file(path: Path, busy_s: float = _BUSY_S) -> None:
    """Rewrite a SQLite file that others may use, and empty its write-ahead log. Raises: TracesKept."""
    try:
        with closing(sqlite3.connect(path, timeout=busy_s, isolation_level=None)) as base:
            base.execute("PRAGMA secure_delete=ON")
            base.execute("VACUUM")
            deadline = time.monotonic() + busy_s
            while base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise TracesKept(
                        f"{path}: it is being read without end", "the purge goes on at the next run"
                    )
                time.sleep(_POLL_S)
    except sqlite3.Error as error:
        raise TracesKept(
            f"{path}: {error}", "make room for it once more; the purge goes on at the next run"
        ) from error
