"""Rows of tables: legs and events, and how rows are inserted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.model.call import Leg, SwitchEvent, Systemname
from orchestrator.storage.values import canonical, micros, moment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Item = TypeVar("Item")


def flat(item: DataclassInstance) -> dict[str, object]:
    """The fields of a flat dataclass by name: `asdict` without its deep copy."""
    return {name: getattr(item, name) for name in _names(type(item))}


@lru_cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def chunks(items: Iterable[Item], most: int = 400) -> Iterator[list[Item]]:
    """The items in lists that stay below the databases' limits on parameters."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == most:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, leaving alone those whose key stands already."""
    if rows:
        connection.execute(_insert_new(table, connection.dialect.name), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, writing over those whose key stands already."""
    if rows:
        connection.execute(_upsert(table, connection.dialect.name), rows)


@lru_cache
def _insert_new(table: Table, dialect: str) -> Insert:
    return _insert(table, dialect).on_conflict_do_nothing()


@lru_cache
def _upsert(table: Table, dialect: str) -> Insert:
    statement = _insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    values = {
        column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def _insert(table: Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def leg_row(leg: Leg) -> dict[str, object]:
    return {
        **flat(leg),
        "started_at": micros(leg.started_at),
        "answered_at": None if leg.answered_at is None else micros(leg.answered_at),
        "ended_at": None if leg.ended_at is None else micros(leg.ended_at),
    }


def leg_from(row: Row[*tuple[object, ...]]) -> Leg:
    found = row._mapping
    return Leg(
        systemname=Systemname(found["systemname"]),
        uniqueid=found["uniqueid"],
        linkedid=found["linkedid"],
        tenant=found["tenant"],
        direction=found["direction"],
        from_number=found["from_number"],
        to_number=found["to_number"],
        employee=found["employee"],
        trunk=found["trunk"],
        decision=found["decision"],
        started_at=moment(found["started_at"]),
        answered_at=None if found["answered_at"] is None else moment(found["answered_at"]),
        ended_at=None if found["ended_at"] is None else moment(found["ended_at"]),
        cause=found["cause"],
        estimated=bool(found["estimated"]),
    )


def event_row(event: SwitchEvent) -> dict[str, object]:
    facts = canonical(dict(event.facts))
    return {
        "systemname": event.systemname,
        "uniqueid": event.uniqueid,
        "kind": event.kind,
        "at": micros(event.at),
        "facts_hash": hashlib.sha256(facts.encode()).hexdigest(),
        "linkedid": event.linkedid,
        "channel": event.channel,
        "facts": facts,
    }


def event_from(row: Row[*tuple[object, ...]]) -> SwitchEvent:
    found = row._mapping
    return SwitchEvent(
        systemname=Systemname(found["systemname"]),
        uniqueid=found["uniqueid"],
        linkedid=found["linkedid"],
        kind=found["kind"],
        at=moment(found["at"]),
        channel=found["channel"],
        facts=json.loads(found["facts"]),
    )
