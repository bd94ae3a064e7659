"""The ledger: append-only, double-entry, chained by hashes. Rule: docs/decisions.md, decision 12.

What a tenant owes is a debit of `tenant:<name>`. Against it stand `vat` and revenue net of VAT, which is
`revenue:usage`, or `revenue:licence` and `revenue:support` of a recurring charge. So the postings of an entry
sum to zero. Each entry's hash covers the hash before it, the entry and its postings: a byte changed behind
our back is found by `verify`. An entry holds no personal data, only what re-computing needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select

from orchestrator.billing.recomputing import facts_of
from orchestrator.errors import DuplicateKey, LedgerBroken, NotFound
from orchestrator.model.account import ServiceEntry
from orchestrator.model.call import Charge
from orchestrator.model.service import EXTRA_EMPLOYEES, OPTION, SUBSCRIPTION
from orchestrator.ports import Posted, Standing
from orchestrator.storage.rows import chunks
from orchestrator.storage.schema import ledger_entry, ledger_posting
from orchestrator.storage.values import canonical, micros, moment

GENESIS = "0" * 64
_POSTING_TIME = ("seq", "posted_at", "path", "prev_hash", "hash")
"""What may differ between two ledgers of the same calls."""
_RECURRING = (SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION)


@dataclass(frozen=True, slots=True)
class Verified:
    """A ledger that holds. Args: head: hash of its last entry; kept elsewhere it proves none was cut off."""

    entries: int
    head: str


def post(connection: Connection, charges: Sequence[Charge | ServiceEntry], path: str, at: datetime) -> Posted:
    """Post each charge once under its key. Raises: DuplicateKey: a key stands with another content."""
    found: dict[str, tuple[dict[str, object], dict[str, int]]] = {}
    for charge in charges:
        entry = _call_entry(charge) if isinstance(charge, Charge) else _service_entry(charge)
        key = str(charge.key)
        if found.setdefault(key, entry) != entry:
            raise _duplicate(key)
    known = 0
    for keys in chunks(list(found)):
        for row in _entries(connection, keys):
            key = row["key"]
            content, _ = found.pop(key)
            if _stored_content(row) != content:
                raise _duplicate(key)
            known += 1
    _append(connection, list(found.values()), path, at)
    return Posted(new=len(found), known=known)


def reverse(connection: Connection, key: str, path: str, at: datetime) -> None:
    """Post the entry that takes another back; nothing when it stands already.

    Raises: NotFound: no entry has the key.
    """
    stood = connection.execute(select(ledger_entry).where(ledger_entry.c.key == key)).mappings().one_or_none()
    if stood is None:
        raise NotFound(f"the ledger has no entry {key}")
    reversed_already = select(ledger_entry.c.seq).where(ledger_entry.c.reverses == key)
    if connection.execute(reversed_already).first() is not None:
        return
    content = {
        **_stored_content(stood),
        "key": f"{key}/reversal",
        "kind": "reversal",
        "amount_kop": -stood["amount_kop"],
        "reverses": key,
    }
    accounts = {account: -amount for account, amount in _postings(connection, stood["seq"]).items()}
    _append(connection, [(content, accounts)], path, at)


def standing(connection: Connection, keys: Sequence[str]) -> Mapping[str, Standing]:
    """The evidence that stands under some keys."""
    found = {}
    for chunk in chunks(keys):
        for row in _entries(connection, chunk):
            facts = json.loads(row["facts"])
            found[row["key"]] = Standing(
                tenant=row["tenant"],
                amount_kop=row["amount_kop"],
                answered_at=moment(facts["answered_at"]),
                occurred_at=moment(row["occurred_at"]),
                estimated=facts["estimated"],
            )
    return found


def verify(connection: Connection) -> Verified:
    """Walk the whole chain.

    Raises: LedgerBroken: an entry was changed, removed or doesn't balance; it says which is the first.
    """
    return _verified(connection, 0, GENESIS)


def verify_last(connection: Connection, most: int) -> Verified:
    """Walk the chain's end only, a bounded number of entries. Raises: LedgerBroken."""
    last = connection.execute(select(func.max(ledger_entry.c.seq))).scalar() or 0
    after = max(0, last - most)
    if after == 0:
        return _verified(connection, 0, GENESIS)
    before = connection.execute(select(ledger_entry.c.hash).where(ledger_entry.c.seq == after)).scalar()
    if before is None:
        raise LedgerBroken(f"ledger entry {after} is missing", "compare with a backup")
    return _verified(connection, after, before)


def _verified(connection: Connection, after: int, previous: str) -> Verified:
    """Walk the chain behind an entry. Args: after: its number. previous: its hash."""
    entries = 0
    for row, accounts in _walk(connection, after):
        entries += 1
        try:
            broken = _fault(row, accounts, previous, after + entries)
        except TypeError:
            broken = "a value has another type"
        if broken:
            raise LedgerBroken(f"ledger entry {row['seq']} ({row['key']}): {broken}", "compare with a backup")
        previous = row["hash"]
    return Verified(entries, previous)


def dump(connection: Connection) -> str:
    """The ledger as JSON lines by key, without when, by which path and in what order it was posted."""
    lines = []
    for row, accounts in _walk(connection):
        kept = {name: value for name, value in row.items() if name not in _POSTING_TIME}
        lines.append(
            (row["key"], canonical({**kept, "facts": json.loads(row["facts"]), "postings": accounts}))
        )
    return "".join(f"{line}\n" for _, line in sorted(lines))


