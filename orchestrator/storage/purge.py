"""What goes when a tenant's data has been kept long enough. The ledger, what happened and the audit stay.

Rule: docs/decisions.md, decision 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, Table, and_, delete, false, func, or_, select

from orchestrator.model.recording import Recording
from orchestrator.storage.database import Database
from orchestrator.storage.recordings import recording_from
from orchestrator.storage.schema import (
    call_leg,
    heartbeat,
    inbound_call,
    recording,
    rung_phone,
    switch_cdr,
    switch_event,
    unrated,
    voice_message,
)


class TenantData:
    """Personal data of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, tenant: str) -> Mapping[str, int]:
        """How much there is of a tenant, by what it is."""
        with self._database.reading() as connection:
            return {
                "call legs": _count(connection, call_leg, tenant),
                "recordings": _count(connection, recording, tenant),
                "messages": _count(connection, voice_message, tenant),
            }

    def recordings(
        self, tenant: str, most: int, *, after: str = "", ended_on: date | None = None
    ) -> list[Recording]:
        """Recordings of a tenant behind a uniqueid, in that order.

        Args: ended_on: only those that need not be kept beyond this local date.
        """
        query = select(recording).where(recording.c.tenant == tenant, recording.c.uniqueid > after)
        if ended_on is not None:
            query = query.where(recording.c.retain_until <= ended_on.isoformat())
        with self._database.reading() as connection:
            ordered = query.order_by(recording.c.uniqueid).limit(most)
            return [recording_from(row) for row in connection.execute(ordered)]

    def drop_recordings(self, gone: Sequence[Recording]) -> None:
        """Forget recordings whose files are gone."""
        same = (
            and_(recording.c.systemname == item.systemname, recording.c.uniqueid == item.uniqueid)
            for item in gone
        )
        with self._database.writing() as connection:
            connection.execute(delete(recording).where(or_(false(), *same)))

    def drop_messages(self, tenant: str) -> None:
        """Forget who left messages, and when."""
        with self._database.writing() as connection:
            connection.execute(delete(voice_message).where(voice_message.c.tenant == tenant))

    def drop_calls(self, tenant: str, most: int) -> int:
        """Forget some of a tenant's legs with all that the switch said of them. Returns: how many.

        What it said of a call that another tenant has a leg of stays as far as it isn't this tenant's own
        channel: it goes with the last of them.
        """
        page = select(call_leg.c.systemname, call_leg.c.uniqueid, call_leg.c.linkedid)
        by_switch: dict[str, list[tuple[str, str]]] = {}
        with self._database.writing() as connection:
            found = connection.execute(page.where(call_leg.c.tenant == tenant).limit(most)).all()
            for systemname, uniqueid, linkedid in found:
                by_switch.setdefault(systemname, []).append((uniqueid, linkedid))
            for systemname, legs in by_switch.items():
                _drop_legs(connection, tenant, systemname, legs)
        return len(found)


def _drop_legs(connection: Connection, tenant: str, systemname: str, legs: Sequence[tuple[str, str]]) -> None:
    uniqueids, linkedids = [uniqueid for uniqueid, _ in legs], {linkedid for _, linkedid in legs}
    others = select(call_leg.c.linkedid).where(
        call_leg.c.systemname == systemname, call_leg.c.linkedid.in_(linkedids), call_leg.c.tenant != tenant
    )
    own = linkedids - set(connection.execute(others).scalars())
    for table in (switch_event, switch_cdr, heartbeat):
        which = or_(table.c.uniqueid.in_(uniqueids), table.c.linkedid.in_(own))
        connection.execute(delete(table).where(table.c.systemname == systemname, which))
    connection.execute(
        delete(rung_phone).where(rung_phone.c.systemname == systemname, rung_phone.c.call.in_(uniqueids))
    )
    for table in (unrated, inbound_call, call_leg):
        connection.execute(
            delete(table).where(table.c.systemname == systemname, table.c.uniqueid.in_(uniqueids))
        )


def _count(connection: Connection, table: Table, tenant: str) -> int:
    query = select(func.count()).select_from(table).where(table.c.tenant == tenant)
    return connection.execute(query).scalar_one()
