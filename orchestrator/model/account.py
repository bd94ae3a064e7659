"""A tenant as billing knows it: dated events behind it, where it stands, what is due next.

Rule: docs/decisions.md, decision 14: YAML is what is wanted, these are what has happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.model.service import (
    Due,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    Service,
    ServiceCharge,
    ServiceDisconnected,
    ServiceEvent,
    ServiceRestored,
)


@dataclass(frozen=True, slots=True)
class Activated:
    """Args: tariff: its slug. time_zone: the tenant's. employees, options: as of `Service`."""

    tariff: str
    time_zone: str
    employees: int
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """Another tariff or time zone from now on. Args: as of `Activated`."""

    tariff: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Purged:
    """The data of a tenant that was disconnected for too long is gone."""


AccountEvent = ServiceEvent | Activated | TermsChanged | Purged

EVENT_KINDS: Mapping[type[AccountEvent], str] = {
    Activated: "activated",
    TermsChanged: "terms_changed",
    OptionConnected: "option_connected",
    OptionDisconnected: "option_disconnected",
    EmployeesChanged: "employees_changed",
    ServiceDisconnected: "disconnected",
    ServiceRestored: "restored",
    Purged: "purged",
}
"""How each event is called where it is stored and shown."""


@dataclass(frozen=True, slots=True)
class DatedEvent:
    """An event as it stands in the database.

    Args: number: from 1, without gaps, of the tenant's. at: aware UTC. source: what brought it: `apply`, ...
    """

    tenant: str
    number: int
    at: datetime
    what: AccountEvent
    source: str


@dataclass(frozen=True, slots=True)
class Account:
    """Where a tenant stands.

    Args:
        tariff: its slug. time_zone: the tenant's.
        events: how many have been; the next one's number less one.
        changed_at: when the last event or due item took effect, aware UTC; nothing can happen before it.
        due: what comes next by itself; None once it is purged.
    """

    tenant: str
    tariff: str
    time_zone: str
    service: Service
    events: int
    changed_at: datetime
    due: Due | None


@dataclass(frozen=True, slots=True)
class TariffState:
    """Everything that charges are computed with, as one text. Args: digest: of the text, its name."""

    digest: str
    tariff: str
    terms: str


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A charge to be posted. Args: key: names it once and for all. state: what it was computed with."""

    key: str
    tenant: str
    charge: ServiceCharge
    state: TariffState


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What was done to a tenant, for those who ask later. Args: who: a person or a part of vpbx."""

    at: datetime
    tenant: str
    what: str
    why: str
    who: str
