"""The phones of a node as rows that its switch reads one by one (sorcery realtime, SQLite).

A phone more or less is a row and no reload, whatever else the switch holds. Each endpoint carries the digest
of its rows as `accountcode`, so that the running switch can be asked which form of it it has.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ApplyFailed

MARK_COLUMN = "accountcode"
TABLES: Mapping[str, str] = {"endpoint": "ps_endpoints", "aor": "ps_aors", "auth": "ps_auths"}
"""Table by the type of a section."""

_MODE = 0o600
_BUSY_S = 5.0
_LISTED = "ps_endpoints_listed"
"""What the switch is given when it asks for all endpoints."""

_FOLLOWED = "vpbx_followed"
"""Endpoints that alone are listed for a while, and until when (epoch, s)."""

_LONGEST_LISTED_S = 10
"""When who had them listed alone dies, all are listed again after so long."""

_OWNERS = "vpbx_phone"
_TOUCHED = "vpbx_touched"
"""Endpoints whose rows somebody wrote: triggers note them, and our own writes take their notes back."""


Rows = Mapping[str, Mapping[str, str]]
"""Columns by the type of the section."""


@dataclass(frozen=True, slots=True)
class Phone:
    """Args: endpoint: its id. mark: digest of its rows."""

    endpoint: str
    tenant: str
    mark: str
    rows: Rows


class UnknownSection(ApplyFailed):
    """A tenant's phones were rendered into something that has no row."""

    code = "unknown-section"


def phones_of(tenant: str, text: str) -> list[Phone]:
    """The phones in a rendered `pjsip/tenants/<tenant>.conf`.

    Raises: UnknownSection: a section type other than endpoint, aor and auth, or a key that stands twice.

    >>> [phone] = phones_of("acme", "[d1]\\ntype=endpoint\\ncontext=acme-phones\\n")
    >>> phone.rows["endpoint"]["context"], phone.rows["endpoint"]["accountcode"] == phone.mark
    ('acme-phones', True)
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name, settings in _sections(text):
        row = dict(settings)
        kind = row.pop("type", "")
        if kind not in TABLES or len(row) + 1 != len(settings):
            raise UnknownSection(
                f"phones of {tenant}: section [{name}] of type {kind!r} can't be a row",
                "templates/asterisk/tenant_pjsip.conf.j2: endpoint, aor and auth, each key once",
            )
        found.setdefault(name, {})[kind] = row
    return [_phone(tenant, name, rows) for name, rows in found.items()]


class PhoneRows:
    """The database of one node's phones. The switch reads it while it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def marks(self) -> dict[str, tuple[str, str]]:
        """Tenant and mark of every phone, by endpoint. Raises: ApplyFailed."""
        if not self._path.exists():
            return {}
        with self._opened() as base:
            rows = base.execute(f"SELECT id, tenant, mark FROM {_OWNERS}").fetchall()
        return {endpoint: (tenant, mark) for endpoint, tenant, mark in rows}

    def altered(self) -> list[str]:
        """Endpoints whose rows aren't what was written: somebody else has changed them."""
        if not self._path.exists():
            return []
        with self._opened() as base:
            touched = [row[0] for row in base.execute(f"SELECT id FROM {_TOUCHED} ORDER BY id")]
            owners = base.execute(f"SELECT id, mark FROM {_OWNERS}").fetchall() if touched else []
            written = dict(owners)
            return [
                endpoint
                for endpoint in touched
                if endpoint not in written
                or _phone("", endpoint, _rows_of(base, endpoint)).mark != written[endpoint]
            ]

    def distrust(self, endpoints: Sequence[str]) -> None:
        """Forget what was written for some phones, so that the next apply writes them again.

        A row that nobody of ours wrote goes.
        """
        with self._opened() as base:
            known = {row[0] for row in base.execute(f"SELECT id FROM {_OWNERS}")}
            base.executemany(f"UPDATE {_OWNERS} SET mark = '' WHERE id = ?", [(each,) for each in endpoints])
        self.write(drop=[endpoint for endpoint in endpoints if endpoint not in known])

    def write(self, put: Sequence[Phone] = (), drop: Sequence[str] = ()) -> None:
        """Put phones in and take others out, in one transaction. Raises: ApplyFailed: nothing was written."""
        with self._opened() as base:
            base.execute("BEGIN IMMEDIATE")
            try:
                others = {row[0] for row in base.execute(f"SELECT id FROM {_TOUCHED}")}
                self._make_columns(base, put)
                for endpoint in [*drop, *(phone.endpoint for phone in put)]:
                    for table in (*TABLES.values(), _OWNERS):
                        base.execute(f"DELETE FROM {table} WHERE id = ?", (endpoint,))
                for phone in put:
                    _insert(base, phone)
                base.execute(f"DELETE FROM {_TOUCHED}")
                left = others - {*drop, *(phone.endpoint for phone in put)}
                base.executemany(f"INSERT INTO {_TOUCHED} VALUES (?)", [(each,) for each in left])
                base.execute("COMMIT")
            except BaseException:
                base.execute("ROLLBACK")
                raise

    @contextmanager
    def listed(self, endpoints: Sequence[str]) -> Iterator[None]:
        """Have the switch find these alone when it asks for all endpoints; the one of a call it always finds.

        Rule: templates/asterisk/extconfig.conf.j2.
        """
        self._list(endpoints)
        try:
            yield
        finally:
            self._list(())

    def _list(self, endpoints: Sequence[str]) -> None:
        until = int(time.time()) + _LONGEST_LISTED_S
        with self._opened() as base:
            base.execute("PRAGMA synchronous = NORMAL")
            base.execute("BEGIN IMMEDIATE")
            base.execute(f"DELETE FROM {_FOLLOWED}")
            base.executemany(f"INSERT INTO {_FOLLOWED} VALUES (?, ?)", [(each, until) for each in endpoints])
            base.execute("COMMIT")

    def make(self) -> None:
        """Make the database when it isn't there."""
        with self._opened():
            pass

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, _MODE))
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)) as base:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = FULL")
                # They hold employees' names: what is taken out must not stay readable in the file.
                base.execute("PRAGMA secure_delete = ON")
                _make_tables(base)
                yield base
        except (sqlite3.Error, OSError) as error:
            raise ApplyFailed(
                f"the phones' database {self._path}: {error}", "check the disk and the rights there"
            ) from error

    @staticmethod
    def _make_columns(base: sqlite3.Connection, phones: Sequence[Phone]) -> None:
        for kind, table in TABLES.items():
            have = {row[1] for row in base.execute(f"PRAGMA table_info({table})")}
            wanted = {column for phone in phones for column in phone.rows.get(kind, ())}
            for column in sorted(wanted - have):
                if not column.isidentifier():
                    raise UnknownSection(f"{column!r} can't be a column")
                base.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")


