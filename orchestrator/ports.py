"""What the middle of the program asks of its rim. Adapters fulfil these; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.model.account import Account, AuditLine, DatedEvent, ServiceEntry
from orchestrator.model.call import Charge, Leg, LiveChannel, SwitchEvent, Systemname, Usage
from orchestrator.model.credit import Owed
from orchestrator.model.record import BadRecord, RecordBatch, RecordPosition, SwitchCdr
from orchestrator.model.state import TenantState
from orchestrator.model.tariff import Portion


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


@dataclass(frozen=True, slots=True)
class Registration:
    """A phone that is registered now.

    Args: uri: where the switch reaches it. address: host and port its REGISTER came from. user_agent: as it
    calls itself, or empty. expires_at: when it is forgotten unless it registers again, UTC. reachable:
    whether it answers the switch's OPTIONS; None when the switch doesn't ask. round_trip_ms: of the last
    answer, or None.
    """

    uri: str
    address: str
    user_agent: str
    expires_at: datetime | None
    reachable: bool | None = None
    round_trip_ms: float | None = None


class Switch(Protocol):
    """Control of one running switch. Every method has a deadline and raises `SwitchError`."""

    async def status(self) -> SwitchStatus: ...

    async def channels(self) -> tuple[LiveChannel, ...]:
        """A snapshot of all live channels."""
        ...

    async def registrations(self, endpoint: str) -> tuple[Registration, ...]:
        """Where a phone's endpoint is registered from; empty when it isn't. Raises: NotFound."""
        ...

    async def states(self) -> dict[str, TenantState]:
        """What phones have set, by tenant; a tenant that isn't there has nothing set."""
        ...

    async def turn(self, tenant: str, switch: str, to: str) -> None:
        """Turn a switch of a tenant. Args: to: `on` or `off`."""
        ...

    async def set_own(self, tenant: str, extension: str, state: str, *, on: bool) -> None:
        """Set or end a state of an employee's own. Args: state: of `model.state.OWN_STATES`."""
        ...

    async def command(self, line: str) -> str:
        """Output of one console command."""
        ...

    async def reload(self, module: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Posted:
    """What one posting did. Args: new: keys charged now. known: keys that stood with the same content."""

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


class SwitchRecord(Protocol):
    """The durable record that one switch wrote. Form: docs/switch-record.md."""

    @property
    def systemname(self) -> Systemname:
        """The switch's name; records that carry another are foreign."""
        ...

    def events(self, position: RecordPosition | None) -> Iterator[RecordBatch[SwitchEvent]]:
        """Events after a position, oldest first, in batches; rotated files are read to their end first."""
        ...

    def claims(self, position: RecordPosition | None) -> Iterator[RecordBatch[SwitchCdr]]:
        """Call detail records after a position, likewise."""
        ...


class RecordUnit(Protocol):
    """One transaction of reconciliation: the place reached, and all that follows from what was read."""

    def position(self, systemname: Systemname, kind: str) -> RecordPosition | None:
        """The place reached in `cel` or `cdr`."""
        ...

    def reached(self, systemname: Systemname, kind: str, position: RecordPosition) -> None: ...

    def keep_events(self, events: Sequence[SwitchEvent]) -> None:
        """Store events; one that stands already is left alone."""
        ...

    def keep_claims(self, claims: Sequence[SwitchCdr]) -> None: ...

    def quarantine(self, systemname: Systemname, bad: Sequence[BadRecord], at: datetime) -> None: ...

    def events_of(
        self, systemname: Systemname, uniqueids: Sequence[str], kinds: Sequence[str]
    ) -> list[SwitchEvent]:
        """All stored events of some channels."""
        ...

    def keep_legs(self, legs: Iterable[Leg]) -> list[Leg]:
        """Store legs, merged with what stands. Returns: the merged ones."""
        ...

    def keep_inbound(self, systemname: Systemname, linkedids: Sequence[str]) -> int:
        """Store the inbound calls of some calls that are over, anew, with the phones they rang.

        Returns: how many.
        """
        ...

    def without_inbound(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        """Inbound legs that are over and aren't stored as calls, by uniqueid, beginning after one."""
        ...

    def open_legs(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        """Legs without an end, by uniqueid, beginning after one."""
        ...

    def count_open(self, systemname: Systemname) -> int:
        """How many legs have no end."""
        ...

    def last_known(self, leg: Leg) -> datetime:
        """The last time anything showed an open leg up: its own end of channel, or else the latest of its
        call's events and its own heartbeat."""
        ...

    def unrated(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        """Ended legs that could not be charged yet, by uniqueid, beginning after one."""
        ...

    def keep_unrated(self, leg: Leg, reason: str) -> None: ...

    def drop_unrated(self, legs: Sequence[Leg]) -> None: ...

    def standing(self, keys: Sequence[str]) -> Mapping[str, Standing]:
        """What the ledger holds under some keys."""
        ...

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        """What has happened to a tenant's service, oldest first."""
        ...

    def used(self, tenant: str, whole: Portion) -> int:
        """How much of what a tenant's period includes was taken by entries that stand."""
        ...

    def post(self, charges: Sequence[Charge], path: str, at: datetime) -> Posted: ...

    def reverse(self, key: str, path: str, at: datetime) -> None:
        """Post the reversal of an entry, once."""
        ...

    def drop_heartbeats(self, systemname: Systemname, before: datetime) -> None:
        """Forget heartbeats of channels without an open leg, last seen before a time."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """The evidence of a call charge that stands in the ledger."""

    tenant: str
    amount_kop: int
    answered_at: datetime
    occurred_at: datetime
    estimated: bool

    def same_evidence(self, usage: Usage) -> bool:
        """Whether it came of the same call, whatever tariff version priced it."""
        return (self.tenant, self.answered_at, self.occurred_at, self.estimated) == (
            usage.tenant,
            usage.answered_at,
            usage.ended_at,
            usage.estimated,
        )


class RecordStore(Protocol):
    """Where reconciliation keeps what it finds."""

    def reconciling(self) -> AbstractContextManager[RecordUnit]:
        """A transaction: all of it stands after the block, or nothing. One writer at a time."""
        ...


class BillingUnit(Protocol):
    """One transaction of a tenant's service: events, charges and where the tenant stands, or nothing."""

    def account(self, tenant: str) -> Account | None: ...

    def due(self, kinds: Sequence[str], upto: datetime, most: int, after: DuePlace | None) -> list[Account]:
        """Accounts with something due, at or before a moment, by its time and the tenant's name.

        Args: kinds: of due items. after: those behind a place in that order; None: from the beginning.
        """
        ...

    def keep(self, accounts: Sequence[Account]) -> None:
        """Write where tenants stand."""
        ...

    def append_events(self, events: Sequence[DatedEvent]) -> None:
        """Write what has happened; it is never changed."""
        ...

    def post(self, entries: Sequence[ServiceEntry], path: str, at: datetime) -> Posted:
        """Post each charge once under its key, and keep the tariff state that it was computed with.

        Args: path: what posts it. at: time of posting. Raises: DuplicateKey.
        """
        ...

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        """What has happened to a tenant's service, oldest first."""
        ...

    def used(self, tenant: str, whole: Portion) -> int:
        """How much of what a tenant's period includes was taken by entries that stand."""
        ...

    def taken_by(self, key: str) -> tuple[bool, Portion | None]:
        """Whether an entry stands under a key, and what it took of what is included."""
        ...

    def audit(self, lines: Sequence[AuditLine]) -> None: ...


class CreditView(Protocol):
    """One consistent look at a tenant's means."""

    def balance_kop(self, tenant: str) -> int:
        """What is left of its payments; below zero: what it owes."""
        ...

    def spent_kop(self, tenant: str, since: datetime) -> int:
        """What its calls were charged that ended since a moment."""
        ...

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        """What has happened to its service, oldest first."""
        ...

    def used(self, tenant: str, whole: Portion) -> int:
        """How much of what its period includes was taken by entries that stand."""
        ...

    def settled(self, systemname: Systemname, uniqueids: Sequence[str]) -> frozenset[str]:
        """Those of some calls that are in the ledger, or ended without an answer."""
        ...

    def known(self, systemname: Systemname, uniqueid: str) -> bool:
        """Whether the switch's record has shown a leg of this channel."""
        ...


class CreditStore(Protocol):
    """Where credit control looks."""

    def credit(self) -> AbstractContextManager[CreditView]:
        """A consistent view. Raises: DatabaseUnavailable."""
        ...

    def close(self) -> None: ...


class DebtStore(Protocol):
    """Where it is seen who owes."""

    def owing(self, allowed: Mapping[str, int], known: Mapping[str, Owed]) -> Mapping[str, Owed]:
        """Those of some tenants that owe more than they may.

        Args: allowed: what each may owe, kopecks. known: what was found before. Raises: DatabaseUnavailable.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DuePlace:
    """A place among the due items: by time, then by tenant."""

    at: datetime
    tenant: str


class BillingStore(Protocol):
    """Where tenants' services are kept and charged."""

    def billing(self) -> AbstractContextManager[BillingUnit]:
        """A transaction: all of it stands after the block, or nothing. One writer at a time."""
        ...
