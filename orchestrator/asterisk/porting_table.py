"""The table of ported numbers, in a SQLite file of its own that the switch looks numbers up in.

The switch asks for a number (realtime, `ported`), and sees what is written with the next call: no reload, and
nothing of an import before the whole of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from orchestrator.errors import PortabilityUnwritable
from orchestrator.model.number import MOST_DIGITS
from orchestrator.model.portability import Porting

_MODE = 0o640
_BUSY_S = 10.0
_BATCH = 20_000
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_MOST_CLASHES = 1000
_MADE = (
    "CREATE TABLE IF NOT EXISTS porting (number TEXT, since INTEGER, codes TEXT NOT NULL, "
    "region TEXT NOT NULL, PRIMARY KEY (number, since)) WITHOUT ROWID",
    # The switch asks for a row of `ported` whose `number` is such: `json_each` makes a row of what is asked.
    # It asks once: each question costs the call a millisecond in Asterisk; a number has eleven beginnings.
    "CREATE VIEW IF NOT EXISTS ported AS SELECT json AS number, (SELECT codes FROM porting "
    f"WHERE porting.number IN ({', '.join(f'substr(json, 1, {n})' for n in range(MOST_DIGITS, 0, -1))}) "
    "AND since <= CAST(strftime('%s', 'now') AS INTEGER) "
    "ORDER BY length(porting.number) DESC, since DESC LIMIT 1) AS codes FROM json_each",
)
_STAGED = (
    "CREATE TEMP TABLE incoming "
    "(line INTEGER, number TEXT, since INTEGER, codes TEXT, region TEXT, size INTEGER)",
    "CREATE TEMP TABLE chosen (number TEXT, since INTEGER, codes TEXT, region TEXT, "
    "PRIMARY KEY (number, since)) WITHOUT ROWID",
)
_SAME_PLACE = "number = chosen.number AND since = chosen.since"


@dataclass(frozen=True, slots=True)
class Counted:
    """Beginnings and numbers of an import. Args: kept: others that the table had, or has."""

    added: int
    changed: int
    unchanged: int
    removed: int
    kept: int


@dataclass(frozen=True, slots=True)
class Clash:
    """Two lines that say otherwise of the same numbers from the same time."""

    line: int
    before: int
    number: str


class PortingTable:
    """The table. Args: path: its file; it needn't be there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> int | None:
        """How many beginnings and numbers it has; None: there is none. Raises: PortabilityUnwritable."""
        if not self._path.exists():
            return None
        with self._opened(make=False) as base:
            if not _is_made(base):
                return None
            base.execute("SELECT codes FROM ported WHERE number = '0'").fetchone()
            return int(base.execute("SELECT count(*) FROM porting").fetchone()[0])

    def of(self, number: str) -> list[Porting]:
        """What it says of a number, E.164: the longest beginning first, then the latest."""
        if not self._path.exists():
            return []
        digits = number.removeprefix("+")
        begins = [digits[:n] for n in range(len(digits), 0, -1)]
        with self._opened(make=False) as base:
            if not _is_made(base):
                return []
            found = base.execute(
                "SELECT number, since, codes, region FROM porting "
                f"WHERE number IN ({','.join('?' * len(begins))}) ORDER BY length(number) DESC, since DESC",
                begins,
            ).fetchall()
        return [Porting(*row) for row in found]

    def find(self, number: str, at: datetime) -> Porting | None:
        """What holds of a number: of the longest beginning that something holds of. Rule: `vpbx-ported`."""
        return in_force(self.of(number), at)

    @contextmanager
    def staged(self, rows: Iterable[tuple[int, Porting]]) -> Iterator[Staged]:
        """Rows put aside, before any of them holds. Args: rows: with their lines."""
        with self._opened(make=True) as base:
            for statement in _STAGED:
                base.execute(statement)
            left = iter(rows)
            base.execute("BEGIN")
            while batch := list(islice(left, _BATCH)):
                base.executemany(
                    "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?)",
                    [(line, e.prefix, e.since, e.codes, e.region, e.size) for line, e in batch],
                )
            base.execute("COMMIT")
            yield Staged(base)

    def drop_damaged(self) -> bool:
        """Remove a file that is no table. A running switch keeps it open until it is restarted.

        It isn't made empty in its place: the switch has it in its memory. Returns: whether it was damaged.
        """
        try:
            self.rows()
        except PortabilityUnwritable as error:
            if getattr(error.__cause__, "sqlite_errorcode", 0) not in _DAMAGED:
                raise
            for end in ("", "-wal", "-shm"):
                Path(f"{self._path}{end}").unlink(missing_ok=True)
            return True
        return False

    @contextmanager
    def _opened(self, *, make: bool) -> Iterator[sqlite3.Connection]:
        try:
            if make and not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, _MODE))
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)) as base:
                if make:
                    base.execute("PRAGMA journal_mode = WAL")
                    for statement in _MADE:
                        base.execute(statement)
                yield base
        except (sqlite3.Error, OSError) as error:
            raise PortabilityUnwritable(
                f"the table of ported numbers {self._path}: {error}",
                "check the disk and its rights; import --replace makes a damaged one anew",
            ) from error


