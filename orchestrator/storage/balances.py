"""What each tenant has left of its payments, or owes, ready for the call path.

The sum of the ledger's entries of a tenant, below zero what it owes: it changes in the transaction that posts
them, and `ledger verify` compares it with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from orchestrator.storage.rows import chunks, upsert
from orchestrator.storage.schema import tenant_balance

_BALANCE = select(tenant_balance.c.balance_kop).where(tenant_balance.c.tenant == bindparam("of"))
"""Built once: a call waits for it."""


def balance_kop(connection: Connection, tenant: str) -> int:
    """What a tenant has left; 0 when the ledger doesn't know it."""
    return connection.execute(_BALANCE, {"of": tenant}).scalar() or 0


def some_kop(connection: Connection, tenants: Iterable[str]) -> Mapping[str, int]:
    """What each of some tenants has left that the ledger knows, by name."""
    query = select(tenant_balance.c.tenant, tenant_balance.c.balance_kop)
    found: dict[str, int] = {}
    for each in chunks(tenants):
        rows = connection.execute(query.where(tenant_balance.c.tenant.in_(each)))
        found.update((row.tenant, row.balance_kop) for row in rows)
    return found


def all_kop(connection: Connection) -> Mapping[str, int]:
    """What every tenant of the ledger has left, by name."""
    query = select(tenant_balance.c.tenant, tenant_balance.c.balance_kop)
    return {row.tenant: row.balance_kop for row in connection.execute(query)}


def charge(connection: Connection, amounts: Iterable[tuple[str, int]]) -> None:
    """Take from what tenants have left. Args: amounts: of new entries, kopecks, by tenant."""
    sums: Counter[str] = Counter()
    for tenant, amount_kop in amounts:
        sums[tenant] += amount_kop
    for tenants in chunks(sums):
        query = select(tenant_balance).where(tenant_balance.c.tenant.in_(tenants))
        left = {row.tenant: row.balance_kop for row in connection.execute(query)}
        rows = [{"tenant": each, "balance_kop": left.get(each, 0) - sums[each]} for each in tenants]
        upsert(connection, tenant_balance, rows)
