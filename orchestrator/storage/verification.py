"""Proof of the books: the chain is whole, everything balances, and every charge computes again.

Pure code of `billing` computes; this walks and compares. Rule: docs/decisions.md, decision 12.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from orchestrator.billing.recomputing_calls import CallAgain, call_again, call_as_posted, can_compute_call
from orchestrator.errors import ChargeDiffers, LedgerBroken
from orchestrator.storage.entries import GENESIS, Accounts, Entry, chain_hash, pages
from orchestrator.storage.rows import canonical, chunks
from orchestrator.storage.schema import ledger_entry, ledger_posting

REVERSAL = "reversal"
OF_REVERSALS_ALONE = frozenset({"why", "by"})
"""Facts that a reversal has beside those of what it takes back."""

_CALLS = frozenset({"call", "call.corrected"})
_HINT = "compare with a backup"
_JSON = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Verified:
    """A ledger that holds.

    Args:
        head: hash of its last entry; kept elsewhere it proves none was cut off.
        recomputed: charges computed again. not_recomputed: those posted without what that needs, by an
            earlier vpbx. reversals: entries that take another back, each exactly.
        balances: kopecks by account, debits positive.
    """

    entries: int
    head: str
    recomputed: int = 0
    not_recomputed: int = 0
    reversals: int = 0
    balances: Mapping[str, int] = field(default_factory=dict)


def verify(connection: Connection) -> Verified:
    """Walk the whole chain and compute every charge again.

    Raises: LedgerBroken: an entry was changed, removed or doesn't balance; it says which is the first.
    ChargeDiffers: a charge computed again comes out otherwise.
    """
    walk = _Walk(connection, 0, GENESIS)
    walk.to_the_end()
    _check_totals(connection, walk)
    return walk.verified()


def verify_last(connection: Connection, most: int) -> Verified:
    """Walk the chain's end only, a bounded number of entries. Raises: as `verify`."""
    last = connection.execute(select(func.max(ledger_entry.c.seq))).scalar() or 0
    after = max(0, last - most)
    before: str | None = GENESIS
    if after > 0:
        before = connection.execute(select(ledger_entry.c.hash).where(ledger_entry.c.seq == after)).scalar()
    if before is None:
        raise LedgerBroken(f"ledger entry {after} is missing", _HINT)
    walk = _Walk(connection, after, before)
    walk.to_the_end()
    return walk.verified()


class _Walk:
    """A walk along the chain behind an entry. Args: after: its number. previous: its hash."""

    def __init__(self, connection: Connection, after: int, previous: str) -> None:
        self._connection = connection
        self._after = after
        self._previous = previous
        self._entries = self._recomputed = self._not_recomputed = self._reversals = 0
        self.postings = 0
        self.balances: dict[str, int] = {}

    def to_the_end(self) -> None:
        for page in pages(self._connection, self._after):
            self._take(page)

    def verified(self) -> Verified:
        return Verified(
            self._entries,
            self._previous,
            self._recomputed,
            self._not_recomputed,
            self._reversals,
            dict(sorted(self.balances.items())),
        )

    def _take(self, page: Sequence[tuple[Entry, Accounts]]) -> None:
        reversals = []
        for entry, accounts in page:
            self._entries += 1
            self._chain(entry, accounts)
            if entry.reverses is not None or entry.kind == REVERSAL:
                reversals.append((entry, accounts))
            else:
                self._compute(entry, accounts)
        if reversals:
            self._reversals += len(reversals)
            _check_reversals(self._connection, reversals)

    def _chain(self, entry: Entry, accounts: Accounts) -> None:
        """The entry follows the one before it, is as it was written, and balances."""
        try:
            broken = self._break(entry, accounts)
        except (TypeError, ValueError):
            broken = "a value has another type"
        if broken:
            raise LedgerBroken(f"ledger entry {entry.seq} ({entry.key}): {broken}", _HINT)
        self._previous = entry.hash
        self.postings += len(accounts)
        balances = self.balances
        for account, amount_kop in accounts.items():
            balances[account] = balances.get(account, 0) + amount_kop

    def _break(self, entry: Entry, accounts: Accounts) -> str:
        """What is wrong with an entry, or nothing."""
        seq = self._after + self._entries
        if entry.seq != seq:
            return f"entry {seq} is missing"
        if entry.prev_hash != self._previous:
            return "it doesn't follow the entry before it"
        if sum(accounts.values()) != 0 or accounts.get(f"tenant:{entry.tenant}") != entry.amount_kop:
            return "its postings don't balance"
        if entry.hash != chain_hash(entry, accounts):
            return "its content was changed"
        return ""

    def _compute(self, entry: Entry, accounts: Accounts) -> None:
        """Compute a charge again, where that can be done."""
        if entry.kind not in _CALLS:
            self._not_recomputed += 1
            return
        try:
            facts, _ = _JSON.raw_decode(entry.facts)
            if not can_compute_call(facts):
                self._not_recomputed += 1
                return
            stands, again = call_as_posted(entry.amount_kop, facts), call_again(entry.occurred_at, facts)
            differ = []
            if stands != again:
                differ = [
                    f"{name} is {stood}, computed again {value}"
                    for name, stood, value in zip(CallAgain._fields, stands, again, strict=True)
                    if stood != value
                ]
            usage_kop = facts["vat_kop"] - entry.amount_kop
            if accounts.get("revenue:usage") != usage_kop or accounts.get("vat") != -facts["vat_kop"]:
                differ.append("its postings are not those of its amount and VAT")
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise LedgerBroken(
                f"ledger entry {entry.seq} ({entry.key}): its facts can't be read", _HINT
            ) from error
        if differ:
            raise ChargeDiffers(entry.seq, entry.key, differ)
        self._recomputed += 1


