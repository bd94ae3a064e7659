"""The ledger: append-only, double-entry, chained by hashes. Rule: docs/decisions.md, decision 12.

What a tenant owes is a debit of `tenant:<name>`. Against it stand `vat` and revenue net of VAT, which is
`revenue:usage`, or `revenue:licence` and `revenue:support` of a recurring charge. So the postings of an entry
sum to zero. Each entry's hash covers the hash before it, the entry and its postings: a byte changed behind
our back is found by `verification`. An entry holds no personal data, only what computing it again needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select

from orchestrator.billing.recomputing import facts_of, taken_facts, taken_from
from orchestrator.errors import DuplicateKey, NotFound
from orchestrator.model.account import ServiceEntry
from orchestrator.model.call import Charge
from orchestrator.model.service import EXTRA_EMPLOYEES, OPTION, SUBSCRIPTION
from orchestrator.model.tariff import Portion
from orchestrator.ports import Posted, Standing
from orchestrator.storage import allowances, balances
from orchestrator.storage.entries import GENESIS, REVERSAL, Entry, chain_hash, walk
from orchestrator.storage.rows import chunks
from orchestrator.storage.schema import ledger_entry, ledger_posting
from orchestrator.storage.tariff_states import keep_states
from orchestrator.storage.values import canonical, micros, moment

_POSTING_TIME = ("seq", "posted_at", "path", "prev_hash", "hash")
"""What may differ between two ledgers of the same calls."""
_RECURRING = (SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION)


def post(connection: Connection, charges: Sequence[Charge | ServiceEntry], path: str, at: datetime) -> Posted:
    """Post each charge once under its key, and keep the terms that it was computed with.

    Raises: DuplicateKey: a key stands with another content.
    """
    found: dict[str, tuple[dict[str, object], dict[str, int]]] = {}
    for charge in charges:
        entry = call_entry(charge) if isinstance(charge, Charge) else service_entry(charge)
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
    keep_states(connection, (charge.state for charge in charges if str(charge.key) in found))
    append(connection, list(found.values()), path, at)
    new = (charge for charge in charges if str(charge.key) in found)
    taken = {str(charge.key): (charge.tenant, portion) for charge in new if (portion := _taken(charge))}
    allowances.take(connection, taken.values())
    return Posted(new=len(found), known=known)


def reverse(connection: Connection, key: str, path: str, at: datetime) -> None:
    """Post the entry that takes another back; nothing when it stands already.

    Raises: NotFound: no entry has the key.
    """
    if connection.execute(select(ledger_entry.c.seq).where(ledger_entry.c.reverses == key)).first() is None:
        append_reversal(connection, key, {}, path, at)


def append_reversal(
    connection: Connection, key: str, said: Mapping[str, str], path: str, at: datetime
) -> None:
    """Post the entry that takes another back. The caller has seen that none stands.

    Args: said: facts of the reversal beside those of what it takes back.
    Raises: NotFound: no entry has the key.
    """
    stood = connection.execute(select(ledger_entry).where(ledger_entry.c.key == key)).mappings().one_or_none()
    if stood is None:
        raise NotFound(
            f"the ledger has no entry {key}", "vpbx charges list --json shows the key of every charge"
        )
    content = {
        **_stored_content(stood),
        "key": f"{key}/{REVERSAL}",
        "kind": REVERSAL,
        "amount_kop": -stood["amount_kop"],
        "facts": canonical({**json.loads(stood["facts"]), **said}),
        "reverses": key,
    }
    accounts = {account: -amount for account, amount in _postings(connection, stood["seq"]).items()}
    append(connection, [(content, accounts)], path, at)
    if (taken := taken_from(json.loads(stood["facts"]))) is not None:
        allowances.take(connection, [(stood["tenant"], taken)], -1)


def taken_by(connection: Connection, key: str) -> tuple[bool, Portion | None]:
    """Whether an entry stands under a key, and what it took of what is included."""
    facts = connection.execute(select(ledger_entry.c.facts).where(ledger_entry.c.key == key)).scalar()
    return facts is not None, None if facts is None else taken_from(json.loads(facts))


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


def dump(connection: Connection) -> str:
    """The ledger as JSON lines by key, without when, by which path and in what order it was posted."""
    lines = []
    for entry, accounts in walk(connection):
        kept = {name: value for name, value in entry._asdict().items() if name not in _POSTING_TIME}
        lines.append((entry.key, canonical({**kept, "facts": json.loads(entry.facts), "postings": accounts})))
    return "".join(f"{line}\n" for _, line in sorted(lines))


def call_entry(charge: Charge) -> tuple[dict[str, object], dict[str, int]]:
    """An entry's own columns, the same for the same charge whoever posts it and when; and its postings."""
    facts = {
        "linkedid": charge.linkedid,
        "answered_at": micros(charge.answered_at),
        "duration_s": charge.duration_s,
        "billable_s": charge.billable_s,
        "tariff": charge.tariff,
        "tariff_version": charge.tariff_version,
        "tariff_digest": charge.state.digest,
        "deck": charge.deck,
        "deck_version": charge.deck_version,
        "deck_prefix": charge.deck_prefix,
        "destination": charge.destination,
        "day": charge.day.isoformat(),
        "vat_kop": charge.vat_kop,
        "vat_percent": str(charge.vat_percent),
        "estimated": charge.estimated,
        "working": charge.working,
        "rate": {
            "price": str(charge.rate.price),
            "increment_s": charge.rate.increment_s,
            "minimum_s": charge.rate.minimum_s,
            "free_below_s": charge.rate.free_below_s,
            "connect_fee": str(charge.rate.connect_fee),
        },
        "vat_mode": charge.vat_mode,
        "time_zone": charge.time_zone,
        **taken_facts(charge.taken),
    }
    content = content_of(
        str(charge.key), charge.tenant, charge.kind, charge.occurred_at, charge.amount_kop, facts
    )
    return content, usage_accounts(charge.tenant, charge.amount_kop, charge.vat_kop)


