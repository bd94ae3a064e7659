"""What holds for the ledger whatever happens to the record, the order of events and the passes over them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_calls import BEGIN, Call, csv_bytes, csv_line, definitions, record_of, switch_record
from sqlalchemy import text

from orchestrator.asterisk import record_file
from orchestrator.errors import LedgerBroken
from orchestrator.reconciliation import reconcile
from orchestrator.storage.store import SqlStore
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
        store = SqlStore.open(f"sqlite:///{directory}/vpbx.db")
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


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_letter_of_the_ledger_is_found(data: st.DataObject) -> None:
    with books() as (store, directory):
        (directory / "vpbx-cel.csv").write_bytes(b"".join(LINES))
        bring_in(store, directory)
        with store.database.writing() as connection:
            for name in (
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                .scalars()
                .all()
            ):
                connection.execute(text(f"DROP TRIGGER {name}"))
            table, column = data.draw(
                st.sampled_from(
                    [
                        *(
                            ("ledger_entry", name)
                            for name in ("tenant", "kind", "path", "facts", "hash", "prev_hash")
                        ),
                        *(("ledger_entry", name) for name in ("occurred_at", "posted_at", "amount_kop")),
                        ("ledger_posting", "account"),
                        ("ledger_posting", "amount_kop"),
                    ]
                )
            )
            rows = connection.execute(text(f"SELECT rowid, {column} FROM {table}")).all()
            rowid, value = data.draw(st.sampled_from(list(rows)))
            at = data.draw(st.integers(0, len(str(value)) - 1))
            letter = data.draw(st.sampled_from("0123456789abcxyz").filter(lambda one: one != str(value)[at]))
            changed: object = str(value)[:at] + letter + str(value)[at + 1 :]
            if isinstance(value, int) and str(changed).lstrip("-").isdigit():
                changed = int(str(changed))
            if changed == value:
                return
            connection.execute(
                text(f"UPDATE {table} SET {column} = :changed WHERE rowid = :rowid"),
                {"changed": changed, "rowid": rowid},
            )
        with pytest.raises(LedgerBroken):
            store.verify()
