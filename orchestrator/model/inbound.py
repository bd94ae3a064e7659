"""What became of a call that came in: the rows that statistics are made of.

Rule: docs/statistics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrator.model.call import Systemname

Outcome = Literal["answered", "voicemail", "missed", "abandoned", "full", "blocked"]


@dataclass(frozen=True, slots=True)
class RungPhone:
    """A phone that an inbound call rang, or that talked with its caller after a transfer.

    Args:
        uniqueid: of the phone's channel. call: uniqueid of the inbound leg.
        step: id of the routing step that rang it. department: empty when it rang for the employee alone.
        answered_at: None when it didn't. talk_us: microseconds in talk with the caller.
    """

    systemname: Systemname
    uniqueid: str
    call: str
    tenant: str
    employee: str
    department: str
    step: str
    rung_at: datetime
    answered_at: datetime | None
    talk_us: int


@dataclass(frozen=True, slots=True)
class InboundCall:
    """An inbound call that is over.

    Args:
        uniqueid: of the trunk-side channel. caller, number: who called what, E.164; empty when withheld.
        outcome: `answered`: somebody talked with the caller; `voicemail`: they left a message instead;
            `abandoned`: the caller gave up before that; `missed`: the switch ended it before that;
            `full`: no line was free; `blocked`: this caller isn't taken.
        wait_us: microseconds from the call's begin until somebody talked with the caller, or to its end.
        talk_us: microseconds in talk, whoever with; waiting during a transfer doesn't count.
        employee, department: who answered first; of a call that nobody answered, who was rung last.
        queued_us: microseconds in queues of departments, until a member was rung; 0: it never waited in one.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    tenant: str
    caller: str
    number: str
    began_at: datetime
    ended_at: datetime
    outcome: Outcome
    wait_us: int
    talk_us: int
    employee: str
    department: str
    queued_us: int = 0
    phones: tuple[RungPhone, ...] = ()
