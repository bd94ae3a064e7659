"""Calls by trunks, to be compared with what operators list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from sys import intern

from sqlalchemy import Connection, func, select

from orchestrator.carrier.calls import IN, OUT, OurCall
from orchestrator.storage.schema import call_leg
from orchestrator.storage.values import micros

_AT_ONCE = 10_000
_DIRECTIONS = {"in": IN, "out": OUT, "emergency": OUT}
_SECOND = 1_000_000


def trunk_calls(
    connection: Connection, trunks: Sequence[str], since: datetime, until: datetime, *, of_answer: bool
) -> Iterator[OurCall]:
    """Legs that have ended and began in a span of time, oldest first.

    Args: trunks: none: of all. of_answer: they stand at the time of their answer.
    """
    leg = call_leg.c
    query = (
        select(
            leg.uniqueid,
            leg.linkedid,
            leg.tenant,
            leg.trunk,
            leg.direction,
            leg.from_number,
            leg.to_number,
            func.coalesce(leg.answered_at, leg.started_at) if of_answer else leg.started_at,
            leg.answered_at,
            leg.ended_at,
            leg.estimated,
        )
        .where(leg.started_at >= micros(since), leg.started_at < micros(until), leg.ended_at.is_not(None))
        .where(leg.direction.in_(_DIRECTIONS), leg.trunk.in_(trunks) if trunks else leg.trunk != "")
        .order_by(leg.started_at, leg.uniqueid)
    )
    for page in connection.execution_options(yield_per=_AT_ONCE).execute(query).partitions():
        for uniqueid, linkedid, tenant, trunk, way, one, two, at, answered_at, ended_at, estimated in page:
            direction = _DIRECTIONS[way]
            far, near = (one, two) if direction == IN else (two, one)
            # As calls are charged. Rule: decision 7.
            seconds = 0 if answered_at is None else max(1, (ended_at - answered_at) // _SECOND)
            yield OurCall(
                *(uniqueid, linkedid, intern(tenant), intern(trunk), direction, far, intern(near)),
                *(at // _SECOND, seconds, bool(estimated)),
            )
