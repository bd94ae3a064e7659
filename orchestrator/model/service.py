"""A tenant's service over time: what happened to it, where it stands, what it was charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from orchestrator.model.tariff import Portion

TRIAL, ACTIVE, DISCONNECTED, PURGED = "trial", "active", "disconnected", "purged"
SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION = "subscription", "extra_employees", "option"
SMS, AUTOINFORM, CALL = "sms", "autoinform", "call"
CHARGE_KINDS = (SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION, SMS, AUTOINFORM, CALL)


@dataclass(frozen=True, slots=True)
class OptionConnected:
    """Args: quantity: the total of a counted option from now on; 1 of any other."""

    slug: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class OptionDisconnected:
    slug: str


@dataclass(frozen=True, slots=True)
class EmployeesChanged:
    """Args: employees: all of them from now on, those that the tariff includes too."""

    employees: int


@dataclass(frozen=True, slots=True)
class ServiceDisconnected:
    pass


@dataclass(frozen=True, slots=True)
class ServiceRestored:
    pass


ServiceEvent = OptionConnected | OptionDisconnected | EmployeesChanged | ServiceDisconnected | ServiceRestored


@dataclass(frozen=True, slots=True)
class SmsSent:
    to_number: str
    text: str


@dataclass(frozen=True, slots=True)
class AutoinformCalled:
    """An answered auto-informing call. Args: duration_s: from answer to hangup."""

    to_number: str
    duration_s: int


@dataclass(frozen=True, slots=True)
class Called:
    """An answered call. Args: direction: `in`, `out` or `internal`. duration_s: from answer to hangup."""

    direction: str
    to_number: str
    duration_s: int


UsageEvent = SmsSent | AutoinformCalled | Called


@dataclass(frozen=True, slots=True)
class Service:
    """Where a tenant's service stands.

    Args:
        phase: `trial`, `active`, `disconnected` or `purged`.
        employees: all of them. options: quantity by slug, of those that are on.
        activated_at, trial_ends_at: aware UTC.
        first_charge_on: local date of the first charge since the last start; None before it.
        periods: anchors charged since then; the current period is number `periods` - 1.
        paid: highest quantity so far in the current period, by option's slug, and by "" for extra employees.
        disconnected_at: aware UTC, while it is.
    """

    phase: str
    employees: int
    options: Mapping[str, int]
    activated_at: datetime
    trial_ends_at: datetime
    first_charge_on: date | None = None
    periods: int = 0
    paid: Mapping[str, int] = field(default_factory=dict)
    disconnected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What comes by itself. Args: kind: `trial_end`, `anchor` or `purge`. at: aware UTC."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ServiceCharge:
    """What is charged at one moment for one thing.

    Args:
        at: aware UTC. day: its local date. kind: of `CHARGE_KINDS`.
        item: the tariff's or option's slug, a call's destination; else empty.
        quantity: 1, employees, pieces of an option, segments, or started minutes.
        amount_kop: VAT included. licence_kop, support_kop: of a recurring charge, else 0. vat_kop: in it.
        period_from, period_to: what it pays for, the end exclusive; None for usage.
        tariff_version: of the prices it was computed with. vat_percents: by date.
        rule: which rule made it, and the working.
        priced_on: local date whose prices it has: of the charge, of sending, of the answer.
        beyond: pieces paid for before it in the same period; by tiers, they decide the price of these.
        full_days: days that a full price is for; 0 for usage. duration_s: of a call, else 0.
        taken: what of a use was included in the subscription; None: nothing.
    """

    at: datetime
    day: date
    kind: str
    item: str
    quantity: int
    amount_kop: int
    licence_kop: int
    support_kop: int
    vat_kop: int
    period_from: date | None
    period_to: date | None
    tariff_version: str
    vat_percents: tuple[Decimal, ...]
    rule: str
    priced_on: date
    beyond: int = 0
    full_days: int = 0
    duration_s: int = 0
    taken: Portion | None = None
