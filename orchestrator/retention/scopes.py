"""Which of each tenant's data holds keep, as they stand when a run begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.billing.service import PURGE
from orchestrator.model.account import Account, Purged
from orchestrator.model.hold import Hold
from orchestrator.storage.holds import Holds
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore

_LATEST_ZONE = timedelta(hours=14)
"""Somewhere it is a later day already."""


class Scopes:
    """The tenants whose time may have come by a moment."""

    def __init__(self, store: SqlStore, at: datetime) -> None:
        self._store = store
        self._at = at
        self._accounts: Mapping[str, Account] | None = None
        self._holds: dict[str, list[Hold]] = {}
        for hold in Holds(store.database).find(lifted=True):
            self._holds.setdefault(hold.tenant, []).append(hold)

    def of(self, tenant: str, before: datetime | None = None) -> Scope:
        """A tenant's data without what is on hold. Args: before: only what began earlier."""
        if self._accounts is None:
            # Most runs have nothing to do with anybody.
            self._accounts = self._store.accounts()
        account = self._accounts.get(tenant)
        zone = ZoneInfo("UTC" if account is None else account.time_zone)
        standing = [hold for hold in self._holds.get(tenant, ()) if hold.lifted_at is None]
        return Scope(tenant, zone, standing, before)

    def disconnected_for_too_long(self) -> list[tuple[Account, datetime]]:
        """Accounts that are to be purged, and since when."""
        return [
            (account, account.due.at)
            for account in self._store.waiting(PURGE)
            if account.due is not None and account.due.at <= self._at
        ]

    def purged_with_holds(self) -> list[Scope]:
        """What a hold may have kept when its tenant was purged; `before` is when it was."""
        found = []
        for tenant in sorted(self._holds):
            events = self._store.service_events(tenant)
            purged = [event.at for event in events if isinstance(event.what, Purged)]
            if purged:
                found.append(self.of(tenant, purged[0]))
        return found

    def with_ended_recordings(self, data: TenantData) -> Sequence[str]:
        """Tenants some of whose recordings may be over."""
        return data.tenants_recorded((self._at + _LATEST_ZONE).date())
