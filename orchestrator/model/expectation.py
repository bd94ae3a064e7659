"""What an operator expects of a call, beside the tenant: it is tried before every apply."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position

ANONYMOUS = "anonymous"
"""Who calls from outside and withholds their number."""

REACHED = ("employee", "department", "voicemail", "outside", "sip", "emergency", "code", "refused")
"""What a call may reach; all but `refused` may be named more closely: `employee 101`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A call, and whom it must reach.

    Args:
        call: what is dialled, as a phone or an operator sends it. caller: an extension, a number outside, or
            `anonymous`.
        at: as `--at` has it; empty: the hour makes no difference.
        reaches: of `REACHED`, alone or with a name.
        press: what the caller presses, each time a menu asks; empty: nothing.
        lines_in_use: before it. on: switches that are on. busy, no_answer, unreachable: who is; everybody
        else answers.
    """

    call: str
    caller: str
    at: str
    reaches: str
    press: tuple[str, ...] = ()
    lines_in_use: int = 0
    on: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    no_answer: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    position: Position = field(default=NOWHERE, compare=False)
