"""What the call path asks the books: how a tenant stands, and which calls need no reservation any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from orchestrator.model.account import DatedEvent
from orchestrator.model.call import ChargeKey, Systemname
from orchestrator.model.tariff import Portion
from orchestrator.storage import accounts, allowances, balances
from orchestrator.storage.rows import chunks
from orchestrator.storage.schema import call_leg, ledger_entry
from orchestrator.storage.values import micros

_CALL = "call"


class SqlCreditView:
    """One consistent look at the books. Fulfils `ports.CreditView`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def balance_kop(self, tenant: str) -> int:
        return balances.balance_kop(self._connection, tenant)

    def spent_kop(self, tenant: str, since: datetime) -> int:
        entry = ledger_entry.c
        query = select(func.sum(entry.amount_kop)).where(
            entry.tenant == tenant, entry.occurred_at >= micros(since), entry.kind == _CALL
        )
        return int(self._connection.execute(query).scalar() or 0)

    def service_events(self, tenant: str) -> Sequence[DatedEvent]:
        return accounts.events(self._connection, tenant)[::-1]

    def used(self, tenant: str, whole: Portion) -> int:
        return allowances.used(self._connection, tenant, whole.allowance, whole.period_from.isoformat())

    def settled(self, systemname: Systemname, uniqueids: Sequence[str]) -> frozenset[str]:
        """Those of some calls that are in the ledger, or ended without an answer."""
        keys = {str(ChargeKey(systemname, uniqueid, _CALL)): uniqueid for uniqueid in uniqueids}
        found: set[str] = set()
        for chunk in chunks(keys):
            charged = select(ledger_entry.c.key).where(ledger_entry.c.key.in_(chunk))
            found.update(keys[key] for (key,) in self._connection.execute(charged))
            legs = select(call_leg.c.uniqueid).where(
                call_leg.c.systemname == systemname,
                call_leg.c.uniqueid.in_([keys[key] for key in chunk]),
                call_leg.c.ended_at.is_not(None),
                call_leg.c.answered_at.is_(None),
            )
            found.update(uniqueid for (uniqueid,) in self._connection.execute(legs))
        return frozenset(found)

    def known(self, systemname: Systemname, uniqueid: str) -> bool:
        """Whether the switch's record has shown a leg of this channel."""
        leg = select(call_leg.c.uniqueid).where(
            call_leg.c.systemname == systemname, call_leg.c.uniqueid == uniqueid
        )
        return self._connection.execute(leg).first() is not None
