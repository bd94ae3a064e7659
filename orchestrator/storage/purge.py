"""What goes when a tenant's data has been kept long enough. The ledger, what happened and the audit stay.

Rule: docs/decisions.md, decision 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    update,
)

from orchestrator.model.hold import Hold
from orchestrator.model.recording import Recording
from orchestrator.storage.database import Database
from orchestrator.storage.holds import not_held
from orchestrator.storage.recordings import recording_from
from orchestrator.storage.rows import chunks
from orchestrator.storage.schema import (
    call_leg,
    heartbeat,
    inbound_call,
    ledger_entry,
    quarantine,
    recording,
    recording_copy,
    rung_phone,
    switch_cdr,
    switch_event,
    unrated,
    voice_message,
)
from orchestrator.storage.values import micros, moment


@dataclass(frozen=True, slots=True)
class Scope:
    """Which of a tenant's rows.

    Args: zone: of the tenant. holds: what they are on is left out. before: only what began earlier.
    """

    tenant: str
    zone: ZoneInfo
    holds: Sequence[Hold] = ()
    before: datetime | None = None

    def of(self, table: Table, at: Column[int], *ids: Column[str]) -> ColumnElement[bool]:
        """As a condition on a table's rows. Args: at: when each began. ids: of its call."""
        earlier = [] if self.before is None else [at < micros(self.before)]
        return and_(table.c.tenant == self.tenant, not_held(self.holds, self.zone, at, ids), *earlier)

    @property
    def legs(self) -> ColumnElement[bool]:
        return self.of(call_leg, call_leg.c.started_at, call_leg.c.uniqueid, call_leg.c.linkedid)

    @property
    def recordings(self) -> ColumnElement[bool]:
        return self.of(recording, recording.c.started_at, recording.c.uniqueid, recording.c.linkedid)

    @property
    def messages(self) -> ColumnElement[bool]:
        return self.of(voice_message, voice_message.c.received_at, voice_message.c.uniqueid)


