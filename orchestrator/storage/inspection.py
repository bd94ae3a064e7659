"""A look at a database without touching it: nothing is made, upgraded or locked for writing."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from orchestrator.errors import LedgerBroken, StorageError
from orchestrator.storage import verification
from orchestrator.storage.database import HEAD, failures_named, open_engine, open_to_read, schema_version
from orchestrator.storage.schema import quarantine, unrated

LEDGER_LOOKED_AT = 1000
"""Entries at the ledger's end whose chain is walked; `vpbx ledger verify` walks all."""

_QUICK_CHECK_S = 5.0
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}
)
_FULL = 2


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen of a database.

    Args:
        kind: `sqlite` or `postgresql`. absent: the file isn't there yet. trouble: why it can't be read.
        schema: its newest migration; head: the newest that there is.
        weak: settings that lose what was written at a power cut. damage: what SQLite's quick check found.
        looked_whole: the quick check came to its end in time.
        ledger_entries: walked at the end of the chain. ledger_fault: what is wrong there.
        unrated, quarantined: counts, of one switch when it is known.
    """

    kind: str
    head: str = HEAD
    absent: bool = False
    trouble: str = ""
    schema: str | None = None
    weak: tuple[str, ...] = field(default=())
    damage: str = ""
    looked_whole: bool = True
    ledger_entries: int = 0
    ledger_fault: str = ""
    unrated: int = 0
    quarantined: int = 0


def inspect(url: str, systemname: str | None) -> Inspection:
    """Look at the database behind a URL. Args: systemname: of the switch to count for; None: of all."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return Inspection("unknown", trouble="storage.database is not a database URL")
    kind = parsed.get_backend_name()
    if kind == "sqlite" and not Path(parsed.database or "").is_file():
        return Inspection(kind, absent=True)
    try:
        with failures_named(parsed):
            return _look(kind, parsed, systemname)
    except StorageError as error:
        return Inspection(kind, trouble=error.message)


def _look(kind: str, url: URL, systemname: str | None) -> Inspection:
    engine = open_to_read(url)
    try:
        with engine.connect() as connection:
            seen = Inspection(kind, schema=schema_version(connection))
            if kind == "sqlite":
                seen = _sqlite(seen, connection, url)
            else:
                seen = replace(seen, weak=_weak_postgresql(connection))
            return seen if seen.schema != HEAD or seen.damage else _books(seen, connection, systemname)
    finally:
        engine.dispose()


def _sqlite(seen: Inspection, connection: Connection, url: URL) -> Inspection:
    weak = []
    journal = connection.execute(text("PRAGMA journal_mode")).scalar()
    if seen.schema is not None and journal != "wal":
        weak.append(f"journal_mode is {journal}, not wal")
    elif seen.schema == HEAD:
        writer = open_engine(url)
        with writer.connect() as other:
            synchronous = other.execute(text("PRAGMA synchronous")).scalar()
        writer.dispose()
        if synchronous != _FULL:
            weak.append(f"synchronous is {synchronous}, not FULL")
    kind = file_system(Path(url.database or ""), Path("/proc/self/mounts").read_text("utf-8", "replace"))
    if kind in _NETWORK_FILE_SYSTEMS:
        weak.append(f"it lies on a network file system ({kind}), where its locks don't hold")
    damage, whole = _quick_check(connection)
    return replace(seen, weak=tuple(weak), damage=damage, looked_whole=whole)


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that a path lies on. Args: mounts: as in `/proc/self/mounts`.

    >>> file_system(Path("/srv/db/x"), "/dev/vda / ext4 rw 0 0\\nhost:/a /srv/db nfs4 rw 0 0\\n")
    'nfs4'
    """
    best, kind = "", ""
    for row in (line.split() for line in mounts.splitlines()):
        if (
            len(row) > 2
            and Path(row[1]) in (path.absolute(), *path.absolute().parents)
            and len(row[1]) >= len(best)
        ):
            best, kind = row[1], row[2]
    return kind


def _quick_check(connection: Connection) -> tuple[str, bool]:
    """What is damaged, empty for nothing; and whether it came to its end in time."""
    deadline = time.monotonic() + _QUICK_CHECK_S
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
    try:
        found = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(3)"))]
    except OperationalError as error:
        if "interrupted" in str(error):
            return "", False
        raise
    finally:
        raw.set_progress_handler(None, 0)
    return ("" if found == ["ok"] else "; ".join(found)), True


def _weak_postgresql(connection: Connection) -> tuple[str, ...]:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    settings = {name: str(connection.execute(text(f"SHOW {name}")).scalar()) for name in names}
    return tuple(f"{name} is off" for name, value in settings.items() if value == "off")


def _books(seen: Inspection, connection: Connection, systemname: str | None) -> Inspection:
    try:
        entries, fault = verification.verify_last(connection, LEDGER_LOOKED_AT).entries, ""
    except LedgerBroken as error:
        entries, fault = 0, error.message
    return replace(
        seen,
        ledger_entries=entries,
        ledger_fault=fault,
        unrated=_count(connection, unrated, systemname),
        quarantined=_count(connection, quarantine, systemname),
    )


def _count(connection: Connection, table: Table, systemname: str | None) -> int:
    query = select(func.count()).select_from(table)
    if systemname is not None:
        query = query.where(table.c.systemname == systemname)
    return connection.execute(query).scalar_one()
