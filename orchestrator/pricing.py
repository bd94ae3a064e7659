"""Charges of calls by the operator's tariffs, and by what is left of what subscriptions include."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from orchestrator.billing.credit import CallPrice
from orchestrator.billing.history import Tariffs
from orchestrator.billing.included import Allowances, minutes_included
from orchestrator.billing.rating import CompiledTariff, compile_tariff, rate
from orchestrator.billing.timeline import ChargedPeriods
from orchestrator.errors import NoRate
from orchestrator.model.account import Activated, DatedEvent, TermsChanged
from orchestrator.model.call import Charge, Usage
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.ports import CreditView, RecordUnit


@dataclass(frozen=True, slots=True)
class Taking:
    """What calls of one transaction may take of what is included in subscriptions.

    Args: periods: that the tenants were charged. allowances: what is left of them. events: what has happened
    to a tenant's service, oldest first.
    """

    periods: ChargedPeriods
    allowances: Allowances
    events: Callable[[str], Sequence[DatedEvent]]


class Pricing:
    """What calls cost by the operator's tariffs, each compiled once: charges of usages, and prices ahead."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._all = Tariffs(definitions.tariffs)
        self._tariffs: dict[str, CompiledTariff] = {}
        self._zones: dict[str, tzinfo] = {}

    def taking(self, unit: RecordUnit) -> Taking:
        """What a transaction's calls may take; nothing is asked before a tariff includes minutes."""
        periods = ChargedPeriods(self._all, unit.service_events)
        return Taking(periods, Allowances(unit.used), unit.service_events)

    def charge(self, usage: Usage, taking: Taking) -> Charge:
        """Charge a call. A tenant whose file is gone is charged by what its service was (decision 14).

        Raises: NoRate: no prefix covers the number, or nobody knows the tenant any more.
        """
        slug, time_zone = self._terms(usage, taking)
        if time_zone not in self._zones:
            self._zones[time_zone] = ZoneInfo(time_zone)
        tariff, left = self._tariff(slug), None
        if tariff.tariff.has_allowances:
            span = taking.periods.at(usage.tenant, usage.answered_at)
            whole = minutes_included(usage.to_number, span, tariff.tariff)
            left = taking.allowances.left(usage.tenant, whole)
        charge = rate(usage, tariff, self._zones[time_zone], left)
        taking.allowances.take(usage.tenant, charge.taken)
        return charge

    def ahead(self, view: CreditView, tenant: Tenant, to: str, answers: Sequence[datetime]) -> CallPrice:
        """What a call about to be made can cost.

        Args: to: number called, E.164. answers: when it may be answered, earliest and latest; or when it was.
        Raises: NoRate: no prefix covers the number.
        """
        tariff, zone = self._tariff(tenant.tariff), ZoneInfo(tenant.time_zone)
        days = dict.fromkeys(at.astimezone(zone).date() for at in answers)
        rates = dict.fromkeys(tariff.deck.rate_of(to, day) for day in days)
        allowance = None
        if tariff.tariff.has_allowances:
            span = ChargedPeriods(self._all, view.service_events).at(tenant.name, answers[0])
            allowance = minutes_included(to, span, tariff.tariff)
        return CallPrice(tuple(rates), tariff.tariff, zone, answers[0], allowance)

    def _tariff(self, slug: str) -> CompiledTariff:
        """A tariff ready to rate by."""
        if slug not in self._tariffs:
            self._tariffs[slug] = compile_tariff(self._definitions.tariffs[slug])
        return self._tariffs[slug]

    def _terms(self, usage: Usage, taking: Taking) -> tuple[str, str]:
        """Tariff and time zone of the tenant of a call."""
        tenant = self._definitions.tenants.get(usage.tenant)
        if tenant is not None:
            return tenant.tariff, tenant.time_zone
        for event in reversed(taking.events(usage.tenant)):
            what = event.what
            if isinstance(what, Activated | TermsChanged) and event.at <= usage.answered_at:
                if what.tariff not in self._definitions.tariffs:
                    break
                return what.tariff, what.time_zone
        raise NoRate(
            f"no tenant {usage.tenant} in the definitions",
            "put its file back; the call is charged at the next reconciliation",
        )
