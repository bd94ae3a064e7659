"""Entries that take another back, in every account and once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from orchestrator.errors import AlreadyReversed, NotReversible
from orchestrator.storage import ledger
from orchestrator.storage.entries import REVERSAL, Accounts, Entry, by_key
from orchestrator.storage.schema import ledger_entry
from orchestrator.storage.values import canonical, moment

OF_REVERSALS_ALONE = frozenset({"why", "by"})
"""Facts that a reversal has beside those of what it takes back."""


CORRECTION = "correction"
"""The path of a reversal that a person asked for."""


def take_back(connection: Connection, key: str, why: str, who: str, at: datetime) -> Entry:
    """Post the reversal of a charge at a person's word, who and why kept with it.

    Returns: the reversal.
    Raises: NotFound: no entry has the key. AlreadyReversed: one stands. NotReversible: it is one itself.
    """
    stood = by_key(connection, [key]).get(key)
    if stood is not None and is_reversal(stood[0]):
        raise NotReversible(
            f"{key} is a reversal, which is not reversed",
            "what it took back by mistake is charged again by a new entry",
        )
    before = connection.execute(
        select(ledger_entry.c.posted_at, ledger_entry.c.path, ledger_entry.c.facts).where(
            ledger_entry.c.reverses == key
        )
    ).one_or_none()
    if before is not None:
        facts = json.loads(before.facts)
        said = f" by {facts['by']}: {facts['why']}" if "why" in facts else f" by {before.path}"
        raise AlreadyReversed(
            key,
            f"{key} was reversed at {moment(before.posted_at):%Y-%m-%d %H:%M:%S} UTC{said}",
            "a charge is taken back once; vpbx charges list shows both entries",
        )
    ledger.append_reversal(connection, key, {"why": why, "by": who}, CORRECTION, at)
    reversal = f"{key}/{REVERSAL}"
    return by_key(connection, [reversal])[reversal][0]


def is_reversal(entry: Entry) -> bool:
    return entry.reverses is not None or entry.kind == REVERSAL


def check_reversals(
    connection: Connection, reversals: Sequence[tuple[Entry, Accounts]]
) -> Iterator[tuple[Entry, str]]:
    """Those of some reversals that don't take an earlier entry back in every account, and why."""
    originals = by_key(connection, [entry.reverses for entry, _ in reversals if entry.reverses is not None])
    for entry, accounts in reversals:
        original, posted = originals.get(entry.reverses or "", (None, {}))
        if original is None or original.seq >= entry.seq:
            yield entry, f"it reverses {entry.reverses}, which doesn't stand before it"
        elif entry.kind != REVERSAL or is_reversal(original):
            yield entry, "it is no reversal of a charge"
        elif accounts != {account: -amount_kop for account, amount_kop in posted.items()}:
            yield entry, f"it doesn't take {entry.reverses} back in every account"
        elif _same(entry) != _same(original):
            yield entry, f"it has other facts than {entry.reverses}"


def reversed_twice(connection: Connection) -> str | None:
    """The first key that several entries reverse; the database itself refuses a second one."""
    twice = (
        select(ledger_entry.c.reverses)
        .where(ledger_entry.c.reverses.is_not(None))
        .group_by(ledger_entry.c.reverses)
        .having(func.count() > 1)
        .order_by(ledger_entry.c.reverses)
        .limit(1)
    )
    return connection.execute(twice).scalar()


def _same(entry: Entry) -> tuple[object, ...]:
    """What a reversal has in common with what it takes back."""
    facts = {name: said for name, said in json.loads(entry.facts).items() if name not in OF_REVERSALS_ALONE}
    return entry.tenant, entry.occurred_at, canonical(facts)
