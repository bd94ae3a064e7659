"""Tenants' accounts brought to what a generation says: computed for a plan, posted once it is live.

What is posted is the difference between what is wanted and where an account stands when it is posted. So
posting again changes nothing, and a process that dies between the switch and the books leaves nothing to
guess. Rule: docs/decisions.md, decision 14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.billing.history import Tariffs
from orchestrator.errors import EventRefused
from orchestrator.model.account import Account
from orchestrator.model.tariff import Tariff
from orchestrator.planning.money import ServiceChange, refusals_of, service_change, service_changes
from orchestrator.planning.services import Wish, events_towards

if TYPE_CHECKING:
    from orchestrator.ports import BillingUnit
    from orchestrator.storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class Settled:
    """What was posted. Args: refused: what could not become as wanted; the next plan shows it again."""

    changes: tuple[ServiceChange, ...]
    refused: tuple[EventRefused, ...]


class Settlement:
    """The accounts in one database.

    Args: url: see `storage.database`. tariffs: those in force, asked for when there is something to charge.
    """

    def __init__(self, url: str, tariffs: Callable[[], Mapping[str, Tariff]]) -> None:
        self._url = url
        self._source = tariffs
        self._tariffs: Tariffs | None = None
        self._store: SqlStore | None = None

    def changes(self, wishes: Mapping[str, Wish], at: datetime) -> tuple[ServiceChange, ...]:
        """What would be posted at a moment; nothing is written, nor a database made.

        Raises: EventRefused: a service can't become what is wanted. DefinitionsInvalid: tariffs have
            problems. DatabaseUnavailable.
        """
        accounts = self._accounts()
        differing = _differing(wishes, accounts)
        return service_changes(differing, accounts, at, self._in_force()) if differing else ()

    def open(self) -> None:
        """Make sure that it can be posted to. Raises: DefinitionsInvalid, DatabaseUnavailable."""
        # SQLAlchemy is slow to import, and an apply that changes no service only reads.
        from orchestrator.storage.store import SqlStore

        self._in_force()
        if self._store is None:
            self._store = SqlStore.open(self._url)

    def settle(self, wishes: Mapping[str, Wish], at: datetime, source: str, posted_at: datetime) -> Settled:
        """Bring accounts to what is wanted, all in one transaction.

        Args: at: what events are dated with; later where something has happened to an account since. source:
        what brings them.
        Raises: DefinitionsInvalid, DatabaseUnavailable: nothing was posted.
        """
        self.open()
        assert self._store is not None
        differing = _differing(wishes, self._accounts())
        changes: list[ServiceChange] = []
        refused: list[EventRefused] = []
        if differing:
            with self._store.billing() as unit:
                for name, wish in differing.items():
                    try:
                        changes += self._bring(unit, name, wish, at, source, posted_at)
                    except EventRefused as error:
                        refused.append(error)
        return Settled(tuple(changes), tuple(refused))

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _bring(
        self, unit: BillingUnit, name: str, wish: Wish, at: datetime, source: str, posted_at: datetime
    ) -> list[ServiceChange]:
        from orchestrator.accounts import take_events

        account = unit.account(name)
        events = events_towards(wish, account)
        if not events:
            return []
        when = at if account is None else max(at, account.changed_at)
        with refusals_of(name):
            taken = take_events(unit, name, events, when, self._in_force(), source, posted_at=posted_at)
            return [service_change(account, taken, self._in_force())]

    def _accounts(self) -> Mapping[str, Account]:
        from orchestrator.storage.reading import accounts_now

        return accounts_now(self._url)

    def _in_force(self) -> Tariffs:
        if self._tariffs is None:
            self._tariffs = Tariffs(self._source())
        return self._tariffs


def _differing(wishes: Mapping[str, Wish], accounts: Mapping[str, Account]) -> dict[str, Wish]:
    return {name: wish for name, wish in sorted(wishes.items()) if events_towards(wish, accounts.get(name))}
