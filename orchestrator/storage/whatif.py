"""Months of tenants computed once more out of the ledger, by another tariff or by their own terms.

This reads; pure code of `billing` computes. Nothing is written: the database itself refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    any_,
    bindparam,
    func,
    select,
    text,
)

from orchestrator.billing.repricing import ByTariff
from orchestrator.billing.terms_text import tariff_from_terms
from orchestrator.billing.whatif import TenantMonth
from orchestrator.model.statement import Month
from orchestrator.model.tariff import Tariff
from orchestrator.model.whatif import Comparison, PostedCharge
from orchestrator.storage import accounts
from orchestrator.storage.call_facts import call_facts
from orchestrator.storage.charges_again import ChargesAgain
from orchestrator.storage.entries import REVERSAL
from orchestrator.storage.schema import call_leg, ledger_entry, tariff_state
from orchestrator.storage.values import micros

_PAGE = 2000
_JSON = json.JSONDecoder()
_CALLS = frozenset({"call", "call.corrected"})
_NONE: Mapping[str, Any] = {}
_columns = [
    ledger_entry.c[name] for name in ("key", "kind", "occurred_at", "amount_kop", "reverses", "facts")
]

_LEGS = select(call_leg.c.uniqueid, call_leg.c.to_number, call_leg.c.tenant).where(
    call_leg.c.systemname == bindparam("system")
)
# A page's calls are one parameter: two thousand of them cost as much to bind as to look up.
_ARRAY = bindparam("uniqueids", type_=ARRAY(String))
_JSON_LIST = select(func.json_each(bindparam("uniqueids", type_=String)).table_valued("value").c.value)

Passed = Callable[[int, int], None]
"""Called with how many entries of a month have passed, and of how many; earlier ones pass too."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked. Args: zones: by tenant. new: None: the terms of each charge. real: tariffs by slug."""

    month: Month
    zones: Mapping[str, ZoneInfo]
    new: Tariff | None = None
    real: Mapping[str, Tariff] | None = None


def refuse_writes(connection: Connection) -> None:
    """From here to its end the transaction can only read."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION READ ONLY"))
    else:
        connection.execute(text("PRAGMA query_only=ON"))


def allow_writes(connection: Connection) -> None:
    """A connection goes back to others as it came; a transaction of PostgreSQL ends by itself."""
    if connection.dialect.name != "postgresql":
        connection.execute(text("PRAGMA query_only=OFF"))


def compared(connection: Connection, asked: Exchange, passed: Passed) -> Iterator[Comparison]:
    """Each tenant's month. Raises: LedgerBroken: the terms of a charge are gone."""
    again = ChargesAgain(connection)
    by = None
    if asked.new is not None:
        by = ByTariff(asked.new, {**_tariffs_gone(connection), **(asked.real or {})})
    months = []
    for tenant, zone in asked.zones.items():
        events = accounts.events(connection, tenant)[::-1]
        months.append(TenantMonth(tenant, asked.month, zone, events, by))
    total, done = sum(_count(connection, month) for month in months), 0
    for month in months:
        for passing in _read(connection, month, again):
            done += passing
            passed(done, total)
        yield month.compared()


def _count(connection: Connection, month: TenantMonth) -> int:
    """How many entries will pass, or some more."""
    wanted = _between(month.tenant, *month.reads)
    return connection.execute(select(func.count()).select_from(ledger_entry).where(wanted)).scalar_one()


def _read(connection: Connection, month: TenantMonth, again: ChargesAgain) -> Iterator[int]:
    """Let a tenant's entries pass, a bounded number in memory. Returns: how many each time."""
    span, around = _between(month.tenant, *month.reads), _between(month.tenant, *month.around)
    last = select(func.coalesce(func.max(ledger_entry.c.seq), 0)).where(around).scalar_subquery()
    reversed_keys = select(ledger_entry.c.reverses).where(span, ledger_entry.c.reverses.is_not(None))
    month.taken_back(connection.execute(reversed_keys).scalars())
    rows = select(*_columns).where(span, ledger_entry.c.seq <= last)

    def numbers(calls: Sequence[str]) -> Mapping[str, str]:
        return _numbers(connection, month.tenant, calls)

    for page in _pages(connection, rows.order_by(ledger_entry.c.seq)):
        charges = list(starmap(_charge, page))
        month.take(charges, numbers, again.amount_kop)
        yield len(charges)


def _pages(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows of a query, a bounded number in memory."""
    if connection.dialect.name != "sqlite":
        yield from connection.execute(query, execution_options={"yield_per": _PAGE}).partitions()
        return
    # SQLite's driver brings them as they are asked for; row objects cost more than rows.
    result = connection.execute(query)
    cursor = result.cursor
    assert cursor is not None, "a SELECT has a cursor"
    while rows := cursor.fetchmany(_PAGE):
        yield rows
    result.close()


def _charge(
    key: str, kind: str, occurred_us: int, amount_kop: int, reverses: str | None, facts: str
) -> PostedCharge:
    of_call = kind in _CALLS or (kind == REVERSAL and (reverses or "").rpartition("/")[2] in _CALLS)
    call = call_facts(facts) if of_call else None
    said = _NONE if call is not None else _JSON.decode(facts)
    return PostedCharge(key, kind, occurred_us, amount_kop, reverses, call, said)


def _between(tenant: str, since: datetime, until: datetime) -> ColumnElement[bool]:
    at = ledger_entry.c.occurred_at
    return and_(ledger_entry.c.tenant == tenant, at >= micros(since), at < micros(until))


def _numbers(connection: Connection, tenant: str, calls: Sequence[str]) -> Mapping[str, str]:
    """Numbers called, of those calls that are still stored. Args: calls: systemname/uniqueid of each."""
    found: dict[str, str] = {}
    by_system: dict[str, set[str]] = {}
    for call in calls:
        system, _, uniqueid = call.partition("/")
        by_system.setdefault(system, set()).add(uniqueid)
    leg, postgresql = call_leg.c, connection.dialect.name == "postgresql"
    for system, uniqueids in by_system.items():
        # By its key alone: with the tenant in it, all of that tenant's legs would be looked through.
        query = (
            _LEGS.where(leg.uniqueid == any_(_ARRAY))
            if postgresql
            else _LEGS.where(leg.uniqueid.in_(_JSON_LIST))
        )
        asked = sorted(uniqueids)
        given = {"system": system, "uniqueids": asked if postgresql else json.dumps(asked)}
        rows = connection.execute(query, given)
        found |= {f"{system}/{uniqueid}": number for uniqueid, number, whose in rows if whose == tenant}
    return found


def _tariffs_gone(connection: Connection) -> dict[str, Tariff]:
    """Tariffs that charges were made by, whose files may be gone."""
    rows = connection.execute(
        select(tariff_state.c.tariff, tariff_state.c.terms).order_by(tariff_state.c.digest)
    )
    return {row.tariff: tariff_from_terms(row.terms) for row in rows}