class TenantData:
    """Personal data of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, scope: Scope) -> Mapping[str, int]:
        """How much there is, by what it is."""
        with self._database.reading() as connection:
            return {
                "call legs": _count(connection, call_leg, scope.legs),
                "recordings": _count(connection, recording, scope.recordings),
                "messages": _count(connection, voice_message, scope.messages),
            }

    def kept_of(self, tenant: str) -> Mapping[str, int]:
        """How many rows there are of a tenant, by what they are, those that stay for good too."""
        tables = {
            "calls": call_leg,
            "inbound calls": inbound_call,
            "rung phones": rung_phone,
            "voice messages": voice_message,
            "ledger entries": ledger_entry,
        }
        with self._database.reading() as connection:
            return {
                name: _count(connection, table, table.c.tenant == tenant) for name, table in tables.items()
            }

    def recordings(
        self, scope: Scope, most: int, *, after: str = "", ended_on: date | None = None
    ) -> list[Recording]:
        """Recordings behind a uniqueid, in that order.

        Args: ended_on: only those that need not be kept beyond this local date.
        """
        query = select(recording).where(scope.recordings, recording.c.uniqueid > after)
        if ended_on is not None:
            query = query.where(recording.c.retain_until <= ended_on.isoformat())
        with self._database.reading() as connection:
            ordered = query.order_by(recording.c.uniqueid).limit(most)
            return [recording_from(row) for row in connection.execute(ordered)]

    def tenants_recorded(self, ended_on: date) -> list[str]:
        """Tenants that have recordings which need not be kept beyond a date."""
        query = select(recording.c.tenant).where(recording.c.retain_until <= ended_on.isoformat()).distinct()
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def drop_recordings(self, gone: Sequence[Recording]) -> None:
        """Forget recordings whose files are gone; their copies elsewhere have to go from now on."""
        if not gone:
            return
        with self._database.writing() as connection:
            connection.execute(
                update(recording_copy)
                .where(_among(recording_copy, gone))
                .values(state="removing", next_at=None, attempts=0)
            )
            connection.execute(delete(recording).where(_among(recording, gone)))

    def copies_left(self, tenant: str) -> int:
        """How many objects of removed recordings are still to be removed from a store."""
        which = and_(recording_copy.c.tenant == tenant, recording_copy.c.state == "removing")
        with self._database.reading() as connection:
            return _count(connection, recording_copy, which)

    def drop_messages(self, scope: Scope) -> None:
        """Forget who left messages, and when."""
        with self._database.writing() as connection:
            connection.execute(delete(voice_message).where(scope.messages))

    def drop_calls(self, scope: Scope, most: int) -> int:
        """Forget some of a tenant's legs with all that the switch said of them. Returns: how many.

        What it said of a call that has another leg, of another tenant or on hold, stays as far as it isn't
        one of these legs' own channel: it goes with the last of them.
        """
        page = select(call_leg.c.systemname, call_leg.c.uniqueid, call_leg.c.linkedid)
        by_switch: dict[str, list[tuple[str, str]]] = {}
        with self._database.writing() as connection:
            found = connection.execute(page.where(scope.legs).limit(most)).all()
            for systemname, uniqueid, linkedid in found:
                by_switch.setdefault(systemname, []).append((uniqueid, linkedid))
            for systemname, legs in by_switch.items():
                _drop_legs(connection, systemname, legs)
        return len(found)

    def drop_nobodys(self, before: datetime, most: int) -> int:
        """Forget what switches said of some calls that are nobody's, such as a dialled feature code.

        Args: before: events of an earlier time. Returns: how many calls.
        """
        legs = select(call_leg.c.linkedid).where(
            call_leg.c.systemname == switch_event.c.systemname,
            call_leg.c.linkedid == switch_event.c.linkedid,
        )
        query = (
            select(switch_event.c.systemname, switch_event.c.linkedid)
            .where(switch_event.c.at < micros(before), ~legs.exists())
            .distinct()
            .limit(most)
        )
        with self._database.writing() as connection:
            found = connection.execute(query).all()
            for systemname, linkedid in found:
                for table in (switch_event, switch_cdr, heartbeat):
                    which = and_(table.c.systemname == systemname, table.c.linkedid == linkedid)
                    connection.execute(delete(table).where(which))
        return len(found)

    def quarantined(self, before: datetime) -> int:
        """How many records were set aside as unreadable before a moment."""
        with self._database.reading() as connection:
            return _count(connection, quarantine, quarantine.c.at < micros(before))

    def first_quarantined(self) -> datetime | None:
        """When the oldest of them was set aside."""
        with self._database.reading() as connection:
            first = connection.execute(select(func.min(quarantine.c.at))).scalar()
        return None if first is None else moment(first)

    def drop_quarantined(self, before: datetime) -> int:
        """Forget them. Returns: how many."""
        with self._database.writing() as connection:
            done = connection.execute(delete(quarantine).where(quarantine.c.at < micros(before)))
            return done.rowcount


def _among(table: Table, items: Sequence[Recording]) -> ColumnElement[bool]:
    return or_(
        false(),
        *(and_(table.c.systemname == each.systemname, table.c.uniqueid == each.uniqueid) for each in items),
    )


def _drop_legs(connection: Connection, systemname: str, legs: Sequence[tuple[str, str]]) -> None:
    uniqueids, linkedids = [uniqueid for uniqueid, _ in legs], {linkedid for _, linkedid in legs}
    others: set[str] = set()
    for chunk in chunks(linkedids):
        shared = select(call_leg.c.linkedid).where(
            call_leg.c.systemname == systemname,
            call_leg.c.linkedid.in_(chunk),
            call_leg.c.uniqueid.not_in(uniqueids),
        )
        others |= set(connection.execute(shared).scalars())
    own = linkedids - others
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


def _count(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()
