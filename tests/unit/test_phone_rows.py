"""The phones' database as a switch reads it: one phone, and all that are listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.asterisk import phones
from orchestrator.asterisk.phones import PhoneRows, phones_of

TEXT = "".join(
    f"[d{n}]\ntype=endpoint\ncontext=acme-phones\naors=d{n}\n[d{n}]\ntype=aor\nmax_contacts=1\n"
    for n in range(3)
)
LISTED = "SELECT id FROM ps_endpoints_listed WHERE id LIKE '%' ORDER BY id"


@pytest.fixture
def rows(tmp_path: Path) -> PhoneRows:
    made = PhoneRows(tmp_path / "lib" / "phones.sqlite3")
    made.write(phones_of("acme", TEXT))
    return made


@pytest.fixture
def switch(rows: PhoneRows, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A reader as the switch is one."""
    with closing(sqlite3.connect(tmp_path / "lib" / "phones.sqlite3", isolation_level=None)) as base:
        yield base


def ids(switch: sqlite3.Connection, query: str) -> list[str]:
    return [row[0] for row in switch.execute(query)]


def test_all_phones_are_listed_but_for_the_while_in_which_some_are_alone(
    rows: PhoneRows, switch: sqlite3.Connection
) -> None:
    assert ids(switch, LISTED) == ["d0", "d1", "d2"]
    with rows.listed(["d1"]):
        assert ids(switch, LISTED) == ["d1"]
        assert ids(switch, "SELECT id FROM ps_endpoints WHERE id = 'd2'") == ["d2"]
    assert ids(switch, LISTED) == ["d0", "d1", "d2"]


def test_when_who_listed_some_alone_dies_all_are_listed_again(
    rows: PhoneRows, switch: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "_LONGEST_LISTED_S", -1)
    with rows.listed(["d1"]):
        assert ids(switch, LISTED) == ["d0", "d1", "d2"]


def test_a_listed_phone_has_the_columns_of_later_ones(rows: PhoneRows, switch: sqlite3.Connection) -> None:
    rows.write(phones_of("acme", "[d3]\ntype=endpoint\nrtp_timeout=60\n"))
    found = switch.execute("SELECT rtp_timeout FROM ps_endpoints_listed WHERE id = 'd3'").fetchone()
    assert found == ("60",)


def test_listing_some_alone_is_no_edit_of_somebody_else(rows: PhoneRows) -> None:
    with rows.listed(["d1"]):
        assert rows.altered() == []
    assert rows.altered() == []
