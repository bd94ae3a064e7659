"""The store that the daemon and the CLI hold: ledger, calls and record behind one set of methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy import Connection

from orchestrator.carrier.calls import OurCall
from orchestrator.model.account import Account, AuditLine, DatedEvent, TariffState
from orchestrator.model.call import Charge, Leg, SwitchEvent, Systemname
from orchestrator.model.credit import Owed
from orchestrator.model.inbound import InboundCall
from orchestrator.model.payment import Balance, Payment
from orchestrator.model.record import BadRecord, RecordPosition, SwitchCdr
from orchestrator.model.statement import PostedMonth
from orchestrator.model.tariff import Portion
from orchestrator.model.whatif import Comparison
from orchestrator.ports import Posted, Standing
from orchestrator.statistics.figures import CallRow, Rung
from orchestrator.storage import accounts as account_tables
from orchestrator.storage import (
    allowances,
    beancount,
    debts,
    inbound,
    ledger,
    payments,
    record,
    reversals,
    statements,
    trunk_calls,
    verification,
    views,
    whatif,
)
from orchestrator.storage import legs as leg_tables
from orchestrator.storage.accounts import SqlBillingUnit
from orchestrator.storage.credit import SqlCreditView
from orchestrator.storage.database import Database, open_database
from orchestrator.storage.entries import Entry


class SqlStore:
    """Fulfils `ports.LedgerStore`, `RecordStore` and `BillingStore`. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str) -> SqlStore:
        """The store behind a database URL, see `open_database`."""
        return cls(open_database(url))

    def close(self) -> None:
        self.database.close()

    def post(self, charges: Sequence[Charge], legs: Iterable[Leg], path: str, at: datetime) -> Posted:
        """Post each charge once under its key, and store the legs.

        Args: path: `listener` or `reconciliation`. at: time of posting.
        Raises: DuplicateKey: a key stands already with another content. DatabaseUnavailable.
        """
        with self.database.writing() as connection:
            leg_tables.keep_legs(connection, legs)
            return ledger.post(connection, charges, path, at)

    def reverse(self, key: str, path: str, at: datetime) -> None:
        """Take an entry back by a reversal, once. Raises: NotFound: no entry has the key."""
        with self.database.writing() as connection:
            ledger.reverse(connection, key, path, at)

    def take_back(self, key: str, why: str, who: str, at: datetime) -> Entry:
        """Reverse a charge at a person's word. Returns: the reversal. Raises: see `reversals.take_back`."""
        with self.database.writing() as connection:
            reversal = reversals.take_back(connection, key, why, who, at)
            line = AuditLine(at, reversal.tenant, f"charge {key} reversed", why, who)
            SqlBillingUnit(connection).audit([line])
            return reversal

    def pay(self, payment: Payment, at: datetime) -> bool:
        """Post a payment once under its reference. Returns, raises: see `payments.pay`."""
        with self.database.writing() as connection:
            return payments.pay(connection, payment, at)

    def balances(self, tenant: str | None = None) -> list[Balance]:
        """How each tenant stands that the ledger knows, or one of them, by name."""
        with self.database.reading() as connection:
            return payments.balances(connection, tenant)

    def beancount(self, begin: date | None, end: date | None) -> Iterator[str]:
        """The ledger in beancount's syntax, see `beancount.lines`."""
        with self.database.reading() as connection:
            yield from beancount.lines(connection, begin, end)

    def posted_month(self, tenant: str, begins_at: datetime, ends_at: datetime) -> PostedMonth:
        """What the ledger has of a tenant around a month, see `statements.posted_month`."""
        with self.database.reading() as connection:
            return statements.posted_month(connection, tenant, begins_at, ends_at)

    @contextmanager
    def computing_again(
        self, asked: whatif.Exchange, passed: whatif.Passed
    ) -> Iterator[Iterator[Comparison]]:
        """Months of tenants as they would be, see `whatif.compared`: nothing can be written."""
        with self.database.reading() as connection:
            whatif.refuse_writes(connection)
            try:
                yield whatif.compared(connection, asked, passed)
            finally:
                whatif.allow_writes(connection)

    def tenants_before(self, at: datetime) -> list[str]:
        """Tenants that the ledger knows of before a moment, by name."""
        with self.database.reading() as connection:
            return statements.tenants_of(connection, at)

    def heartbeat(self, systemname: Systemname, live: Iterable[tuple[str, str]], at: datetime) -> None:
        """Note which channels are up. Args: live: uniqueid and linkedid of each."""
        with self.database.writing() as connection:
            leg_tables.beat(connection, systemname, live, at)

    @contextmanager
    def reconciling(self) -> Iterator[SqlUnit]:
        """A transaction of reconciliation: all of it stands after the block, or nothing."""
        with self.database.writing() as connection:
            yield SqlUnit(connection)

    @contextmanager
    def billing(self) -> Iterator[SqlBillingUnit]:
        """A transaction of tenants' services: all of it stands after the block, or nothing."""
        with self.database.writing() as connection:
            yield SqlBillingUnit(connection)

    @contextmanager
    def credit(self) -> Iterator[SqlCreditView]:
        """One consistent look at tenants' means."""
        with self.database.reading() as connection:
            yield SqlCreditView(connection)

    def owing(self, allowed: Mapping[str, int], known: Mapping[str, Owed]) -> Mapping[str, Owed]:
        """Those of some tenants that owe more than they may, see `debts.owing`."""
        with self.database.reading() as connection:
            return debts.owing(connection, allowed, known)

    def accounts(self) -> Mapping[str, Account]:
        """Where every tenant that was ever activated stands, by name."""
        with self.database.reading() as connection:
            return account_tables.accounts(connection)

    def waiting(self, kind: str) -> list[Account]:
        """Tenants with a due item of a kind to come, by its time."""
        with self.database.reading() as connection:
            return account_tables.waiting(connection, kind)

    def service_events(self, tenant: str, most: int | None = None) -> list[DatedEvent]:
        """What has happened to a tenant's service, newest first."""
        with self.database.reading() as connection:
            return account_tables.events(connection, tenant, most)

    def audit_lines(self, tenant: str, most: int | None = None) -> list[AuditLine]:
        """What was done to a tenant, newest first."""
        with self.database.reading() as connection:
            return account_tables.audit_lines(connection, tenant, most)

    def tariff_states(self, digests: Iterable[str]) -> Mapping[str, TariffState]:
        """The terms that charges were computed with, by digest."""
        with self.database.reading() as connection:
            return account_tables.tariff_states(connection, digests)

    def balance_kop(self, tenant: str) -> int:
        """What a tenant owes: the sum of its account's postings."""
        with self.database.reading() as connection:
            return account_tables.balance_kop(connection, tenant)

    def verify(self) -> verification.Verified:
        """Walk the ledger's chain and compute every charge again. Raises: LedgerBroken, ChargeDiffers."""
        with self.database.reading() as connection:
            return verification.verify(connection)

    def dump(self) -> str:
        """The ledger as canonical JSON lines, see `ledger.dump`."""
        with self.database.reading() as connection:
            return ledger.dump(connection)

    def calls(self, asked: views.Asked) -> list[Leg]:
        """Legs that began in a span of time, newest first."""
        with self.database.reading() as connection:
            return views.calls(connection, asked)

    def trunk_calls(
        self, trunks: Sequence[str], since: datetime, until: datetime, *, of_answer: bool
    ) -> Iterator[OurCall]:
        """Calls by trunks, see `trunk_calls.trunk_calls`."""
        with self.database.reading() as connection:
            yield from trunk_calls.trunk_calls(connection, trunks, since, until, of_answer=of_answer)

    def charges(self, asked: views.Asked) -> list[views.PostedCharge]:
        """Entries of the ledger with the leg each came from, newest first."""
        with self.database.reading() as connection:
            return views.charges(connection, asked)

    def legs(self, uniqueids: Sequence[str]) -> dict[str, Leg]:
        """Legs by uniqueid."""
        with self.database.reading() as connection:
            return views.legs(connection, uniqueids)

    def refused(self, tenant: str, since: datetime) -> int:
        """How many of a tenant's calls found no free line. Rule: decision 2."""
        with self.database.reading() as connection:
            return views.refused(connection, tenant, since)

    def inbound_tenants(self) -> list[str]:
        """Tenants that inbound calls are stored of."""
        with self.database.reading() as connection:
            return inbound.tenants(connection)

    def inbound_rows(self, tenant: str, since: datetime, until: datetime) -> Iterator[CallRow]:
        """A tenant's inbound calls that began in a span of time, oldest first."""
        with self.database.reading() as connection:
            yield from inbound.rows(connection, tenant, since, until)

    def rung(self, tenant: str, since: datetime, until: datetime) -> list[Rung]:
        """What each employee's phones did with a tenant's inbound calls of a span of time."""
        with self.database.reading() as connection:
            return inbound.rung(connection, tenant, since, until)

    def inbound_calls(self, tenant: str) -> list[InboundCall]:
        """A tenant's inbound calls with the phones they rang, oldest first."""
        with self.database.reading() as connection:
            return inbound.calls(connection, tenant)

    def call(self, linkedid: str) -> views.CallStory:
        """Everything that is known of one call. Raises: NotFound."""
        with self.database.reading() as connection:
            return views.call(connection, linkedid)


