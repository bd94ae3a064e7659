"""Entries of the ledger with their postings, in the order of the chain, a bounded number in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult, bindparam, select

from orchestrator.storage.rows import chunks
from orchestrator.storage.schema import ledger_entry, ledger_posting

GENESIS = "0" * 64
REVERSAL = "reversal"
_PAGE = 400


class Entry(NamedTuple):
    """An entry as its row holds it; times are microseconds. A tuple: a million of them pass by."""

    seq: int
    key: str
    tenant: str
    kind: str
    occurred_at: int
    posted_at: int
    path: str
    amount_kop: int
    facts: str
    reverses: str | None
    prev_hash: str
    hash: str


Accounts = dict[str, int]
"""Kopecks by account: debits positive, credits negative."""

_columns = [ledger_entry.c[name] for name in Entry._fields]
_entries = select(*_columns).where(ledger_entry.c.seq > bindparam("after")).order_by(ledger_entry.c.seq)
_posting = select(ledger_posting.c.entry_seq, ledger_posting.c.account, ledger_posting.c.amount_kop)
_postings = _posting.where(ledger_posting.c.entry_seq.between(bindparam("first"), bindparam("last")))


def pages(connection: Connection, after: int = 0) -> Iterator[list[tuple[Entry, Accounts]]]:
    """Entries behind one by sequence, each with its postings."""
    page = _entries.limit(_PAGE)
    make = Entry._make
    while rows := _fetched(connection.execute(page, {"after": after})):
        first, after = rows[0][0], rows[-1][0]
        accounts: dict[int, Accounts] = {row[0]: {} for row in rows}
        for seq, account, amount_kop in _fetched(
            connection.execute(_postings, {"first": first, "last": after})
        ):
            # A posting of no entry is found by the number of all.
            if seq in accounts:
                accounts[seq][account] = amount_kop
        yield [(make(row), accounts[row[0]]) for row in rows]


def _fetched(result: CursorResult[Any]) -> Sequence[tuple[Any, ...]]:
    """All rows as the driver gives them: nothing here is converted, and row objects cost more than rows."""
    cursor = result.cursor
    assert cursor is not None, "a SELECT has a cursor"
    rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows


def walk(connection: Connection, after: int = 0) -> Iterator[tuple[Entry, Accounts]]:
    """Entries behind one by sequence, each with its postings."""
    for page in pages(connection, after):
        yield from page


def by_key(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[Entry, Accounts]]:
    """Entries by key, each with its postings."""
    found: dict[str, tuple[Entry, Accounts]] = {}
    for chunk in chunks(keys):
        rows = connection.execute(select(*_columns).where(ledger_entry.c.key.in_(chunk))).all()
        accounts: dict[int, Accounts] = {row[0]: {} for row in rows}
        of_them = _posting.where(ledger_posting.c.entry_seq.in_(accounts))
        for seq, account, amount_kop in connection.execute(of_them).all():
            accounts[seq][account] = amount_kop
        found |= {row[1]: (Entry._make(row), accounts[row[0]]) for row in rows}
    return found


def chain_hash(entry: Entry, accounts: Mapping[str, int]) -> str:
    """What stands for an entry and all before it: SHA-256 of its columns, the hash before it, its postings.

    The text is canonical JSON, `[{columns by name}, [[account, kopecks], ...]]`, written out here: an encoder
    that sorts the same names for every entry takes twice as long.
    """
    (seq, key, tenant, kind, occurred_at, posted_at, path, amount_kop, facts, reverses, previous, _) = entry
    postings = ",".join([f"[{quoted(account)},{kop}]" for account, kop in sorted(accounts.items())])
    text = (
        f'[{{"amount_kop":{amount_kop},"facts":{quoted(facts)},"key":{quoted(key)},"kind":{quoted(kind)},'
        f'"occurred_at":{occurred_at},"path":{quoted(path)},"posted_at":{posted_at},'
        f'"prev_hash":{quoted(previous)},"reverses":{"null" if reverses is None else quoted(reverses)},'
        f'"seq":{seq},"tenant":{quoted(tenant)}}},[{postings}]]'
    )
    return hashlib.sha256(text.encode()).hexdigest()
