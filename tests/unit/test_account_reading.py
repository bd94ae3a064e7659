"""Accounts read for a plan: the same as the store says, from every kind of database, and nothing written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from wishes import ACME, price_list

from orchestrator.accounts import Tariffs, take_events
from orchestrator.errors import DatabaseUnavailable
from orchestrator.planning.services import events_towards
from orchestrator.storage.reading import accounts_now
from orchestrator.storage.store import SqlStore

AT = datetime(2026, 1, 24, 7, tzinfo=UTC)


def filled(url: str) -> SqlStore:
    """A store with two accounts."""
    store = SqlStore.open(url)
    tariffs = Tariffs({"master": price_list()})
    with store.billing() as unit:
        for name in ("acme", "beta"):
            take_events(unit, name, events_towards(ACME, None), AT, tariffs, "apply")
        take_events(unit, "beta", events_towards(None, unit.account("beta")), AT, tariffs, "apply")
    return store


def test_what_is_read_is_what_the_store_says(database_url: str) -> None:
    store = filled(database_url)
    try:
        assert dict(accounts_now(database_url)) == dict(store.accounts())
        assert [account.service.phase for account in accounts_now(database_url).values()] == [
            "trial",
            "disconnected",
        ]
    finally:
        store.close()


def test_a_url_with_options_is_read_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vpbx.db?cached_statements=50"
    assert accounts_now(url) == {}
    filled(url).close()
    assert set(accounts_now(url)) == {"acme", "beta"}


def test_a_database_that_is_not_there_has_nobody_and_is_not_made(tmp_path: Path) -> None:
    assert accounts_now(f"sqlite:///{tmp_path}/none/vpbx.db") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_older_than_accounts_has_nobody(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "vpbx.db") as base:
        base.execute("CREATE TABLE alembic_version (version_num TEXT)")
        base.execute("INSERT INTO alembic_version VALUES ('0001')")
    before = (tmp_path / "vpbx.db").read_bytes()
    assert accounts_now(f"sqlite:///{tmp_path}/vpbx.db") == {}
    assert (tmp_path / "vpbx.db").read_bytes() == before


def test_nothing_is_left_beside_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vpbx.db"
    filled(url).close()
    accounts_now(url)
    assert [path.name for path in tmp_path.iterdir()] == ["vpbx.db"]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "vpbx.db").write_text("these are not the tables\n" * 100)
    with pytest.raises(DatabaseUnavailable, match=r"vpbx\.db does not answer: file is not a database"):
        accounts_now(f"sqlite:///{tmp_path}/vpbx.db")


def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        accounts_now("postgresql://vpbx@127.0.0.1:9/vpbx")


@pytest.fixture
def read_by_a_process(tmp_path: Path) -> Iterator[str]:
    filled(f"sqlite:///{tmp_path}/vpbx.db").close()
    code = (
        "import sys\n"
        "from orchestrator.storage.reading import accounts_now\n"
        f"print(len(accounts_now('sqlite:///{tmp_path}/vpbx.db')), 'sqlalchemy' in sys.modules)"
    )
    yield subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_plan_does_not_wait_for_sqlalchemy(read_by_a_process: str) -> None:
    assert read_by_a_process == "2 False\n"
