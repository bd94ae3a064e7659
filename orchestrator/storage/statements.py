"""What the ledger has of a tenant around a month, for its statement."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from orchestrator.model.statement import PostedEntry, PostedMonth
from orchestrator.storage import views
from orchestrator.storage.schema import ledger_entry
from orchestrator.storage.values import micros
from orchestrator.storage.views import Asked, PostedCharge

ZONES_DIFFER = timedelta(days=2)
"""More than local dates of one moment can be apart."""


def posted_month(connection: Connection, tenant: str, begins_at: datetime, ends_at: datetime) -> PostedMonth:
    """Entries around a month, the sum of all before them, and what was entered in it for earlier months."""
    since = begins_at - ZONES_DIFFER
    of_tenant = ledger_entry.c.tenant == tenant
    before = select(func.coalesce(func.sum(ledger_entry.c.amount_kop), 0))
    before_kop = connection.execute(before.where(of_tenant, ledger_entry.c.occurred_at < micros(since)))
    found = views.charges(connection, Asked(tenant, since, ends_at + ZONES_DIFFER))
    entered = (
        select(ledger_entry)
        .where(
            of_tenant,
            ledger_entry.c.occurred_at < micros(begins_at + ZONES_DIFFER),
            ledger_entry.c.posted_at >= micros(begins_at),
            ledger_entry.c.posted_at < micros(ends_at),
        )
        .order_by(ledger_entry.c.seq)
    )
    return PostedMonth(
        before_kop=int(before_kop.scalar_one()),
        entries=tuple(_entry(each) for each in reversed(found)),
        entered=tuple(map(_entry, views.charges_of(connection, entered))),
    )


def tenants_of(connection: Connection, before: datetime) -> list[str]:
    """Tenants that the ledger knows of before a moment, by name."""
    query = select(ledger_entry.c.tenant).where(ledger_entry.c.occurred_at < micros(before))
    return list(connection.execute(query.distinct().order_by(ledger_entry.c.tenant)).scalars())


def _entry(charge: PostedCharge) -> PostedEntry:
    leg = charge.leg
    shown = leg is not None and leg.tenant == charge.tenant
    return PostedEntry(
        key=charge.key,
        kind=charge.kind,
        amount_kop=charge.amount_kop,
        occurred_at=charge.occurred_at,
        posted_at=charge.posted_at,
        facts=charge.facts,
        reverses=charge.reverses,
        to_number=leg.to_number if leg is not None and shown else "",
        employee=leg.employee if leg is not None and shown else "",
    )
