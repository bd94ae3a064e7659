"""Charges of calls by the operator's tariffs, and by what is left of what subscriptions include."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from orchestrator.billing.history import Tariffs
from orchestrator.billing.included import Allowances, minutes_included
from orchestrator.billing.rating import CompiledTariff, compile_tariff, rate
from orchestrator.billing.timeline import ChargedPeriods
from orchestrator.errors import NoRate
from orchestrator.model.call import Charge, Usage
from orchestrator.model.platform import Definitions
from orchestrator.ports import RecordUnit


@dataclass(frozen=True, slots=True)
class Taking:
    """What calls of one transaction may take of what is included in subscriptions.

    Args: periods: that the tenants were charged. allowances: what is left of them.
    """

    periods: ChargedPeriods
    allowances: Allowances


class Pricing:
    """Charges out of usages by the operator's tariffs, each compiled once."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._all = Tariffs(definitions.tariffs)
        self._tariffs: dict[str, CompiledTariff] = {}
        self._zones: dict[str, tzinfo] = {}

    def taking(self, unit: RecordUnit) -> Taking:
        """What a transaction's calls may take; nothing is asked before a tariff includes minutes."""
        return Taking(ChargedPeriods(self._all, unit.service_events), Allowances(unit.used))

    def charge(self, usage: Usage, taking: Taking) -> Charge:
        """Raises: NoRate: no prefix covers the number, or the definitions no longer have the tenant."""
        tenant = self._definitions.tenants.get(usage.tenant)
        if tenant is None:
            raise NoRate(
                f"no tenant {usage.tenant} in the definitions",
                "put its file back; the call is charged at the next reconciliation",
            )
        if tenant.tariff not in self._tariffs:
            self._tariffs[tenant.tariff] = compile_tariff(self._definitions.tariffs[tenant.tariff])
        if tenant.time_zone not in self._zones:
            self._zones[tenant.time_zone] = ZoneInfo(tenant.time_zone)
        tariff, left = self._tariffs[tenant.tariff], None
        if tariff.tariff.has_allowances:
            span = taking.periods.at(usage.tenant, usage.answered_at)
            whole = minutes_included(usage.to_number, span, tariff.tariff)
            left = taking.allowances.left(usage.tenant, whole)
        charge = rate(usage, tariff, self._zones[tenant.time_zone], left)
        taking.allowances.take(usage.tenant, charge.taken)
        return charge
