"""What a switch's own database keeps of a tenant goes with the tenant's data, and nobody else's does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.asterisk.kept_state import StateKept, forget

OF_ACME = (
    "/vpbx-switch/acme/night",
    "/vpbx-out/acme/101",
    "/vpbx-manager/acme/+79035556677",
    "/vpbx-idle/acme/101",
    "/vpbx-wrap-up/acme/101",
    "/vpbx-wait/acme/sales",
    "/vpbx-unasked/acme/calls",
    "/vpbx-barred/acme/out",
    "/vpbx-dnd/acme/101",
    "/CustomDevstate/vpbx-switch.acme.night",
    "/CustomDevstate/vpbx-dnd.acme.101",
)
OTHERS = (
    "/vpbx-switch/acme-2/night",
    "/vpbx-out/beta/101",
    "/registrar/contact/acme",
    "/vpbx-out/acmé/1",
    "/CustomDevstate/vpbx-dnd.acme-2.101",
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """As Asterisk 22 makes it."""
    file = tmp_path / "astdb.sqlite3"
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("CREATE TABLE astdb (key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        base.executemany("INSERT INTO astdb VALUES (?, '1')", [(key,) for key in (*OF_ACME, *OTHERS)])
    return file


def kept(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as base:
        return {row[0] for row in base.execute("SELECT key FROM astdb")}


def test_what_is_the_tenants_goes_and_nothing_else(database: Path) -> None:
    assert forget(database, "acme") == len(OF_ACME)
    assert kept(database) == set(OTHERS)
    assert forget(database, "acme") == 0


def test_a_switch_that_never_ran_keeps_nothing(tmp_path: Path) -> None:
    assert forget(tmp_path / "nowhere", "acme") == 0


def test_a_damaged_database_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "astdb.sqlite3"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StateKept, match="not a database"):
        forget(file, "acme")