def _call_entry(charge: Charge) -> tuple[dict[str, object], dict[str, int]]:
    """An entry's own columns, the same for the same charge whoever posts it and when; and its postings."""
    facts = {
        "linkedid": charge.linkedid,
        "answered_at": micros(charge.answered_at),
        "duration_s": charge.duration_s,
        "billable_s": charge.billable_s,
        "tariff": charge.tariff,
        "tariff_version": charge.tariff_version,
        "deck": charge.deck,
        "deck_version": charge.deck_version,
        "deck_prefix": charge.deck_prefix,
        "destination": charge.destination,
        "day": charge.day.isoformat(),
        "vat_kop": charge.vat_kop,
        "vat_percent": str(charge.vat_percent),
        "estimated": charge.estimated,
        "working": charge.working,
    }
    content = _content(
        str(charge.key), charge.tenant, charge.kind, charge.occurred_at, charge.amount_kop, facts
    )
    return content, _usage_accounts(charge.tenant, charge.amount_kop, charge.vat_kop)


def _service_entry(entry: ServiceEntry) -> tuple[dict[str, object], dict[str, int]]:
    """Likewise, of a charge for the service."""
    charge = entry.charge
    facts = facts_of(charge, entry.state.tariff, entry.state.digest)
    content = _content(entry.key, entry.tenant, charge.kind, charge.at, charge.amount_kop, facts)
    if charge.kind not in _RECURRING:
        return content, _usage_accounts(entry.tenant, charge.amount_kop, charge.vat_kop)
    return content, {
        f"tenant:{entry.tenant}": charge.amount_kop,
        "revenue:licence": -charge.licence_kop,
        "revenue:support": charge.vat_kop - charge.support_kop,
        "vat": -charge.vat_kop,
    }


def _content(
    key: str, tenant: str, kind: str, at: datetime, amount_kop: int, facts: Mapping[str, object]
) -> dict[str, object]:
    return {
        "key": key,
        "tenant": tenant,
        "kind": kind,
        "occurred_at": micros(at),
        "amount_kop": amount_kop,
        "facts": canonical(facts),
        "reverses": None,
    }


def _usage_accounts(tenant: str, amount_kop: int, vat_kop: int) -> dict[str, int]:
    return {f"tenant:{tenant}": amount_kop, "revenue:usage": vat_kop - amount_kop, "vat": -vat_kop}


def _stored_content(row: RowMapping) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in _POSTING_TIME}


def _append(
    connection: Connection,
    entries: Sequence[tuple[Mapping[str, object], Mapping[str, int]]],
    path: str,
    at: datetime,
) -> None:
    """Chain entries to the last one. The caller is the only writer."""
    if not entries:
        return
    last = select(ledger_entry.c.seq, ledger_entry.c.hash).order_by(ledger_entry.c.seq.desc()).limit(1)
    seq, previous = connection.execute(last).one_or_none() or (0, GENESIS)
    rows, postings = [], []
    for content, accounts in entries:
        seq += 1
        row = {**content, "seq": seq, "posted_at": micros(at), "path": path, "prev_hash": previous}
        row["hash"] = previous = _hash(row, accounts)
        rows.append(row)
        postings += [
            {"entry_seq": seq, "account": account, "amount_kop": amount}
            for account, amount in accounts.items()
        ]
    connection.execute(insert(ledger_entry), rows)
    connection.execute(insert(ledger_posting), postings)


def _hash(row: Mapping[str, object], accounts: Mapping[str, int]) -> str:
    covered = {name: value for name, value in row.items() if name != "hash"}
    return hashlib.sha256(canonical([covered, sorted(accounts.items())]).encode()).hexdigest()


def _fault(row: RowMapping, accounts: Mapping[str, int], previous: str, seq: int) -> str:
    """What is wrong with an entry, or nothing."""
    if row["seq"] != seq:
        return f"entry {seq} is missing"
    if row["prev_hash"] != previous:
        return "it doesn't follow the entry before it"
    if sum(accounts.values()) != 0 or accounts.get(f"tenant:{row['tenant']}") != row["amount_kop"]:
        return "its postings don't balance"
    if row["hash"] != _hash(dict(row), accounts):
        return "its content was changed"
    return ""


def _walk(connection: Connection, after: int = 0) -> Iterator[tuple[RowMapping, dict[str, int]]]:
    """Entries behind one by sequence with their postings, a bounded number in memory."""
    while True:
        page = select(ledger_entry).where(ledger_entry.c.seq > after).order_by(ledger_entry.c.seq).limit(1000)
        rows = connection.execute(page).mappings().all()
        if not rows:
            return
        after = rows[-1]["seq"]
        accounts: dict[int, dict[str, int]] = {}
        of_page = select(ledger_posting).where(ledger_posting.c.entry_seq.between(rows[0]["seq"], after))
        for posting in connection.execute(of_page).mappings():
            accounts.setdefault(posting["entry_seq"], {})[posting["account"]] = posting["amount_kop"]
        for row in rows:
            yield row, accounts.get(row["seq"], {})


def _entries(connection: Connection, keys: Sequence[str]) -> list[RowMapping]:
    return list(connection.execute(select(ledger_entry).where(ledger_entry.c.key.in_(keys))).mappings())


def _postings(connection: Connection, seq: int) -> dict[str, int]:
    rows = connection.execute(select(ledger_posting).where(ledger_posting.c.entry_seq == seq)).mappings()
    return {row["account"]: row["amount_kop"] for row in rows}


def _duplicate(key: str) -> DuplicateKey:
    return DuplicateKey(
        f"the ledger holds {key} with another content",
        "entries are never changed: correct it by a reversal and a new entry",
    )
