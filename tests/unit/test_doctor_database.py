"""What `vpbx doctor` sees of a database, of every kind, whole and damaged."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from recorded_calls import SYSTEMNAME, Call, events_of, tariff
from sqlalchemy import Connection, text

from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.doctor import database
from orchestrator.errors import LedgerBroken
from orchestrator.model.call import Charge, Leg, Systemname
from orchestrator.model.record import BadRecord
from orchestrator.storage import verification
from orchestrator.storage.inspection import inspect
from orchestrator.storage.store import SqlStore

NOW = datetime(2026, 9, 23, tzinfo=UTC)


def leg_and_charge(number: int) -> tuple[Leg, Charge]:
    call = Call(number, 61)
    leg = leg_of(gather(events_of(call))[call.trunk_leg])
    assert leg is not None
    usage = usage_of(leg)
    assert usage is not None
    return leg, rate(usage, compile_tariff(tariff()), UTC)


def filled(url: str, calls: int = 5) -> None:
    store = SqlStore.open(url)
    for number in range(calls):
        leg, charge = leg_and_charge(number)
        store.post([charge], [leg], "listener", NOW)
    store.close()


def change(url: str, *statements: str) -> None:
    """Change a database behind vpbx's back."""
    store = SqlStore.open(url)
    with store.database.writing() as connection:
        disarm(connection)
        for statement in statements:
            connection.execute(text(statement))
    store.close()


def disarm(connection: Connection) -> None:
    """Drop what keeps the ledger from being changed, as an intruder would."""
    if connection.dialect.name == "postgresql":
        for table in ("ledger_entry", "ledger_posting"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
    for name in names:
        connection.execute(text(f"DROP TRIGGER {name}"))


def red(url: str) -> dict[str, str]:
    findings = database.check(inspect(url, SYSTEMNAME))
    return {finding.code: finding.severity for finding in findings if finding.severity != "ok"}


def test_a_whole_database_is_well(database_url: str) -> None:
    filled(database_url)
    seen = inspect(database_url, SYSTEMNAME)
    assert (seen.schema, seen.ledger_entries, seen.looked_whole) == (seen.head, 5, True)
    assert red(database_url) == {}


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE ledger_entry SET amount_kop = 1 WHERE seq = 4",),
        ("UPDATE ledger_entry SET path = 'x' WHERE seq = 5",),
        ("DELETE FROM ledger_posting WHERE entry_seq = 3",),
        ("DELETE FROM ledger_posting WHERE entry_seq = 4", "DELETE FROM ledger_entry WHERE seq = 4"),
    ],
    ids=["amount", "path", "posting", "entry"],
)
def test_a_ledger_that_was_changed_is_found(database_url: str, statements: tuple[str, ...]) -> None:
    filled(database_url)
    change(database_url, *statements)
    assert red(database_url) == {"ledger-chain": "problem"}


def test_only_the_end_of_a_long_ledger_is_walked(any_store: SqlStore) -> None:
    for number in range(6):
        leg, charge = leg_and_charge(number)
        any_store.post([charge], [leg], "listener", NOW)
    whole = any_store.verify()
    with any_store.database.writing() as connection:
        disarm(connection)
        connection.execute(text("UPDATE ledger_entry SET amount_kop = 1 WHERE seq = 2"))
        end = verification.verify_last(connection, 3)
        assert (end.entries, end.head) == (3, whole.head)
        with pytest.raises(LedgerBroken, match="entry 2 "):
            verification.verify_last(connection, 5)


def test_what_waits_for_somebody_is_counted_for_this_switch_alone(database_url: str) -> None:
    filled(database_url, 1)
    store = SqlStore.open(database_url)
    leg, _ = leg_and_charge(7)
    with store.reconciling() as unit:
        unit.keep_unrated(leg, "no prefix")
        unit.quarantine(Systemname(SYSTEMNAME), [BadRecord("f", 0, b"x", 1, "damaged")], NOW)
        unit.quarantine(Systemname("another"), [BadRecord("f", 0, b"x", 1, "damaged")], NOW)
    store.close()
    assert red(database_url) == {"calls-unrated": "warning", "record-quarantined": "warning"}
    assert inspect(database_url, SYSTEMNAME).quarantined == 1
    assert inspect(database_url, None).quarantined == 2


def test_a_database_of_a_newer_vpbx_and_one_without_migrations_are_told_apart(database_url: str) -> None:
    filled(database_url, 1)
    change(database_url, "UPDATE alembic_version SET version_num = '9999'")
    assert red(database_url) == {"database-schema": "problem"}


def test_an_empty_sqlite_file_only_lacks_migrations_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "vpbx.db").touch()
    assert red(f"sqlite:///{tmp_path}/vpbx.db") == {"database-schema": "warning"}
    assert (tmp_path / "vpbx.db").read_bytes() == b""


def test_looking_makes_no_database(tmp_path: Path) -> None:
    assert inspect(f"sqlite:///{tmp_path}/vpbx.db", None).absent
    assert list(tmp_path.iterdir()) == []


def test_damage_inside_a_sqlite_file_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vpbx.db"
    filled(url, 300)
    with sqlite3.connect(tmp_path / "vpbx.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name='ledger_entry'"
        ).fetchone()
    connection.close()
    with (tmp_path / "vpbx.db").open("r+b") as file:
        file.seek((root - 1) * 4096 + 8)
        file.write(b"\xff" * 64)
    found = red(url)
    assert "database-whole" in found or "database-reachable" in found
    assert "problem" in found.values()


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "vpbx.db").write_bytes(b"this is no database\n" * 300)
    assert red(f"sqlite:///{tmp_path}/vpbx.db") == {"database-reachable": "problem"}


def test_sqlite_without_its_write_ahead_log_is_found_and_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vpbx.db"
    filled(url, 1)
    connection = sqlite3.connect(tmp_path / "vpbx.db")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    before = (tmp_path / "vpbx.db").read_bytes()
    assert red(url) == {"database-durable": "problem"}
    assert (tmp_path / "vpbx.db").read_bytes() == before


def test_a_server_that_is_not_there_is_found(tmp_path: Path) -> None:
    assert red(f"postgresql://nobody@/vpbx?host={tmp_path}") == {"database-reachable": "problem"}


@pytest.mark.postgresql
def test_postgresql_that_does_not_sync_is_found(postgresql: object) -> None:
    url = postgresql.new_database()  # type: ignore[attr-defined]
    filled(url, 1)
    name = url.rpartition("/")[2].partition("?")[0]
    change(url, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    assert red(url) == {"database-durable": "problem"}
