"""Legal holds in the database, each placed and lifted with an audit line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Row, and_, insert, not_, or_, select, true, update

from orchestrator.errors import NotFound, StorageError
from orchestrator.model.account import AuditLine
from orchestrator.model.hold import Hold
from orchestrator.storage.accounts import SqlBillingUnit
from orchestrator.storage.database import Database
from orchestrator.storage.rows import flat
from orchestrator.storage.schema import legal_hold
from orchestrator.storage.values import micros, moment


class HoldLifted(StorageError):
    """A hold that was to be lifted was lifted before."""

    code = "hold-lifted"


class Holds:
    """The holds of a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, hold: Hold) -> int:
        """Write a hold down. Returns: its id."""
        row = {name: value for name, value in _row(hold).items() if name != "id"}
        with self._database.writing() as connection:
            done = connection.execute(insert(legal_hold).returning(legal_hold.c.id), row)
            number = int(done.scalar_one())
            line = AuditLine(
                hold.placed_at, hold.tenant, f"hold {number} placed: {hold.on}", hold.reason, hold.placed_by
            )
            SqlBillingUnit(connection).audit([line])
        return number

    def lift(self, number: int, why: str, who: str, at: datetime) -> Hold:
        """End a hold; it stays on record. Raises: NotFound, HoldLifted."""
        with self._database.writing() as connection:
            row = connection.execute(select(legal_hold).where(legal_hold.c.id == number)).one_or_none()
            if row is None:
                raise NotFound(f"no hold {number}", "vpbx hold list")
            hold = _hold(row)
            if hold.lifted_at is not None:
                raise HoldLifted(
                    f"hold {number} was lifted at {hold.lifted_at.isoformat()}", "vpbx hold list --all"
                )
            lifted = {"lifted_at": micros(at), "lifted_why": why, "lifted_by": who}
            connection.execute(update(legal_hold).where(legal_hold.c.id == number).values(lifted))
            line = AuditLine(at, hold.tenant, f"hold {number} lifted: {hold.on}", why, who)
            SqlBillingUnit(connection).audit([line])
        return hold

    def find(self, tenant: str | None = None, *, lifted: bool = False) -> list[Hold]:
        """Holds of one tenant or all, by id. Args: lifted: those too that don't stand any more."""
        query = select(legal_hold).order_by(legal_hold.c.id)
        if tenant is not None:
            query = query.where(legal_hold.c.tenant == tenant)
        if not lifted:
            query = query.where(legal_hold.c.lifted_at.is_(None))
        with self._database.reading() as connection:
            return [_hold(row) for row in connection.execute(query)]


def not_held(
    holds: Sequence[Hold],
    zone: ZoneInfo,
    at: Column[int],
    ids: Sequence[Column[str]],
) -> ColumnElement[bool]:
    """The condition that no hold is on a row.

    Args: zone: of the tenant. at: when the row's thing began. ids: of its call.
    """
    return and_(true(), *(not_(_held(hold, zone, at, ids)) for hold in holds))


def _held(hold: Hold, zone: ZoneInfo, at: Column[int], ids: Sequence[Column[str]]) -> ColumnElement[bool]:
    if hold.call:
        return or_(*(each == hold.call for each in ids))
    first, after = hold.span(zone)
    bounds = [] if first is None else [at >= micros(first)]
    bounds += [] if after is None else [at < micros(after)]
    return and_(true(), *bounds)


def _row(hold: Hold) -> dict[str, object]:
    return {
        **flat(hold),
        "from_day": None if hold.from_day is None else hold.from_day.isoformat(),
        "to_day": None if hold.to_day is None else hold.to_day.isoformat(),
        "placed_at": micros(hold.placed_at),
        "lifted_at": None if hold.lifted_at is None else micros(hold.lifted_at),
    }


def _hold(row: Row[*tuple[object, ...]]) -> Hold:
    found = row._mapping
    return Hold(
        id=found["id"],
        tenant=found["tenant"],
        reason=found["reason"],
        placed_at=moment(found["placed_at"]),
        placed_by=found["placed_by"],
        from_day=None if found["from_day"] is None else date.fromisoformat(found["from_day"]),
        to_day=None if found["to_day"] is None else date.fromisoformat(found["to_day"]),
        call=found["call"],
        lifted_at=None if found["lifted_at"] is None else moment(found["lifted_at"]),
        lifted_why=found["lifted_why"],
        lifted_by=found["lifted_by"],
    )
