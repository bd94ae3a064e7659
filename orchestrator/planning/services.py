"""A tenant's service as its YAML wants it, against where its account stands: the events between. Pure.

Rule: docs/decisions.md, decision 14: YAML is what is wanted; `apply` turns differences into dated events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.model.account import Account, AccountEvent, Activated, TermsChanged
from orchestrator.model.service import (
    DISCONNECTED,
    PURGED,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class WantedService:
    """What an active tenant is served with and charged for.

    Args: tariff: its slug. time_zone: of its periods. employees: all that are paid for. options: quantity by
    slug.
    """

    tariff: str
    time_zone: str
    employees: int
    options: Mapping[str, int]


Wish = WantedService | None
"""None: the service is to be disconnected."""


def wanted_service(tenant: Tenant) -> Wish:
    """What a tenant's YAML wants. Rule: decision 2: it pays for its list, or for more by `seats:`."""
    if tenant.service != "active":
        return None
    employees = max(len(tenant.employees), tenant.seats or 0)
    return WantedService(tenant.tariff, tenant.time_zone, employees, dict(tenant.options))


def events_towards(wish: Wish, account: Account | None) -> tuple[AccountEvent, ...]:
    """What must happen to an account to bring it to a wish, in order; nothing when it is there.

    What goes, goes before another tariff comes, which may not know it; what comes, comes after. A
    disconnection comes alone: what else the YAML has otherwise by then follows the restore, before which
    nothing can happen (decision 11).

    Args: account: None: it was never activated.
    """
    return tuple(_events(wish, account))


def _events(wish: Wish, account: Account | None) -> Iterator[AccountEvent]:
    if account is None or account.service.phase == PURGED:
        if wish is not None:
            yield Activated(wish.tariff, wish.time_zone, wish.employees, wish.options)
        return
    down = account.service.phase == DISCONNECTED
    if wish is None:
        if not down:
            yield ServiceDisconnected()
        return
    if down:
        yield ServiceRestored()
    have, want = account.service.options, wish.options
    for slug in sorted(set(have) - set(want)):
        yield OptionDisconnected(slug)
    for slug in sorted(slug for slug in want if want[slug] < have.get(slug, 0)):
        yield OptionConnected(slug, want[slug])
    if (wish.tariff, wish.time_zone) != (account.tariff, account.time_zone):
        yield TermsChanged(wish.tariff, wish.time_zone)
    if wish.employees != account.service.employees:
        yield EmployeesChanged(wish.employees)
    for slug in sorted(slug for slug in want if want[slug] > have.get(slug, 0)):
        yield OptionConnected(slug, want[slug])
