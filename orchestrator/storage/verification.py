"""Proof of the books: the chain is whole, everything balances, and every charge computes again.

This walks and compares; pure code of `billing` computes. Rule: docs/decisions.md, decision 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from orchestrator.errors import ChargeDiffers, LedgerBroken
from orchestrator.storage import balances
from orchestrator.storage.charges_again import ChargesAgain
from orchestrator.storage.entries import GENESIS, Accounts, Entry, chain_hash, pages
from orchestrator.storage.reversals import check_reversals, is_reversal, reversed_twice
from orchestrator.storage.schema import ledger_entry, ledger_posting

_HINT = "compare with a backup"
_TENANT = "tenant:"


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
    walk.again.check_states()
    walk.to_the_end()
    _check_whole(connection, walk)
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
        self.again = ChargesAgain(connection)
        self.postings = 0
        self.balances: dict[str, int] = {}
        self._connection = connection
        self._after = after
        self._previous = previous
        self._entries = self._recomputed = self._not_recomputed = self._reversals = 0

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
            self._follow(entry, accounts)
            if is_reversal(entry):
                reversals.append((entry, accounts))
                self._reversals += 1
            else:
                self._compute(entry, accounts)
        for entry, broken in check_reversals(self._connection, reversals):
            raise _broken(entry, broken)

    def _follow(self, entry: Entry, accounts: Accounts) -> None:
        """The entry follows the one before it, is as it was written, and balances."""
        try:
            broken = self._fault(entry, accounts)
        except (TypeError, ValueError):
            broken = "a value has another type"
        if broken:
            raise _broken(entry, broken)
        self._previous = entry.hash
        self.postings += len(accounts)
        balances = self.balances
        for account, amount_kop in accounts.items():
            balances[account] = balances.get(account, 0) + amount_kop

    def _fault(self, entry: Entry, accounts: Accounts) -> str:
        """What is wrong with an entry, or nothing."""
        seq = self._after + self._entries
        if entry.seq != seq:
            return f"entry {seq} is missing"
        if entry.prev_hash != self._previous:
            return "it doesn't follow the entry before it"
        if sum(accounts.values()) != 0 or accounts.get(f"{_TENANT}{entry.tenant}") != entry.amount_kop:
            return "its postings don't balance"
        if entry.hash != chain_hash(entry, accounts):
            return "its content was changed"
        return ""

    def _compute(self, entry: Entry, accounts: Accounts) -> None:
        """Compute a charge again, where that can be done."""
        try:
            differences = self.again.differences(entry, accounts)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise _broken(entry, "its facts can't be read") from error
        if differences is None:
            self._not_recomputed += 1
        elif differences:
            raise ChargeDiffers(entry.seq, entry.key, differences)
        else:
            self._recomputed += 1


def _check_whole(connection: Connection, walk: _Walk) -> None:
    """No posting is of no entry, debits equal credits, nothing is taken back twice, balances are those of the
    entries. Raises: LedgerBroken."""
    count = connection.execute(select(func.count()).select_from(ledger_posting)).scalar_one()
    total_kop = sum(walk.balances.values())
    if count != walk.postings or total_kop != 0:
        raise LedgerBroken(
            f"the ledger has {count} postings, its entries {walk.postings}; their sum is {total_kop} kop",
            _HINT,
        )
    if (key := reversed_twice(connection)) is not None:
        raise LedgerBroken(f"ledger entry {key} is reversed twice", _HINT)
    kept = balances.all_kop(connection)
    owed = {
        account.removeprefix(_TENANT): kop
        for account, kop in walk.balances.items()
        if account.startswith(_TENANT)
    }
    for tenant in sorted({*kept, *owed}):
        left_kop, owed_kop = kept.get(tenant, 0), owed.get(tenant, 0)
        if left_kop != -owed_kop:
            raise LedgerBroken(
                f"the balance kept of {tenant} is {left_kop} kop, its entries make {-owed_kop}", _HINT
            )


def _broken(entry: Entry, what: str) -> LedgerBroken:
    return LedgerBroken(f"ledger entry {entry.seq} ({entry.key}): {what}", _HINT)