def _check_totals(connection: Connection, walk: _Walk) -> None:
    """All postings belong to entries that were walked, and debits equal credits."""
    count = connection.execute(select(func.count()).select_from(ledger_posting)).scalar_one()
    total_kop = sum(walk.balances.values())
    if count != walk.postings or total_kop != 0:
        raise LedgerBroken(
            f"the ledger has {count} postings, its entries {walk.postings}; their sum is {total_kop} kop",
            _HINT,
        )
    twice = (
        select(ledger_entry.c.reverses)
        .where(ledger_entry.c.reverses.is_not(None))
        .group_by(ledger_entry.c.reverses)
        .having(func.count() > 1)
        .order_by(ledger_entry.c.reverses)
        .limit(1)
    )
    if (key := connection.execute(twice).scalar()) is not None:
        raise LedgerBroken(f"ledger entry {key} is reversed twice", _HINT)


def _check_reversals(connection: Connection, reversals: Sequence[tuple[Entry, Accounts]]) -> None:
    """Each takes an earlier entry back in every account. Raises: LedgerBroken."""
    originals = _originals(
        connection, [entry.reverses for entry, _ in reversals if entry.reverses is not None]
    )
    for entry, accounts in reversals:
        original, posted = originals.get(entry.reverses or "", (None, {}))
        if original is None or original.seq >= entry.seq:
            broken = f"it reverses {entry.reverses}, which doesn't stand before it"
        elif entry.kind != REVERSAL or original.reverses is not None:
            broken = "it is no reversal of a charge"
        elif accounts != {account: -amount_kop for account, amount_kop in posted.items()}:
            broken = f"it isn't {entry.reverses} taken back in every account"
        elif _without_why(entry) != _without_why(original):
            broken = f"it says other facts than {entry.reverses}"
        else:
            continue
        raise LedgerBroken(f"ledger entry {entry.seq} ({entry.key}): {broken}", _HINT)


def _originals(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[Entry, Accounts]]:
    """Entries by key with their postings."""
    found: dict[str, tuple[Entry, Accounts]] = {}
    columns = [ledger_entry.c[name] for name in Entry._fields]
    for chunk in chunks(keys):
        rows = connection.execute(select(*columns).where(ledger_entry.c.key.in_(chunk))).all()
        by_seq: dict[int, Accounts] = {row[0]: {} for row in rows}
        of_them = select(ledger_posting.c.entry_seq, ledger_posting.c.account, ledger_posting.c.amount_kop)
        for seq, account, amount_kop in connection.execute(
            of_them.where(ledger_posting.c.entry_seq.in_(by_seq))
        ).all():
            by_seq[seq][account] = amount_kop
        found |= {row[1]: (Entry._make(row), by_seq[row[0]]) for row in rows}
    return found


def _without_why(entry: Entry) -> tuple[object, ...]:
    """What a reversal has in common with what it takes back."""
    facts = {name: value for name, value in json.loads(entry.facts).items() if name not in OF_REVERSALS_ALONE}
    return entry.tenant, entry.occurred_at, canonical(facts)
