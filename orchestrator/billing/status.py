"""Where a tenant's service stands, as people ask for it: phase, period, what is paid, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from orchestrator.billing.history import Tariffs, run_due
from orchestrator.billing.service import EMPLOYEES, PURGE, current_period, extra_employees
from orchestrator.model.account import Account, Activated, DatedEvent, Purged
from orchestrator.model.service import (
    ACTIVE,
    PURGED,
    TRIAL,
    Due,
    ServiceCharge,
    ServiceDisconnected,
    ServiceRestored,
)

_TURNS = (Activated, ServiceDisconnected, ServiceRestored, Purged)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """How a tenant stands by its tariff.

    Args:
        since: when the phase began, aware UTC.
        trial_ends_at: in a trial. period_from, paid_until: local dates of a period that is paid for, the
            second exclusive; None when none is.
        included, extra: employees that the tariff includes, and those beyond. extra_paid: of these, paid for.
        due_charges: what the next due item will charge as things stand.
    """

    account: Account
    since: datetime
    trial_ends_at: datetime | None
    period_from: date | None
    paid_until: date | None
    included: int
    extra: int
    extra_paid: int
    due: Due | None
    due_charges: tuple[ServiceCharge, ...]

    @property
    def due_kop(self) -> int:
        return sum(charge.amount_kop for charge in self.due_charges)


def status_of(account: Account, events: Sequence[DatedEvent], tariffs: Tariffs) -> ServiceStatus:
    """How a tenant stands. Args: events: all that have happened to it.

    Raises: EventRefused: its tariff is gone, or has not what it is charged for any longer.
    """
    service = account.service
    terms = tariffs.terms(account.tariff, account.time_zone)
    started = service.first_charge_on is not None and service.phase != PURGED
    period = current_period(service, terms) if started else None
    due_charges: tuple[ServiceCharge, ...] = ()
    if account.due is not None and account.due.kind != PURGE:
        due_charges = tuple(entry.charge for entry in run_due(account, tariffs)[1])
    return ServiceStatus(
        account=account,
        since=_since(account, events),
        trial_ends_at=service.trial_ends_at if service.phase == TRIAL else None,
        period_from=None if period is None else period.starts_on,
        paid_until=None if period is None else period.ends_before,
        included=terms.tariff.included_employees,
        extra=extra_employees(service, terms.tariff),
        extra_paid=service.paid.get(EMPLOYEES, 0),
        due=account.due,
        due_charges=due_charges,
    )


def _since(account: Account, events: Sequence[DatedEvent]) -> datetime:
    """When the present phase began: at the last turn, or where charging begins after it by itself."""
    service = account.service
    turned_at = max(
        (event.at for event in events if isinstance(event.what, _TURNS)), default=account.changed_at
    )
    return max(turned_at, service.trial_ends_at) if service.phase == ACTIVE else turned_at
