"""A tenant's account with the operator: what its calls may spend, and what happens when that can't be asked.

Rule: docs/decisions.md, decision 13.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import lcm
from typing import Literal

from orchestrator.model.balance_warning import LowBalance
from orchestrator.model.problem import NOWHERE, Position

ONE_SLICE, REFUSE = "one_slice", "refuse"
CONTROLLER_DOWN = (ONE_SLICE, REFUSE)
"""What a call gets while nothing answers for the balance."""

LONGEST_SLICE_S = 3600
LONGEST_TURN_S = 10
"""Within it a slice is prolonged once that is due, however busy the machine is."""


DebtStage = Literal["none", "grace", "outgoing-barred", "suspended"]
"""How far it has come with a tenant that owes: nothing; it is waited for; calls to outside are barred; all
calls to and from outside are."""

DEBT_STAGES: tuple[DebtStage, ...] = ("none", "grace", "outgoing-barred", "suspended")


@dataclass(frozen=True, slots=True)
class OnDebt:
    """What follows when a tenant owes more than its account allows.

    Days are 24 hours each from the charge by which it came to owe that.

    Args: grace_days: until calls to outside are refused. suspend_after_days: until those from outside are
    too, not fewer; None: they never are.
    """

    grace_days: int
    suspend_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A tenant that owes more than it may.

    Args: balance_kop: below zero. allowed_kop: what it may owe. since: when it came to owe more.
    """

    balance_kop: int
    allowed_kop: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Debt:
    """Where a tenant stands with it.

    Args: since: when it came to owe too much; None: it doesn't. next_at: when the next stage comes; None:
    none does.
    """

    stage: DebtStage = "none"
    since: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """By what the outbound calls of a tenant are kept within its means.

    Args: prepaid: whether its balance bounds them. credit_limit_kop: how far below zero that may go.
    hour_cap_kop, day_cap_kop: what calls may cost in an hour of the clock and in a day, in the tenant's local
    time; None: any sum. slice_s: what a call reserves at a time, at least. warning_s: how long before its end
    a call hears that it ends. when_controller_down: of `CONTROLLER_DOWN`. low_balance: None: nobody is told.
    on_debt: None: it may owe any sum for as long as it likes.
    """

    prepaid: bool = False
    credit_limit_kop: int = 0
    hour_cap_kop: int | None = None
    day_cap_kop: int | None = None
    slice_s: int = 60
    warning_s: int = 10
    when_controller_down: str = ONE_SLICE
    low_balance: LowBalance | None = None
    on_debt: OnDebt | None = None
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def controlled(self) -> bool:
        """Whether each call outside is asked for."""
        return self.prepaid or self.hour_cap_kop is not None or self.day_cap_kop is not None

    @property
    def allowed_kop(self) -> int:
        """How much may be owed without anything following from it."""
        return self.credit_limit_kop if self.prepaid else 0


@dataclass(frozen=True, slots=True)
class Held:
    """What one channel of the switch says that it was granted, see `vpbx-credit` of the dialplan.

    Args: left_s: until the switch ends it; None: it hasn't been answered.
    """

    uniqueid: str
    tenant: str
    to_number: str
    granted_s: int
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Prolonged:
    """A call may go on. Args: granted_s: in all, from its answer. ends_at: on the switch's clock."""

    uniqueid: str
    granted_s: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CreditStanding:
    """How a tenant stands in the call path.

    Args: spendable_kop: None: any sum. held_kop: by its calls. calls: that hold something.
    """

    spendable_kop: int | None
    held_kop: int
    calls: int


def whole_slice_s(slice_s: int, increments_s: Iterable[int]) -> int:
    """A slice that is whole increments of every rate.

    >>> whole_slice_s(70, [60, 1]), whole_slice_s(60, [60, 6])
    (120, 60)
    """
    whole_s = lcm(*increments_s)
    return -(-slice_s // whole_s) * whole_s


POSTPAID = CreditTerms()
"""Any sum, paid later."""
