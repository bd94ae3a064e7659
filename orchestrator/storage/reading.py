"""Accounts as they stand, read without touching the database: nothing is made, upgraded or locked.

Every plan and apply reads them, and SQLAlchemy takes longer to import than a plan of a small platform takes
altogether. So SQLite, where one file is read by one query, is read by Python's own driver.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from orchestrator.errors import DatabaseUnavailable
from orchestrator.model.account import Account
from orchestrator.storage.account_rows import COLUMNS, account_from

_SQLITE = "sqlite:///"
_FIRST_WITH_ACCOUNTS = "0002"
_WAIT_S = 5


def accounts_now(url: str) -> Mapping[str, Account]:
    """Where every tenant that was ever activated stands, by name.

    Nobody in a database that isn't there yet, or is older than accounts are: the next writer makes it.

    Args: url: see `storage.database`.
    Raises: DatabaseUnavailable.
    """
    if url.startswith(_SQLITE) and "?" not in url:
        return _of_sqlite(Path(url.removeprefix(_SQLITE)))
    return _of_any(url)


def _of_sqlite(path: Path) -> Mapping[str, Account]:
    if not path.exists():
        return {}
    try:
        with closing(sqlite3.connect(_uri(path), uri=True, timeout=_WAIT_S)) as base:
            tables = "SELECT count(*) FROM sqlite_master WHERE name = 'service_state'"
            if not base.execute(tables).fetchone()[0]:
                return {}
            rows = base.execute(f"SELECT {', '.join(COLUMNS)} FROM service_state ORDER BY tenant")
            return {account.tenant: account for account in map(account_from, rows)}
    except sqlite3.Error as error:
        raise DatabaseUnavailable(
            f"the database sqlite:///{path} does not answer: {error}",
            "check storage.database, the disk and its space",
        ) from error


def _uri(path: Path) -> str:
    """Beside a file that its reader may not write SQLite leaves an empty log; else it takes it away again."""
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return f"file:{quote(str(path.absolute()))}?mode={'rw' if may_write else 'ro'}"


def _of_any(url: str) -> Mapping[str, Account]:
    from orchestrator.storage.accounts import accounts
    from orchestrator.storage.database import failures_named, open_to_read, parsed_url, schema_version

    parsed = parsed_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return {}
    with failures_named(parsed):
        engine = open_to_read(parsed)
        try:
            with engine.connect() as connection:
                has_any = (schema_version(connection) or "") >= _FIRST_WITH_ACCOUNTS
                return accounts(connection) if has_any else {}
        finally:
            engine.dispose()