def service_entry(entry: ServiceEntry) -> tuple[dict[str, object], dict[str, int]]:
    """Likewise, of a charge for the service."""
    charge = entry.charge
    facts = facts_of(charge, entry.state.tariff, entry.state.digest)
    content = content_of(entry.key, entry.tenant, charge.kind, charge.at, charge.amount_kop, facts)
    if charge.kind not in _RECURRING:
        return content, usage_accounts(entry.tenant, charge.amount_kop, charge.vat_kop)
    return content, {
        f"tenant:{entry.tenant}": charge.amount_kop,
        "revenue:licence": -charge.licence_kop,
        "revenue:support": charge.vat_kop - charge.support_kop,
        "vat": -charge.vat_kop,
    }


def _taken(charge: Charge | ServiceEntry) -> Portion | None:
    return charge.taken if isinstance(charge, Charge) else charge.charge.taken


def usage_accounts(tenant: str, amount_kop: int, vat_kop: int) -> dict[str, int]:
    return {f"tenant:{tenant}": amount_kop, "revenue:usage": vat_kop - amount_kop, "vat": -vat_kop}


def content_of(
    key: str, tenant: str, kind: str, at: datetime, amount_kop: int, facts: Mapping[str, object]
) -> dict[str, object]:
    """An entry's own columns. Args: at: when it occurred. amount_kop: what the tenant owes by it."""
    return {
        "key": key,
        "tenant": tenant,
        "kind": kind,
        "occurred_at": micros(at),
        "amount_kop": amount_kop,
        "facts": canonical(facts),
        "reverses": None,
    }


def _stored_content(row: RowMapping) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in _POSTING_TIME}


def append(
    connection: Connection,
    entries: Sequence[tuple[Mapping[str, object], Mapping[str, int]]],
    path: str,
    at: datetime,
) -> None:
    """Post entries, and take them from what tenants have left. The caller is the only writer."""
    if entries:
        chain(connection, entries, path, at)
        tenants = [str(content["tenant"]) for content, _ in entries]
        owed = [accounts[f"tenant:{each}"] for each, (_, accounts) in zip(tenants, entries, strict=True)]
        balances.charge(connection, zip(tenants, owed, strict=True))


def chain(
    connection: Connection,
    entries: Sequence[tuple[Mapping[str, object], Mapping[str, int]]],
    path: str,
    at: datetime,
) -> None:
    """Chain entries to the last one, and nothing else."""
    last = select(ledger_entry.c.seq, ledger_entry.c.hash).order_by(ledger_entry.c.seq.desc()).limit(1)
    seq, previous = connection.execute(last).one_or_none() or (0, GENESIS)
    rows, postings = [], []
    for content, accounts in entries:
        seq += 1
        row = {
            **content,
            "seq": seq,
            "posted_at": micros(at),
            "path": path,
            "prev_hash": previous,
            "hash": "",
        }
        previous = chain_hash(Entry._make(row[name] for name in Entry._fields), accounts)
        rows.append({**row, "hash": previous})
        postings += [
            {"entry_seq": seq, "account": account, "amount_kop": amount}
            for account, amount in accounts.items()
        ]
    connection.execute(insert(ledger_entry), rows)
    connection.execute(insert(ledger_posting), postings)


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
