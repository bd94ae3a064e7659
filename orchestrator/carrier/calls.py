"""A call as our legs have it and as an operator's list has it. Named tuples: there are a million of each."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

OUT, IN = "out", "in"


class OurCall(NamedTuple):
    """A trunk-side leg that has ended.

    Args:
        direction: `out` (emergency calls too) or `in`. far, near: the number at the operator's side and the
            tenant's, E.164; empty when withheld.
        at: epoch, s: when it began, or when it was answered where the list has that.
        seconds: from answer to hangup, as calls are charged; 0: never answered.
        estimated: its end is the last known second of a call that a crash cut off.
    """

    uniqueid: str
    linkedid: str
    tenant: str
    trunk: str
    direction: str
    far: str
    near: str
    at: int
    seconds: int
    estimated: bool

    @property
    def from_number(self) -> str:
        return self.far if self.direction == IN else self.near

    @property
    def to_number(self) -> str:
        return self.near if self.direction == IN else self.far


class ListedCall(NamedTuple):
    """A row of an operator's list.

    Args:
        line: in its file. direction: `out` or `in` as seen from us; empty: the list doesn't say.
        from_number, to_number: E.164, or a short number; empty when withheld.
        at: epoch, s, by the operator's clock. seconds: 0: not answered. cost: roubles; None: not said.
    """

    line: int
    direction: str
    from_number: str
    to_number: str
    at: int
    seconds: int
    cost: Decimal | None

    @property
    def far(self) -> str:
        return self.from_number if self.direction == IN else self.to_number

    @property
    def near(self) -> str:
        return self.to_number if self.direction == IN else self.from_number


class Unread(NamedTuple):
    """A line that can't be read, and why."""

    line: int
    reason: str
