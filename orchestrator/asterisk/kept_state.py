"""What a switch's own database (AstDB) keeps of a tenant, removed from its file while the switch may run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from orchestrator.errors import StorageError
from orchestrator.model.state import (
    BARRED,
    DND,
    IDLE,
    LOGGED_OUT,
    MANAGERS,
    SWITCHES,
    UNASKED,
    WAITS,
    WRAP_UP,
)
from orchestrator.project import SwitchPaths

_BUSY_S = 10.0
"""The switch holds its own writes for a second before it lets anybody else."""


class StateKept(StorageError):
    """What a switch's own database keeps of a tenant can't be removed."""

    code = "state-kept"


def database_file(paths: SwitchPaths) -> Path:
    """The database of a node's switch."""
    return paths.lib / "astdb.sqlite3"


def forget(database: Path, tenant: str) -> int:
    """Remove what phones have set and who spoke with whom. Returns: how many entries went.

    Args: database: of one switch; one that isn't there keeps nothing.
    Raises: StateKept.
    """
    if not database.is_file():
        return 0
    try:
        with closing(sqlite3.connect(database, timeout=_BUSY_S)) as base:
            base.execute("PRAGMA secure_delete=ON")
            gone = 0
            with base:
                for first in _firsts(tenant):
                    done = base.execute("DELETE FROM astdb WHERE substr(key, 1, ?) = ?", (len(first), first))
                    gone += done.rowcount
            left = database.read_bytes()
            if any(first.encode() in left for first in _firsts(tenant)):
                # The switch itself leaves what it deletes in the file's gaps.
                base.execute("VACUUM")
            return gone
    except (sqlite3.Error, OSError) as error:
        raise StateKept(f"{database}: {error}", "the purge goes on at the next run") from error


def count_kept(database: Path, tenant: str) -> int:
    """How many entries a switch's own database has of a tenant. Raises: StateKept: it can't be read."""
    if not database.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as base:
            return sum(
                int(
                    base.execute(
                        "SELECT count(*) FROM astdb WHERE substr(key, 1, ?) = ?", (len(first), first)
                    ).fetchone()[0]
                )
                for first in _firsts(tenant)
            )
    except sqlite3.Error as error:
        raise StateKept(f"{database}: {error}", "see whether the switch's file is damaged") from error


def _firsts(tenant: str) -> list[str]:
    """How the keys of a tenant begin."""
    lamps = [f"/CustomDevstate/{family}.{tenant}." for family in (SWITCHES, DND)]
    return lamps + [
        f"/{family}/{tenant}/"
        for family in (SWITCHES, LOGGED_OUT, DND, MANAGERS, IDLE, WRAP_UP, WAITS, UNASKED, BARRED)
    ]
