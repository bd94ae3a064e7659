"""The index of messages that callers have left, and how each stands with its e-mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Row, func, select

from orchestrator.model.call import Systemname
from orchestrator.model.message import Mailing, VoiceMessage
from orchestrator.storage.database import Database
from orchestrator.storage.rows import flat, insert_new, upsert
from orchestrator.storage.schema import voice_message
from orchestrator.storage.values import micros, moment


class MessageIndex:
    """The messages of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, messages: Iterable[VoiceMessage]) -> None:
        """Index messages, to be sent; those that are indexed already stay as they are."""
        rows = [_row(Mailing(each, next_at=each.received_at)) for each in messages]
        if rows:
            with self._database.writing() as connection:
                insert_new(connection, voice_message, rows)

    def known(self, systemname: Systemname) -> set[tuple[str, str, str]]:
        """Tenant, mailbox and id of every message of a switch that is indexed."""
        table = voice_message.c
        query = select(table.tenant, table.mailbox, table.message).where(table.systemname == systemname)
        with self._database.reading() as connection:
            return {(row.tenant, row.mailbox, row.message) for row in connection.execute(query)}

    def due(self, systemname: Systemname, now: datetime) -> list[Mailing]:
        """Those whose next attempt has come, the oldest first."""
        table = voice_message.c
        query = (
            select(voice_message)
            .where(table.systemname == systemname, table.state == "due", table.next_at <= micros(now))
            .order_by(table.received_at, table.message)
        )
        with self._database.reading() as connection:
            return [_mailing(row) for row in connection.execute(query)]

    def next_at(self, systemname: Systemname) -> datetime | None:
        """When the next attempt comes; None: nothing is to be sent."""
        table = voice_message.c
        query = select(func.min(table.next_at)).where(table.systemname == systemname, table.state == "due")
        with self._database.reading() as connection:
            at = connection.execute(query).scalar_one()
        return None if at is None else moment(at)

    def keep(self, mailing: Mailing) -> None:
        """Write how a message stands."""
        with self._database.writing() as connection:
            upsert(connection, voice_message, [_row(mailing)])

    def of_tenant(self, tenant: str) -> Sequence[Mailing]:
        """All of a tenant's, the oldest first."""
        table = voice_message.c
        query = select(voice_message).where(table.tenant == tenant)
        with self._database.reading() as connection:
            ordered = query.order_by(table.received_at, table.mailbox, table.message)
            return [_mailing(row) for row in connection.execute(ordered)]


def _row(mailing: Mailing) -> dict[str, object]:
    return {
        **flat(mailing.message),
        "received_at": micros(mailing.message.received_at),
        "state": mailing.state,
        "attempts": mailing.attempts,
        "next_at": None if mailing.next_at is None else micros(mailing.next_at),
        "mailed_at": None if mailing.mailed_at is None else micros(mailing.mailed_at),
        "note": mailing.note,
    }


def _mailing(row: Row[tuple[object, ...]]) -> Mailing:
    message = VoiceMessage(
        systemname=Systemname(row.systemname),
        tenant=row.tenant,
        mailbox=row.mailbox,
        message=row.message,
        uniqueid=row.uniqueid,
        caller=row.caller,
        received_at=moment(row.received_at),
        length_s=row.length_s,
    )
    return Mailing(
        message,
        row.state,
        row.attempts,
        None if row.next_at is None else moment(row.next_at),
        None if row.mailed_at is None else moment(row.mailed_at),
        row.note,
    )
