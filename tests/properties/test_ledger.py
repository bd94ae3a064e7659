"""What holds for the ledger whatever happens to the record, the order of events and the passes over them."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fresh_store import fresh_store
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from posted_books import LEDGER, POSTED, fill
from recorded_calls import BEGIN, Call, csv_bytes, csv_line, definitions, record_of, switch_record
from sqlalchemy import text

from orchestrator.asterisk import record_file
from orchestrator.errors import LedgerBroken
from orchestrator.reconciliation import reconcile
from orchestrator.storage.entries import Entry, chain_hash, walk
from orchestrator.storage.schema import metadata
from orchestrator.storage.store import SqlStore
from orchestrator.storage.values import canonical
from orchestrator.storage.views import Asked

NOW = BEGIN + timedelta(days=1)
CALLS = [
    Call(1, 61),
    Call(2, None, begin=BEGIN + timedelta(seconds=2)),
    Call(3, 5.5, begin=BEGIN + timedelta(seconds=4), tenant="beta"),
    Call(4, 30, direction="in"),
]
LINES = [csv_line(row) for call in CALLS for row in call.rows()]


@contextmanager
def books() -> Iterator[tuple[SqlStore, Path]]:
    with tempfile.TemporaryDirectory() as directory:
        store = fresh_store(Path(directory) / "vpbx.db")
        yield store, Path(directory)
        store.close()


def bring_in(store: SqlStore, directory: Path) -> None:
    reconcile(store, switch_record(directory), definitions("acme", "beta"), now=NOW)


def ledger_of(pieces: Sequence[bytes]) -> str:
    """The ledger after a pass for each piece that the switch wrote."""
    with books() as (store, directory):
        for piece in pieces:
            with (directory / "vpbx-cel.csv").open("ab") as file:
                file.write(piece)
            bring_in(store, directory)
        store.verify()
        return store.dump()


@pytest.fixture(scope="module")
def genuine() -> str:
    return ledger_of([b"".join(LINES)])


@settings(max_examples=40, deadline=None)
@given(st.permutations(LINES), st.lists(st.sampled_from(LINES), max_size=20), st.integers(0, 60))
def test_replayed_duplicated_and_reordered_records_leave_the_ledger_the_same_to_the_byte(
    genuine: str, shaken: list[bytes], again: list[bytes], split: int
) -> None:
    lines = shaken + again
    assert ledger_of([b"".join(lines[:split]), b"".join(lines[split:])]) == genuine


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, sum(map(len, LINES))), max_size=5))
def test_passes_at_any_byte_of_a_growing_file_leave_the_ledger_the_same(
    genuine: str, cuts: list[int]
) -> None:
    whole = record_of(CALLS)
    places = [0, *sorted(cuts), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    assert ledger_of(pieces) == genuine


@settings(max_examples=20, deadline=None)
@given(chunk=st.integers(200, 5000))
def test_the_size_of_a_batch_changes_nothing(genuine: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record_file, "_CHUNK", chunk)
        assert ledger_of([record_of(CALLS)]) == genuine


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 9)), st.integers(1, 12))
def test_entries_and_their_reversals_sum_to_zero(reversed_ones: set[int], number: int) -> None:
    with books() as (store, directory):
        calls = [Call(index, 10 * index) for index in range(number)]
        (directory / "vpbx-cel.csv").write_bytes(csv_bytes(row for call in calls for row in call.rows()))
        bring_in(store, directory)
        for index in reversed_ones & set(range(number)):
            store.reverse(calls[index].key, "correction", NOW)
        entries = {charge.key: charge.amount_kop for charge in store.charges(Asked())}
        for index in reversed_ones & set(range(number)):
            assert entries[calls[index].key] + entries[f"{calls[index].key}/reversal"] == 0
        with store.database.reading() as connection:
            sums = "SELECT entry_seq, sum(amount_kop) FROM ledger_posting GROUP BY entry_seq"
            assert {total for _, total in connection.execute(text(sums))} == {0}
        store.verify()


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 60)))
def test_an_entry_and_its_reversal_are_nothing_in_every_account(chosen: set[int]) -> None:
    with books() as (store, _):
        fill(store)
        with store.database.reading() as connection:
            keys = [entry.key for entry, _ in walk(connection) if entry.reverses is None]
            taken_back = {entry.reverses for entry, _ in walk(connection) if entry.reverses is not None}
        for index in chosen & set(range(len(keys))):
            if keys[index] not in taken_back:
                store.take_back(keys[index], "why", "who", POSTED)
                taken_back.add(keys[index])
        sums: dict[str, Counter[str]] = {}
        with store.database.reading() as connection:
            for entry, accounts in walk(connection):
                kopecks = sums.setdefault(entry.reverses or entry.key, Counter())
                for account, amount_kop in accounts.items():
                    kopecks[account] += amount_kop
        assert {key for key, kopecks in sums.items() if not any(kopecks.values())} >= taken_back
        verified = store.verify()
        assert verified.reversals == len(taken_back)
        left: Counter[str] = Counter()
        for key, kopecks in sums.items():
            if key not in taken_back:
                left.update(kopecks)
        assert {name: kop for name, kop in verified.balances.items() if kop} == {
            name: kop for name, kop in left.items() if kop
        }


COLUMNS = [(table, column.name) for table in LEDGER for column in metadata.tables[table].columns]


@pytest.fixture(scope="module")
def filled() -> Iterator[Path]:
    """A database file with every kind of entry."""
    with books() as (store, directory):
        fill(store)
        with store.database.reading() as connection:
            assert set(connection.execute(text("SELECT DISTINCT kind FROM ledger_entry")).scalars()) >= {
                "call",
                "subscription",
                "reversal",
            }
        store.close()
        yield directory / "vpbx.db"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_byte_of_any_column_of_the_ledger_is_found_and_named(
    filled: Path, data: st.DataObject
) -> None:
    table, column = data.draw(st.sampled_from(COLUMNS))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vpbx.db"
        shutil.copyfile(filled, path)
        # What is stored is changed as it lies there, whatever type and rule its column has.
        raw = sqlite3.connect(path)
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        stored = raw.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
        rowid, value = data.draw(st.sampled_from(stored))
        written = str(value).encode()
        at, bit = data.draw(st.integers(0, len(written) - 1)), data.draw(st.integers(0, 6))
        flipped = bytearray(written)
        flipped[at] ^= 1 << bit
        changed: object = flipped.decode("utf-8", "replace")
        if isinstance(value, int) and str(changed).lstrip("-").isdecimal():
            changed = int(str(changed))
        assume(changed != value)
        named = _names(raw, table, rowid)
        if column == "entry_seq":
            named.append(f"ledger entry {changed} ")
        raw.execute("PRAGMA ignore_check_constraints = ON")
        try:
            raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, rowid))
        except sqlite3.Error:
            reject()  # the database itself refuses it: another row has that key, or it is no number
        raw.commit()
        raw.close()
        store = SqlStore.open(f"sqlite:///{path}")
        try:
            with pytest.raises(LedgerBroken) as caught:
                store.verify()
        finally:
            store.close()
    assert any(name in caught.value.message for name in named), caught.value.message


def _names(raw: sqlite3.Connection, table: str, rowid: int) -> list[str]:
    """How a fault of a row may be named: by its entry, or by the first that isn't where it should be."""
    if table == "tariff_state":
        return ["tariff state "]
    number = "entry_seq" if table == "ledger_posting" else "seq"
    (seq,) = raw.execute(f"SELECT {number} FROM {table} WHERE rowid = ?", (rowid,)).fetchone()
    return [f"ledger entry {seq} ", f"entry {seq} is missing"]


@given(
    st.builds(
        Entry,
        *[st.integers(0, 2**62)],
        *[st.text(max_size=8)] * 3,
        *[st.integers(0, 2**62)] * 2,
        st.text(max_size=8),
        st.integers(-(2**62), 2**62),
        st.text(),
        st.none() | st.text(max_size=8),
        st.text(max_size=8),
        st.just(""),
    ),
    st.dictionaries(st.text(max_size=8), st.integers(-(2**62), 2**62), max_size=4),
)
def test_an_entrys_hash_is_that_of_its_canonical_json(entry: Entry, accounts: dict[str, int]) -> None:
    columns = {name: value for name, value in entry._asdict().items() if name != "hash"}
    written = canonical([columns, sorted(accounts.items())])
    assert chain_hash(entry, accounts) == hashlib.sha256(written.encode()).hexdigest()
