"""A tenant's wish to be warned of a low balance, and a warning on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestrator.model.problem import NOWHERE, Position

WarningState = Literal["due", "none", "sent", "given_up"]
Way = Literal["email", "webhook"]


@dataclass(frozen=True, slots=True)
class LowBalance:
    """When a tenant is warned, and how.

    Args: levels_kop: of the balance as `vpbx balance` tells it, each by itself. email: addresses. webhook: a
    URL that is posted to; empty: none. secret: where the key is read that posts are signed with, `env:NAME`
    or `file:PATH`.
    """

    levels_kop: tuple[int, ...]
    email: tuple[str, ...] = ()
    webhook: str = ""
    secret: str = ""
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def ways(self) -> tuple[Way, ...]:
        """How it is told."""
        ways: list[Way] = []
        if self.email:
            ways.append("email")
        if self.webhook:
            ways.append("webhook")
        return tuple(ways)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A balance that was seen at a level or below it, after it had been seen above.

    Args: id: random, the same however often and by whichever way it is told. at: when it was seen, aware UTC.
    """

    id: str
    tenant: str
    level_kop: int
    balance_kop: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A crossing that is told one way, and how it stands with that.

    Args: state: `due`; `none`: nobody wants it any more; `sent`; `given_up`: nobody takes it. attempts: so
    far. next_at: of the next one, while it is due. sent_at: when it was taken. note: what was said last.
    """

    crossing: Crossing
    way: Way
    state: WarningState = "due"
    attempts: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    note: str = ""