def _is_made(base: sqlite3.Connection) -> bool:
    """Whether anything was ever brought in: the switch makes an empty file when it starts."""
    return bool(base.execute("SELECT 1 FROM sqlite_master WHERE name = 'ported'").fetchone())


def in_force(found: Iterable[Porting], at: datetime) -> Porting | None:
    """Of all that is said of a number what holds. Args: found: as `PortingTable.of` gives it."""
    now = int(at.timestamp())
    return next((each for each in found if each.since <= now), None)


class Staged:
    """An import that is put aside in a database's temporary tables."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def clashes(self) -> list[Clash]:
        """Lines that say otherwise than another of the very same numbers, by line."""
        found = self._base.execute(
            "SELECT max(line), min(line), number FROM incoming GROUP BY number, since, size "
            f"HAVING min(codes) <> max(codes) ORDER BY 1 LIMIT {_MOST_CLASHES}"
        ).fetchall()
        return [Clash(*row) for row in {row[0]: row for row in found}.values()]

    def write(self, *, replace: bool) -> Counted:
        """Have them all hold at once. Args: replace: and nothing else that the table had."""
        base = self._base
        # The smaller of two ranges that share a beginning comes first, and stays.
        base.execute(
            "INSERT OR IGNORE INTO chosen SELECT number, since, codes, region FROM incoming "
            "ORDER BY number, since, size"
        )
        base.execute("BEGIN IMMEDIATE")
        try:
            before = self._count("porting")
            unchanged = self._count(
                f"chosen WHERE EXISTS (SELECT 1 FROM porting WHERE {_SAME_PLACE} AND codes = chosen.codes "
                "AND region = chosen.region)"
            )
            known = self._count(f"chosen WHERE EXISTS (SELECT 1 FROM porting WHERE {_SAME_PLACE})")
            all_ = self._count("chosen")
            if replace and known < before:
                base.execute(
                    "DELETE FROM porting WHERE NOT EXISTS (SELECT 1 FROM chosen "
                    "WHERE chosen.number = porting.number AND chosen.since = porting.since)"
                )
            if unchanged < all_:
                base.execute("INSERT OR REPLACE INTO porting SELECT * FROM chosen")
            base.execute("COMMIT")
        except BaseException:
            base.execute("ROLLBACK")
            raise
        base.execute("PRAGMA wal_checkpoint(PASSIVE)")
        others = before - known
        return Counted(
            all_ - known, known - unchanged, unchanged, others if replace else 0, 0 if replace else others
        )

    def _count(self, what: str) -> int:
        return int(self._base.execute(f"SELECT count(*) FROM {what}").fetchone()[0])
