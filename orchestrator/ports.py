"""What the middle of the program asks of its rim. Adapters fulfil these; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.model.call import Charge, Leg, LiveChannel


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SwitchStatus:
    """Args: systemname: as the switch says it. started_at: when this run of it began, UTC."""

    version: str
    systemname: str
    started_at: datetime
    calls_up: int


class Switch(Protocol):
    """Control of one running switch. Every method has a deadline and raises `SwitchError`."""

    async def status(self) -> SwitchStatus: ...

    async def channels(self) -> tuple[LiveChannel, ...]:
        """A snapshot of all live channels."""
        ...

    async def command(self, line: str) -> str:
        """Output of one console command."""
        ...

    async def reload(self, module: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Posted:
    """What one posting did. Args: new: keys charged now. known: keys that stood already with the same content."""

    new: int
    known: int


class LedgerStore(Protocol):
    """The ledger: append-only, double-entry, hash-chained, one writer at a time. Rule: decision 12."""

    def post(self, charges: Sequence[Charge], legs: Iterable[Leg], path: str, at: datetime) -> Posted:
        """Post each charge once under its key, in one transaction.

        Args: path: `listener` or `reconciliation`. at: time of posting.
        Raises: DuplicateKey: a key stands already with another content. DatabaseUnavailable.
        """
        ...
