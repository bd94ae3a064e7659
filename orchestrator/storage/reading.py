"""Accounts as they stand, read without touching the database: nothing is made, upgraded or locked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.model.account import Account


def accounts_now(url: str) -> Mapping[str, Account]:
    """Where every tenant that was ever activated stands, by name.

    None in a database that isn't there yet, or that has no accounts yet: the next writer makes it.

    Args: url: see `storage.database`.
    Raises: DatabaseUnavailable.
    """
    from orchestrator.storage import accounts
    from orchestrator.storage.database import failures_named, parsed_url, schema_version
    from orchestrator.storage.inspection import reading_engine

    parsed = parsed_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return {}
    with failures_named(parsed):
        engine = reading_engine(parsed)
        try:
            with engine.connect() as connection:
                return accounts.accounts(connection) if schema_version(connection) >= "0002" else {}
        finally:
            engine.dispose()
