"""What was taken of the minutes and SMS that subscriptions include, by period.

The sum of what the ledger's entries say they took: it changes in the transaction that posts or reverses one,
and never for a key that stands already. Rule: docs/tariffs.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from orchestrator.model.tariff import Portion
from orchestrator.storage.rows import upsert
from orchestrator.storage.schema import allowance_used


def used(connection: Connection, tenant: str, allowance: str, period_from: str) -> int:
    """Seconds or segments that a tenant has taken of an allowance. Args: period_from: a local date, ISO."""
    query = select(allowance_used.c.quantity).where(
        allowance_used.c.tenant == tenant,
        allowance_used.c.allowance == allowance,
        allowance_used.c.period_from == period_from,
    )
    return int(connection.execute(query).scalar() or 0)


def take(connection: Connection, taken: Iterable[tuple[str, Portion]], times: int = 1) -> None:
    """Count what entries took. Args: taken: with the tenant. times: -1 gives it back."""
    sums: dict[tuple[str, str, str], int] = {}
    for tenant, portion in taken:
        key = (tenant, portion.allowance, portion.period_from.isoformat())
        sums[key] = sums.get(key, 0) + times * portion.quantity
    rows = [
        {
            "tenant": tenant,
            "allowance": allowance,
            "period_from": period_from,
            "quantity": used(connection, tenant, allowance, period_from) + quantity,
        }
        for (tenant, allowance, period_from), quantity in sums.items()
    ]
    upsert(connection, allowance_used, rows)
