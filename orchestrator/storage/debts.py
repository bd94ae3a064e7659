"""Which tenants owe more than they may, and since when, out of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from orchestrator.model.credit import Owed
from orchestrator.storage import balances
from orchestrator.storage.schema import ledger_entry
from orchestrator.storage.values import moment


def owing(connection: Connection, allowed: Mapping[str, int], known: Mapping[str, Owed]) -> dict[str, Owed]:
    """Those of some tenants that owe more than they may.

    Args: allowed: what each may owe, kopecks. known: what was found before: where nothing has changed since,
    the ledger isn't read again.
    """
    found = {}
    for tenant, balance_kop in balances.some_kop(connection, allowed).items():
        if balance_kop >= -allowed[tenant]:
            continue
        before = known.get(tenant)
        if before is not None and (before.balance_kop, before.allowed_kop) == (balance_kop, allowed[tenant]):
            found[tenant] = before
        else:
            since = _since(connection, tenant, balance_kop, allowed[tenant])
            found[tenant] = Owed(balance_kop, allowed[tenant], since)
    return found


def _since(connection: Connection, tenant: str, balance_kop: int, allowed_kop: int) -> datetime:
    """When a tenant that owes too much came to it, by the times of what was charged and paid.

    Reads what has happened since then, newest first.
    """
    entry = ledger_entry.c
    query = (
        select(entry.occurred_at, entry.amount_kop)
        .where(entry.tenant == tenant)
        .order_by(entry.occurred_at.desc(), entry.seq.desc())
        .execution_options(yield_per=1000)
    )
    since = 0
    with connection.execute(query) as rows:
        for row in rows:
            since, balance_kop = row.occurred_at, balance_kop + row.amount_kop
            if balance_kop >= -allowed_kop:
                break
    return moment(since)
