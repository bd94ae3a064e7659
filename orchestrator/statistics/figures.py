"""Figures of inbound calls: how many were answered, how long callers waited, who called again.

    computed = compute(rows, lambda row: (row.tenant, row.number), Asked({"acme": since_us}))

Rows come oldest first and may begin before the span asked for: those only tell who calls again.
Rule: docs/statistics.md.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000
"""Microseconds in a second: rows count in these."""


class CallRow(NamedTuple):
    """An inbound call that is over, see `model.inbound.InboundCall`. Args: began_us: since 1970 UTC."""

    tenant: str
    number: str
    caller: str
    began_us: int
    outcome: str
    wait_us: int
    talk_us: int
    employee: str
    department: str
    queued_us: int = 0


@dataclass(frozen=True, slots=True)
class Rung:
    """What an employee's phones did in a span of time.

    Args: calls: that rang them, or that were transferred to them. talk_us: with callers.
    """

    tenant: str
    employee: str
    calls: int
    talk_us: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked.

    Args: since_us: where the span begins, by tenant. service_level_s: within which an answer is in time.
    again_us: how long after a call another one of the same caller is a repeated one.
    """

    since_us: Mapping[str, int]
    service_level_s: int = 20
    again_us: int = 24 * 3600 * SECOND


Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a group of calls. calls = answered + voicemail + missed + abandoned; full and blocked ones are
    beside these.

    Args:
        in_time: answered within the service level. wait_median_us, wait_p90_us: of answered calls; None:
            there are none. again: calls of somebody who had called a short time before. again_callers: how
            many numbers these came from. queued: calls that waited in a department's queue. queue_median_us,
            queue_p90_us: how long these waited there, answered or not; None: there are none.
    """

    calls: int = 0
    answered: int = 0
    voicemail: int = 0
    missed: int = 0
    abandoned: int = 0
    full: int = 0
    blocked: int = 0
    in_time: int = 0
    talk_us: int = 0
    wait_median_us: int | None = None
    wait_p90_us: int | None = None
    again: int = 0
    again_callers: int = 0
    queued: int = 0
    queue_median_us: int | None = None
    queue_p90_us: int | None = None

    @property
    def service_level(self) -> float | None:
        """Per cent of all calls that were answered in time; None when there are none."""
        return 100 * self.in_time / self.calls if self.calls else None


@dataclass(slots=True)
class _Tally:
    """A group as it is counted."""

    outcomes: dict[str, int] = field(default_factory=dict)
    in_time: int = 0
    talk_us: int = 0
    waits: array[int] = field(default_factory=lambda: array("q"))
    queued: array[int] = field(default_factory=lambda: array("q"))
    again: int = 0
    callers: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Computed:
    """Figures by tenant and name of a group, and of all of them together."""

    groups: Mapping[Key, Figures]
    total: Figures


def compute(rows: Iterable[CallRow], key: Callable[[CallRow], Key], asked: Asked) -> Computed:
    """Figures by group.

    Args: rows: each tenant's oldest first. key: the group that a call is in.
    """
    tallies: dict[Key, _Tally] = {}
    last: dict[tuple[str, str], int] = {}
    limit_us = asked.service_level_s * SECOND
    for row in rows:
        again = False
        if row.caller and row.outcome != "blocked":
            caller = row.tenant, row.caller
            before = last.get(caller)
            again = before is not None and row.began_us - before <= asked.again_us
            last[caller] = row.began_us
        if row.began_us < asked.since_us[row.tenant]:
            continue
        group = key(row)
        tally = tallies.get(group)
        if tally is None:
            tally = tallies[group] = _Tally()
        tally.outcomes[row.outcome] = tally.outcomes.get(row.outcome, 0) + 1
        if row.outcome == "answered":
            tally.waits.append(row.wait_us)
            tally.talk_us += row.talk_us
            tally.in_time += row.wait_us <= limit_us
        if row.queued_us:
            tally.queued.append(row.queued_us)
        if again:
            tally.again += 1
            tally.callers.add((row.tenant, row.caller))
    groups = {group: _figures(tally) for group, tally in tallies.items()}
    return Computed(groups, _figures(_together(tallies.values())))


def percentile(ordered: array[int] | list[int], percent: int) -> int:
    """The smallest value that so many per cent of all don't exceed. Args: ordered: at least one.

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 90), percentile([7], 90)
    (2, 4, 7)
    """
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _together(tallies: Iterable[_Tally]) -> _Tally:
    total = _Tally()
    for tally in tallies:
        for outcome, number in tally.outcomes.items():
            total.outcomes[outcome] = total.outcomes.get(outcome, 0) + number
        total.in_time += tally.in_time
        total.talk_us += tally.talk_us
        total.waits.extend(tally.waits)
        total.queued.extend(tally.queued)
        total.again += tally.again
        total.callers |= tally.callers
    return total


def _figures(tally: _Tally) -> Figures:
    counted: Mapping[str, int] = tally.outcomes
    answered, voicemail, missed, abandoned = (
        counted.get(each, 0) for each in ("answered", "voicemail", "missed", "abandoned")
    )
    waits, queued = sorted(tally.waits), sorted(tally.queued)
    return Figures(
        calls=answered + voicemail + missed + abandoned,
        answered=answered,
        voicemail=voicemail,
        missed=missed,
        abandoned=abandoned,
        full=counted.get("full", 0),
        blocked=counted.get("blocked", 0),
        in_time=tally.in_time,
        talk_us=tally.talk_us,
        wait_median_us=percentile(waits, 50) if waits else None,
        wait_p90_us=percentile(waits, 90) if waits else None,
        again=tally.again,
        again_callers=len(tally.callers),
        queued=len(queued),
        queue_median_us=percentile(queued, 50) if queued else None,
        queue_p90_us=percentile(queued, 90) if queued else None,
    )
