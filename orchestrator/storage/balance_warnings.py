"""Levels of balances as they were seen last, and the warnings of those that were crossed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, select

from orchestrator.model.balance_warning import Crossing, Delivery, LowBalance
from orchestrator.storage.balances import all_kop
from orchestrator.storage.database import Database
from orchestrator.storage.rows import upsert
from orchestrator.storage.schema import balance_level, balance_warning
from orchestrator.storage.values import micros, moment

_Level = tuple[str, int]


class WarningIndex:
    """The warnings of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def look(
        self, wanted: Mapping[str, LowBalance], now: datetime, new_id: Callable[[], str]
    ) -> Sequence[Crossing]:
        """Compare balances with their levels; write down what was crossed, to be told, with the new states.

        A level that is new is only noted: nothing was seen to fall.

        Args: wanted: by tenant. new_id: gives each crossing its own.
        """
        with self.database.reading() as connection:
            if not any(True for _ in _changed(connection, wanted)):
                return ()
        # Another listener may have been here in between: what it has written counts.
        with self.database.writing() as connection:
            changed = list(_changed(connection, wanted))
            crossings = [
                Crossing(new_id(), tenant, level_kop, balance_kop, now)
                for (tenant, level_kop), balance_kop, was_low, low in changed
                if low and was_low is False
            ]
            upsert(
                connection,
                balance_level,
                [
                    {"tenant": tenant, "level_kop": level_kop, "low": low}
                    for (tenant, level_kop), _, _, low in changed
                ],
            )
            upsert(
                connection,
                balance_warning,
                [
                    _row(Delivery(each, way, next_at=now))
                    for each in crossings
                    for way in wanted[each.tenant].ways
                ],
            )
        return crossings

    def due(self, tenants: Collection[str], now: datetime, most: int) -> list[Delivery]:
        """Deliveries of some tenants whose next attempt has come, the longest waiting first."""
        table = balance_warning.c
        query = (
            select(balance_warning)
            .where(table.state == "due", table.next_at <= micros(now))
            .order_by(table.next_at, table.id, table.way)
        )
        with self.database.reading() as connection:
            found = (_delivery(row) for row in connection.execute(query))
            return [each for each in found if each.crossing.tenant in tenants][:most]

    def next_at(self, tenants: Collection[str]) -> datetime | None:
        """When the next attempt of some tenants' comes; None: nothing is to be sent."""
        table = balance_warning.c
        query = select(table.tenant, table.next_at).where(table.state == "due")
        with self.database.reading() as connection:
            times = [row.next_at for row in connection.execute(query) if row.tenant in tenants]
        return moment(min(times)) if times else None

    def keep(self, delivery: Delivery) -> None:
        """Write how a delivery stands."""
        with self.database.writing() as connection:
            upsert(connection, balance_warning, [_row(delivery)])

    def of_tenant(self, tenant: str) -> list[Delivery]:
        """All of a tenant's, the oldest first."""
        table = balance_warning.c
        query = select(balance_warning).where(table.tenant == tenant).order_by(table.at, table.id, table.way)
        with self.database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]


def _changed(
    connection: Connection, wanted: Mapping[str, LowBalance]
) -> Iterator[tuple[_Level, int, bool | None, bool]]:
    """Levels that balances stand otherwise to than was seen last: with the balance, then and now.

    Then: None: it is new.
    """
    balances = all_kop(connection)
    seen = {(row.tenant, row.level_kop): bool(row.low) for row in connection.execute(select(balance_level))}
    for tenant, terms in wanted.items():
        balance_kop = balances.get(tenant, 0)
        for level_kop in terms.levels_kop:
            was_low, low = seen.get((tenant, level_kop)), balance_kop <= level_kop
            if was_low is not low:
                yield (tenant, level_kop), balance_kop, was_low, low


def _row(delivery: Delivery) -> dict[str, object]:
    crossing = delivery.crossing
    return {
        "id": crossing.id,
        "way": delivery.way,
        "tenant": crossing.tenant,
        "level_kop": crossing.level_kop,
        "balance_kop": crossing.balance_kop,
        "at": micros(crossing.at),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_at": None if delivery.next_at is None else micros(delivery.next_at),
        "sent_at": None if delivery.sent_at is None else micros(delivery.sent_at),
        "note": delivery.note,
    }


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    crossing = Crossing(row.id, row.tenant, row.level_kop, row.balance_kop, moment(row.at))
    return Delivery(
        crossing,
        row.way,
        row.state,
        row.attempts,
        None if row.next_at is None else moment(row.next_at),
        None if row.sent_at is None else moment(row.sent_at),
        row.note,
    )
