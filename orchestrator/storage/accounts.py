"""Where each tenant's service stands, what has happened to it, and what is due."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select

from orchestrator.errors import StorageError
from orchestrator.model.account import (
    EVENT_KINDS,
    Account,
    AccountEvent,
    AuditLine,
    DatedEvent,
    ServiceEntry,
    TariffState,
)
from orchestrator.model.tariff import Portion
from orchestrator.ports import DuePlace, Posted
from orchestrator.storage import allowances, ledger
from orchestrator.storage.account_rows import account_from, account_row
from orchestrator.storage.rows import chunks, flat, upsert
from orchestrator.storage.schema import audit, ledger_entry, service_event, service_state, tariff_state
from orchestrator.storage.values import canonical, micros, moment

_EVENTS = {kind: event for event, kind in EVENT_KINDS.items()}


class SqlBillingUnit:
    """Fulfils `ports.BillingUnit` on one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def account(self, tenant: str) -> Account | None:
        return account(self._connection, tenant)

    def due(self, kinds: Sequence[str], upto: datetime, most: int, after: DuePlace | None) -> list[Account]:
        at, name = service_state.c.due_at, service_state.c.tenant
        query = select(service_state).where(service_state.c.due_kind.in_(kinds), at <= micros(upto))
        if after is not None:
            place = micros(after.at)
            query = query.where(at >= place, or_(at > place, and_(at == place, name > after.tenant)))
        return _accounts(self._connection, query.order_by(at, name).limit(most))

    def keep(self, accounts: Sequence[Account]) -> None:
        upsert(self._connection, service_state, [account_row(each) for each in accounts])

    def append_events(self, events: Sequence[DatedEvent]) -> None:
        if events:
            self._connection.execute(insert(service_event), [_event_row(event) for event in events])

    def post(self, entries: Sequence[ServiceEntry], path: str, at: datetime) -> Posted:
        return ledger.post(self._connection, entries, path, at)

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        return events(self._connection, tenant)[::-1]

    def used(self, tenant: str, whole: Portion) -> int:
        return allowances.used(self._connection, tenant, whole.allowance, whole.period_from.isoformat())

    def taken_by(self, key: str) -> tuple[bool, Portion | None]:
        return ledger.taken_by(self._connection, key)

    def audit(self, lines: Sequence[AuditLine]) -> None:
        if lines:
            rows = [{**flat(line), "at": micros(line.at)} for line in lines]
            self._connection.execute(insert(audit), rows)


def account(connection: Connection, tenant: str) -> Account | None:
    """Where one tenant stands; None when it was never activated."""
    found = _accounts(connection, select(service_state).where(service_state.c.tenant == tenant))
    return found[0] if found else None


def accounts(connection: Connection) -> dict[str, Account]:
    """Where every tenant stands, by name."""
    found = _accounts(connection, select(service_state).order_by(service_state.c.tenant))
    return {each.tenant: each for each in found}


def waiting(connection: Connection, kind: str) -> list[Account]:
    """Tenants with a due item of a kind to come, by its time."""
    found = select(service_state).where(service_state.c.due_kind == kind)
    return _accounts(connection, found.order_by(service_state.c.due_at, service_state.c.tenant))


def events(connection: Connection, tenant: str, most: int | None = None) -> list[DatedEvent]:
    """What has happened to a tenant, newest first."""
    query = select(service_event).where(service_event.c.tenant == tenant)
    rows = connection.execute(query.order_by(service_event.c.number.desc()).limit(most))
    return [_event_from(row) for row in rows]


def audit_lines(connection: Connection, tenant: str, most: int | None = None) -> list[AuditLine]:
    """What was done to a tenant, newest first."""
    query = select(audit).where(audit.c.tenant == tenant).order_by(audit.c.id.desc()).limit(most)
    return [
        AuditLine(moment(row.at), row.tenant, row.what, row.why, row.who) for row in connection.execute(query)
    ]


def tariff_states(connection: Connection, digests: Iterable[str]) -> dict[str, TariffState]:
    """The terms that charges were computed with, by digest."""
    found = {}
    for chunk in chunks(digests):
        for row in connection.execute(select(tariff_state).where(tariff_state.c.digest.in_(chunk))):
            found[row.digest] = TariffState(row.digest, row.tariff, row.terms)
    return found


def balance_kop(connection: Connection, tenant: str) -> int:
    """What a tenant owes: the sum of its account's postings, each of which is its entry's amount."""
    query = select(func.coalesce(func.sum(ledger_entry.c.amount_kop), 0))
    return int(connection.execute(query.where(ledger_entry.c.tenant == tenant)).scalar_one())


def _accounts(connection: Connection, query: Select[Any]) -> list[Account]:
    return [account_from(row) for row in connection.execute(query)]


def _event_row(event: DatedEvent) -> dict[str, object]:
    return {
        "tenant": event.tenant,
        "number": event.number,
        "at": micros(event.at),
        "kind": EVENT_KINDS[type(event.what)],
        "facts": canonical(flat(event.what)),
        "source": event.source,
    }


def _event_from(row: Row[*tuple[object, ...]]) -> DatedEvent:
    found = row._mapping
    return DatedEvent(
        found["tenant"],
        found["number"],
        moment(found["at"]),
        _what(found["kind"], json.loads(found["facts"])),
        found["source"],
    )


def _what(kind: str, facts: dict[str, Any]) -> AccountEvent:
    event = _EVENTS.get(kind)
    if event is None:
        raise StorageError(f"an event of the kind {kind} is not known to this vpbx", "install the newer vpbx")
    return event(**facts)
