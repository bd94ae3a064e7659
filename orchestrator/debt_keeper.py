"""Calls of tenants that owe too much, barred on their switch, and let through again once they have paid.

The truth is in the ledger; the switch keeps what it was told last, also while nobody tells it anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.billing.debt import BARRED_WAYS, debt
from orchestrator.model.credit import Debt, Owed
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.ports import Clock, DebtStore

_COMPARE_EVERY_S = 60.0

_log = structlog.get_logger("vpbx.debt")


class DebtKeeper:
    """Of one node. Args: open_store: called with the first look, in its thread. source: what is in force."""

    def __init__(
        self,
        node: str,
        open_store: Callable[[], DebtStore],
        source: Callable[[], Definitions],
        clock: Clock,
    ) -> None:
        self._node = node
        self._open_store = open_store
        self._store: DebtStore | None = None
        self._source = source
        self._clock = clock
        self._owed: Mapping[str, Owed] = {}
        self._switch: AmiSwitch | None = None
        self._told: dict[str, set[str]] = {}
        self._compare_at = 0.0
        self._debts: dict[str, Debt] = {}

    async def keep(self, switch: AmiSwitch) -> None:
        """Bring the switch to what the ledger says. Raises: SwitchError, DatabaseUnavailable."""
        debts = await asyncio.to_thread(self._look)
        if switch is not self._switch or time.monotonic() >= self._compare_at:
            self._told = await switch.barred()
            self._switch, self._compare_at = switch, time.monotonic() + _COMPARE_EVERY_S
        for tenant in sorted({*debts, *self._told}):
            each = debts.get(tenant, Debt())
            ways = BARRED_WAYS[each.stage]
            if ways != self._told.get(tenant, set()):
                await switch.bar(tenant, ways)
                self._told[tenant] = set(ways)
        self._tell(debts)

    @property
    def barred(self) -> int:
        """How many tenants have calls refused for what they owe."""
        return sum(1 for ways in self._told.values() if ways)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _look(self) -> dict[str, Debt]:
        """Where those stand that owe too much."""
        bounded = {each.name: each for each in self._source().tenants.values() if self._minds(each)}
        if not bounded:
            return {}
        if self._store is None:
            self._store = self._open_store()
        allowed = {name: each.account.allowed_kop for name, each in bounded.items()}
        self._owed = self._store.owing(allowed, self._owed)
        now = self._clock.now()
        return {name: debt(bounded[name].account, each.since, now) for name, each in self._owed.items()}

    def _minds(self, tenant: Tenant) -> bool:
        return tenant.account.on_debt is not None and tenant.node == self._node and tenant.service == "active"

    def _tell(self, debts: dict[str, Debt]) -> None:
        """Log who has come to another stage."""
        for tenant in sorted({*debts, *self._debts}):
            was, now = self._debts.get(tenant, Debt()), debts.get(tenant, Debt())
            if was.stage != now.stage:
                since = None if now.since is None else now.since.isoformat()
                _log.info("debt", tenant=tenant, was=was.stage, now=now.stage, since=since)
        self._debts = debts
