"""What is known of one channel, gathered from its events in any order, and the leg it makes.

The daemon's call state and reconciliation both gather with `learn`, so that both see the same leg.
Rule: docs/switch-record.md; docs/decisions.md, decision 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.model.call import ChargeKey, Leg, SwitchEvent, Systemname, Usage

LEG_MARK = "vpbx.leg"


@dataclass(frozen=True, slots=True)
class LegFacts:
    """Everything the events of one channel said so far.

    Args:
        linkedid: as its latest event carries it; a transfer can change it.
        mark: the first `vpbx.leg`, or None: not (yet) known to be a leg.
        first_at, last_at: times of its earliest and latest event.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    first_at: datetime
    last_at: datetime
    mark: SwitchEvent | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None


def learn(facts: LegFacts | None, event: SwitchEvent) -> LegFacts:
    """The facts with one more event of the same channel. Order and repetition don't matter."""
    if facts is None:
        facts = LegFacts(event.systemname, event.uniqueid, event.linkedid, event.at, event.at)
    elif event.at >= facts.last_at:
        linkedid = event.linkedid if event.at > facts.last_at else max(event.linkedid, facts.linkedid)
        facts = replace(facts, last_at=event.at, linkedid=linkedid)
    elif event.at < facts.first_at:
        facts = replace(facts, first_at=event.at)
    handler = HANDLERS.get(event.kind)
    return facts if handler is None else handler(facts, event)


def gather(events: Iterable[SwitchEvent]) -> dict[str, LegFacts]:
    """Facts of every channel in the events, by uniqueid."""
    known: dict[str, LegFacts] = {}
    for event in events:
        known[event.uniqueid] = learn(known.get(event.uniqueid), event)
    return known


def leg_of(facts: LegFacts) -> Leg | None:
    """The leg that the facts make; None for a channel without a mark."""
    if facts.mark is None:
        return None
    said = facts.mark.facts
    return Leg(
        systemname=facts.systemname,
        uniqueid=facts.uniqueid,
        linkedid=facts.mark.linkedid,
        tenant=said.get("tenant", ""),
        direction=said.get("direction", ""),
        from_number=said.get("from", ""),
        to_number=said.get("to", ""),
        employee=said.get("employee", ""),
        trunk=said.get("trunk", ""),
        decision=said.get("decision", ""),
        started_at=facts.first_at if facts.started_at is None else facts.started_at,
        answered_at=facts.answered_at,
        ended_at=facts.ended_at,
        cause=facts.cause,
    )


def usage_of(leg: Leg) -> Usage | None:
    """What is to be charged for a leg: an outbound one that was admitted, answered and has ended.

    Rule: decision 7. Whoever transferred the call, the leg counts from its own answer to its own hangup.
    """
    if (
        leg.direction != "out"
        or leg.decision != "admitted"
        or leg.answered_at is None
        or leg.ended_at is None
    ):
        return None
    return Usage(
        key=ChargeKey(leg.systemname, leg.uniqueid, "call"),
        tenant=leg.tenant,
        linkedid=leg.linkedid,
        direction=leg.direction,
        from_number=leg.from_number,
        to_number=leg.to_number,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        estimated=leg.estimated,
    )


def close_estimated(leg: Leg, last_known: datetime) -> Leg:
    """A leg that a crash cut off, ended at its last known second and marked so.

    Args: last_known: time of the last evidence that it was up.
    """
    earliest = leg.started_at if leg.answered_at is None else leg.answered_at
    return replace(leg, ended_at=max(earliest, last_known), estimated=True)


def merge(stored: Leg, seen: Leg) -> Leg:
    """What two accounts of one leg say together: an answer or an end is never lost, an exact end wins."""
    better = _end_rank(seen) >= _end_rank(stored)
    end = seen if better else stored
    answers = [at for at in (stored.answered_at, seen.answered_at) if at is not None]
    return replace(
        seen,
        started_at=min(stored.started_at, seen.started_at),
        answered_at=min(answers, default=None),
        ended_at=end.ended_at,
        cause=end.cause,
        estimated=end.estimated,
    )


def _end_rank(leg: Leg) -> int:
    if leg.ended_at is None:
        return 0
    return 1 if leg.estimated else 2


def _on_start(facts: LegFacts, event: SwitchEvent) -> LegFacts:
    return replace(facts, started_at=_earlier(facts.started_at, event.at))


def _on_answer(facts: LegFacts, event: SwitchEvent) -> LegFacts:
    return replace(facts, answered_at=_earlier(facts.answered_at, event.at))


def _on_hangup(facts: LegFacts, event: SwitchEvent) -> LegFacts:
    if facts.ended_at is not None and facts.ended_at <= event.at:
        return facts
    text = event.facts.get("hangupcause", "")
    cause = int(text) if text.isascii() and text.isdigit() else None
    return replace(facts, ended_at=event.at, cause=cause)


def _on_mark(facts: LegFacts, event: SwitchEvent) -> LegFacts:
    """The first mark stands: what a call costs doesn't change once it was said."""
    if facts.mark is not None and _order(facts.mark) <= _order(event):
        return facts
    return replace(facts, mark=event)


def _order(mark: SwitchEvent) -> tuple[datetime, list[tuple[str, str]]]:
    return mark.at, sorted(mark.facts.items())


def _earlier(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)


HANDLERS: Mapping[str, Callable[[LegFacts, SwitchEvent], LegFacts]] = {
    "CHAN_START": _on_start,
    "ANSWER": _on_answer,
    "HANGUP": _on_hangup,
    LEG_MARK: _on_mark,
}
"""The events that say something of a leg."""
