"""One run of retention: tenants that were disconnected for too long, recordings whose term is over, records.

Nothing here speaks to an object store: what has to go from one is noted, and the courier removes it.
Rule: docs/decisions.md, decisions 10 and 11; docs/retention.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from orchestrator.accounts import Stopped
from orchestrator.billing.history import Tariffs, happen
from orchestrator.errors import DatabaseUnavailable, OrchestratorError
from orchestrator.model.account import Account, AuditLine, Purged
from orchestrator.retention.places import Places
from orchestrator.retention.scopes import Scopes
from orchestrator.retention.sound import AT_ONCE, drop_recordings
from orchestrator.retention.switch_record import RecordShed, shed_record
from orchestrator.retention.tenant import beside, clear_held, clear_tenant
from orchestrator.retention.terms import RECORD_KEPT
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore
from orchestrator.storage.wipe import wipe, wipe_file

_BEGUN, _DONE = "purge begun: ", "purged: "
_WHY_PURGED, _WHY_EXPIRED = "decision 11: disconnected for too long", "decision 10: their term has ended"
_WHY_LIFTED = "decision 11: the hold that kept it was lifted"
_WHO = "vpbx billing"


@dataclass(frozen=True, slots=True)
class PurgedTenant:
    """Args: what: how much of what went, in words."""

    tenant: str
    what: str


@dataclass(frozen=True, slots=True)
class Expired:
    """Recordings of a tenant whose own term was over."""

    tenant: str
    number: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PurgeRan:
    """What a run did.

    Args: failed: tenants whose data is still there; the next run goes on. expired: recordings that went
    by their own term. waiting: tenants of whom nothing is left but objects in a store. held: tenants whose
    purge is due, and all of whose data is on hold.
    """

    purged: tuple[PurgedTenant, ...] = ()
    failed: tuple[Stopped, ...] = ()
    expired: tuple[Expired, ...] = ()
    waiting: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    record: RecordShed = field(default_factory=RecordShed)


def purge_due(store: SqlStore, tariffs: Tariffs, upto: datetime, places: Places) -> PurgeRan:
    """Remove what has been kept long enough by a moment; a tenant that fails stops no other.

    Raises: DatabaseUnavailable.
    """
    run = _Run(store, tariffs, upto, places)
    run.purge()
    run.clear_lifted()
    run.expire()
    run.shed()
    run.finish()
    return run.ran


class _Run:
    """A run. What it removes is removed tenant by tenant; the file of the database is rewritten once."""

    def __init__(self, store: SqlStore, tariffs: Tariffs, upto: datetime, places: Places) -> None:
        self._store = store
        self._data = TenantData(store.database)
        self._tariffs = tariffs
        self._upto = upto
        self._places = places
        self._scopes = Scopes(store, upto)
        self._cleared: list[tuple[Account, str]] = []
        self._leftovers: list[PurgedTenant] = []
        self.ran = PurgeRan()

    def purge(self) -> None:
        """Remove what there is of tenants whose time has come; where they stand is written by `finish`."""
        for account, since in self._scopes.disconnected_for_too_long():
            self._guarded(account.tenant, since, partial(self._clear, account))

    def clear_lifted(self) -> None:
        """What a hold kept when its tenant was purged, and no hold keeps any more."""
        for scope in self._scopes.purged_with_holds():
            self._guarded(scope.tenant, self._upto, partial(self._clear_lifted, scope))

    def finish(self) -> None:
        """Rewrite what may hold traces, then write where the tenants stand."""
        if not self._cleared and not self._leftovers:
            return
        whose = [account.tenant for account, _ in self._cleared] or [each.tenant for each in self._leftovers]
        if not self._guarded(", ".join(whose), self._upto, self._wipe):
            return
        for account, what in self._cleared:
            self._guarded(account.tenant, self._upto, partial(self._mark, account, what))
        self.ran = replace(self.ran, purged=(*self.ran.purged, *self._leftovers))

    def expire(self) -> None:
        """Recordings of everybody whose own term is over."""
        for tenant in self._scopes.with_ended_recordings(self._data):
            self._guarded(tenant, self._upto, partial(self._expire, tenant))

    def shed(self) -> None:
        """What can't be told by tenant."""

        def do() -> None:
            self.ran = replace(self.ran, record=shed_record(self._store, self._places, self._upto))

        self._guarded("", self._upto, do)

    def _guarded(self, tenant: str, at: datetime, do: Callable[[], None]) -> bool:
        try:
            do()
        except DatabaseUnavailable:
            raise
        except OrchestratorError as error:
            stopped = Stopped(tenant, at, error.message, error.hint)
            self.ran = replace(self.ran, failed=(*self.ran.failed, stopped))
            return False
        return True

    def _clear(self, account: Account) -> None:
        scope = self._scopes.of(account.tenant)
        if any(hold.is_whole for hold in scope.holds):
            self.ran = replace(self.ran, held=(*self.ran.held, account.tenant))
            return
        what = self._begin(scope)
        clear_tenant(self._data, scope, self._places)
        if self._data.copies_left(account.tenant):
            self.ran = replace(self.ran, waiting=(*self.ran.waiting, account.tenant))
        else:
            self._cleared.append((account, what))

    def _begin(self, scope: Scope) -> str:
        """How much there is to remove, as it was written down before the first of it went."""
        last = self._store.audit_lines(scope.tenant, 1)
        if last and last[0].what.startswith(_BEGUN):
            return last[0].what.removeprefix(_BEGUN)
        what = _in_words(self._data, scope)
        for name, (number, _) in beside(scope.tenant, self._places).items():
            what += f", {name}: {number}" if number else ""
        self._audit(scope.tenant, _BEGUN + what, _WHY_PURGED)
        return what

    def _clear_lifted(self, scope: Scope) -> None:
        if not any(self._data.count(scope).values()):
            return
        what = _in_words(self._data, scope)
        self._audit(scope.tenant, f"what was on hold goes: {what}", _WHY_LIFTED)
        clear_held(self._data, scope, self._places)
        self._leftovers.append(PurgedTenant(scope.tenant, f"what was on hold: {what}"))

    def _wipe(self) -> None:
        while self._data.drop_nobodys(self._upto - RECORD_KEPT, AT_ONCE * 10):
            pass
        wipe(self._store.database)
        for paths in self._places.switches:
            if paths.phones.is_file():
                wipe_file(paths.phones)

    def _mark(self, account: Account, what: str) -> None:
        with self._store.billing() as unit:
            now = unit.account(account.tenant)
            if now is not None and now.due == account.due:
                at = max(self._upto, now.changed_at)
                taken = happen(account.tenant, now, [Purged()], at, self._tariffs, _WHO)
                unit.append_events(taken.events)
                unit.keep([taken.account])
                unit.audit([AuditLine(self._upto, account.tenant, _DONE + what, _WHY_PURGED, _WHO)])
        self.ran = replace(self.ran, purged=(*self.ran.purged, PurgedTenant(account.tenant, what)))

    def _expire(self, tenant: str) -> None:
        scope = self._scopes.of(tenant)
        day = self._upto.astimezone(scope.zone).date()
        gone = drop_recordings(self._data, scope, self._places, ended_on=day)
        if gone.number:
            self._audit(tenant, f"recordings removed: {gone.number}, bytes: {gone.bytes}", _WHY_EXPIRED)
            expired = Expired(tenant, gone.number, gone.bytes)
            self.ran = replace(self.ran, expired=(*self.ran.expired, expired))

    def _audit(self, tenant: str, what: str, why: str) -> None:
        with self._store.billing() as unit:
            unit.audit([AuditLine(self._upto, tenant, what, why, _WHO)])


def _in_words(data: TenantData, scope: Scope) -> str:
    return ", ".join(f"{name}: {number}" for name, number in data.count(scope).items())