def _make_tables(base: sqlite3.Connection) -> None:
    """Make them all, the view last, in one transaction: each by itself would wait for the disk."""
    if base.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_LISTED,)).fetchone():
        return
    base.execute("BEGIN IMMEDIATE")
    for table in TABLES.values():
        base.execute(f"CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY)")
    base.execute(f"CREATE TABLE IF NOT EXISTS {_OWNERS} (id TEXT PRIMARY KEY, tenant TEXT, mark TEXT)")
    base.execute(f"CREATE TABLE IF NOT EXISTS {_TOUCHED} (id TEXT PRIMARY KEY)")
    for table in TABLES.values():
        _watch(base, table)
    base.execute(f"CREATE TABLE IF NOT EXISTS {_FOLLOWED} (id TEXT PRIMARY KEY, until INTEGER)")
    listed = f"FROM {_FOLLOWED} WHERE until > CAST(strftime('%s', 'now') AS INTEGER)"
    base.execute(
        f"CREATE VIEW IF NOT EXISTS {_LISTED} AS SELECT * FROM {TABLES['endpoint']} "
        f"WHERE NOT EXISTS (SELECT 1 {listed}) OR id IN (SELECT id {listed})"
    )
    base.execute("COMMIT")


def _insert(base: sqlite3.Connection, phone: Phone) -> None:
    for kind, row in phone.rows.items():
        columns = ["id", *row]
        places = ", ".join("?" * len(columns))
        base.execute(
            f"INSERT INTO {TABLES[kind]} ({', '.join(columns)}) VALUES ({places})",
            (phone.endpoint, *row.values()),
        )
    base.execute(f"INSERT INTO {_OWNERS} VALUES (?, ?, ?)", (phone.endpoint, phone.tenant, phone.mark))


def _rows_of(base: sqlite3.Connection, endpoint: str) -> dict[str, dict[str, str]]:
    """A phone's rows as they were given: without its id, its mark, and columns that it doesn't use."""
    found: dict[str, dict[str, str]] = {}
    for kind, table in TABLES.items():
        cursor = base.execute(f"SELECT * FROM {table} WHERE id = ?", (endpoint,))
        names = [column[0] for column in cursor.description]
        for values in cursor:
            told = dict(zip(names, values, strict=True))
            found[kind] = {
                name: value
                for name, value in told.items()
                if value is not None and name not in ("id", MARK_COLUMN)
            }
    return found


def _watch(base: sqlite3.Connection, table: str) -> None:
    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
        base.execute(
            f"CREATE TRIGGER IF NOT EXISTS {table}_{event.lower()}_{row.lower()} AFTER {event} ON {table} "
            f"BEGIN INSERT OR IGNORE INTO {_TOUCHED} VALUES ({row}.id); END"
        )


def _phone(tenant: str, endpoint: str, rows: Mapping[str, Mapping[str, str]]) -> Phone:
    digest = hashlib.sha256()
    for kind in sorted(rows):
        for column in sorted(rows[kind]):
            digest.update(f"{kind}\0{column}\0{rows[kind][column]}\0".encode())
    mark = digest.hexdigest()[:16]
    marked = {kind: {**row, MARK_COLUMN: mark} if kind == "endpoint" else row for kind, row in rows.items()}
    return Phone(endpoint, tenant, mark, marked)


def _sections(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    name = ""
    settings: list[tuple[str, str]] = []
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith(";"):
            continue
        if bare.startswith("["):
            if name:
                yield name, settings
            name, settings = bare[1 : bare.index("]")], []
        else:
            key, _, value = bare.partition("=")
            settings.append((key.strip(), _unescaped(value.strip())))
    if name:
        yield name, settings


def _unescaped(value: str) -> str:
    return value.replace("\\;", ";").replace("\\\\", "\\")
