"""Accounts as they stand, read without touching the database: nothing is made, upgraded or locked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.model.account import Account
from orchestrator.storage.accounts import accounts
from orchestrator.storage.database import failures_named, open_to_read, parsed_url, schema_version

_FIRST_WITH_ACCOUNTS = "0002"


def accounts_now(url: str) -> Mapping[str, Account]:
    """Where every tenant that was ever activated stands, by name.

    Nobody in a database that isn't there yet, or is older than accounts are: the next writer makes it.

    Args: url: see `storage.database`.
    Raises: DatabaseUnavailable.
    """
    parsed = parsed_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return {}
    with failures_named(parsed):
        engine = open_to_read(parsed, leaving_no_trace=True)
        try:
            with engine.connect() as connection:
                has_any = (schema_version(connection) or "") >= _FIRST_WITH_ACCOUNTS
                return accounts(connection) if has_any else {}
        finally:
            engine.dispose()