class SqlUnit:
    """Fulfils `ports.RecordUnit` on one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def position(self, systemname: Systemname, kind: str) -> RecordPosition | None:
        return record.position(self._connection, systemname, kind)

    def reached(self, systemname: Systemname, kind: str, position: RecordPosition) -> None:
        record.reached(self._connection, systemname, kind, position)

    def forget_position(self, systemname: Systemname, kind: str) -> None:
        record.forget_position(self._connection, systemname, kind)

    def keep_events(self, events: Sequence[SwitchEvent]) -> None:
        record.keep_events(self._connection, events)

    def keep_claims(self, claims: Sequence[SwitchCdr]) -> None:
        record.keep_claims(self._connection, claims)

    def quarantine(self, systemname: Systemname, bad: Sequence[BadRecord], at: datetime) -> None:
        record.keep_bad(self._connection, systemname, bad, at)

    def events_of(
        self, systemname: Systemname, uniqueids: Sequence[str], kinds: Sequence[str]
    ) -> list[SwitchEvent]:
        return record.events_of(self._connection, systemname, uniqueids, kinds)

    def keep_legs(self, found: Iterable[Leg]) -> list[Leg]:
        return leg_tables.keep_legs(self._connection, found)

    def keep_inbound(self, systemname: Systemname, linkedids: Sequence[str]) -> int:
        return inbound.keep(self._connection, systemname, linkedids)

    def without_inbound(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        return inbound.missing(self._connection, systemname, after, most)

    def open_legs(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        return leg_tables.open_legs(self._connection, systemname, after, most)

    def count_open(self, systemname: Systemname) -> int:
        return leg_tables.count_open(self._connection, systemname)

    def last_known(self, leg: Leg) -> datetime:
        return leg_tables.last_known(self._connection, leg)

    def unrated(self, systemname: Systemname, after: str, most: int) -> list[Leg]:
        return leg_tables.unrated_legs(self._connection, systemname, after, most)

    def keep_unrated(self, leg: Leg, reason: str) -> None:
        leg_tables.keep_unrated(self._connection, leg, reason)

    def drop_unrated(self, done: Sequence[Leg]) -> None:
        leg_tables.drop_unrated(self._connection, done)

    def standing(self, keys: Sequence[str]) -> Mapping[str, Standing]:
        return ledger.standing(self._connection, keys)

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        return account_tables.events(self._connection, tenant)[::-1]

    def used(self, tenant: str, whole: Portion) -> int:
        return allowances.used(self._connection, tenant, whole.allowance, whole.period_from.isoformat())

    def post(self, charges: Sequence[Charge], path: str, at: datetime) -> Posted:
        return ledger.post(self._connection, charges, path, at)

    def reverse(self, key: str, path: str, at: datetime) -> None:
        ledger.reverse(self._connection, key, path, at)

    def drop_heartbeats(self, systemname: Systemname, before: datetime) -> None:
        leg_tables.drop_heartbeats(self._connection, systemname, before)
