"""A tenant's service through time: trial, charges by period, options, disconnection, restoration.

Pure: `begin`, then `take` for what happens and `run` for what falls due, in the order of time. What falls due
at a moment comes before what happens at it. Whoever walks the same events in whatever steps gets the same
charges, so the ledger, a run that catches up and a forecast share this code.

Rule: docs/decisions.md, decisions 3 (proration), 4 (trial and anchors), 5 (what the trial gives) and 11
(disconnection).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from orchestrator.billing.periods import Period, anchor, period
from orchestrator.billing.recurring import Wanted, charge_recurring
from orchestrator.errors import EventRefused
from orchestrator.model.service import (
    ACTIVE,
    DISCONNECTED,
    EXTRA_EMPLOYEES,
    OPTION,
    PURGED,
    SUBSCRIPTION,
    TRIAL,
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
from orchestrator.model.tariff import Tariff

TRIAL_END, ANCHOR, PURGE = "trial_end", "anchor", "purge"
EMPLOYEES = ""
"""Stands for extra employees among the quantities of options."""

_PRORATION, _ANCHORS, _RESTORATION = "decision 3", "decision 4", "decision 11"

Step = tuple[Service, tuple[ServiceCharge, ...]]


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a tenant is charged. Args: zone: the tenant's time zone."""

    tariff: Tariff
    zone: tzinfo

    def day(self, at: datetime) -> date:
        """The local date of a moment."""
        return at.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """00:00 of a local date."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def begin(at: datetime, employees: int, options: Mapping[str, int], terms: Terms) -> Step:
    """Activate: the trial begins, or the first charge is made where there is none.

    Raises: EventRefused: the tariff doesn't know an option.
    """
    check_options(options, terms.tariff)
    ends_at = at + timedelta(days=terms.tariff.trial.days)
    service = Service(TRIAL, employees, dict(options), at, ends_at)
    if terms.tariff.trial.days == 0:
        return _start_charging(service, at, terms, _ANCHORS)
    made = (_excess(service, slug, at, terms) for slug in sorted(options))
    charges = tuple(charge for charge in made if charge is not None)
    return replace(service, paid=dict(options)), charges


def due(service: Service, terms: Terms) -> Due | None:
    """What comes next by itself; None once everything is purged."""
    if service.phase == TRIAL:
        return Due(TRIAL_END, service.trial_ends_at)
    if service.phase == ACTIVE:
        return Due(ANCHOR, terms.midnight(_next_anchor(service, terms)))
    if service.disconnected_at is not None:
        first_day_without = terms.day(service.disconnected_at) + timedelta(days=terms.tariff.kept_days + 1)
        return Due(PURGE, terms.midnight(first_day_without))
    return None


def run(service: Service, what: Due, terms: Terms) -> Step:
    """Let what is due happen. Args: what: of `due`."""
    if what.kind == PURGE:
        return replace(service, phase=PURGED, disconnected_at=None), ()
    if what.kind == TRIAL_END:
        return _start_charging(service, what.at, terms, _ANCHORS)
    return _charge_period(service, service.periods, what.at, terms, _ANCHORS)


def take(service: Service, event: ServiceEvent, at: datetime, terms: Terms) -> Step:
    """Let something happen to the service. All that was due until then has run.

    Raises: EventRefused: it can't happen as the service stands; nothing has changed.
    """
    if not isinstance(event, ServiceRestored) or service.phase == PURGED:
        check_up(service, terms.tariff)
    match event:
        case OptionConnected():
            return _connect(service, event, at, terms)
        case OptionDisconnected():
            return _disconnect_option(service, event), ()
        case EmployeesChanged():
            changed = replace(service, employees=event.employees)
            return _with_excess(changed, EMPLOYEES, at, terms)
        case ServiceDisconnected():
            return replace(service, phase=DISCONNECTED, disconnected_at=at), ()
        case ServiceRestored():
            return _restore(service, at, terms)


def check_up(service: Service, tariff: Tariff) -> None:
    """Raises: EventRefused: the service is disconnected or purged."""
    if service.phase == PURGED:
        raise purged_refusal(tariff)
    if service.phase == DISCONNECTED:
        raise EventRefused(
            "disconnected",
            "the service is disconnected, and only a restore is possible",
            "restore it first (decision 11)",
        )


def purged_refusal(tariff: Tariff) -> EventRefused:
    """Why nothing happens any more to a tenant that was disconnected for too long."""
    return EventRefused(
        "purged",
        f"the service is gone: it was disconnected for more than {tariff.kept_days} days",
        "its data is purged; activate it as a new tenant (decision 11)",
    )


def check_options(options: Mapping[str, int], tariff: Tariff) -> None:
    """Raises: EventRefused: the tariff doesn't know an option, or not so many of it."""
    for slug, quantity in options.items():
        _check_option(slug, quantity, tariff)


def extra_employees(service: Service, tariff: Tariff) -> int:
    """Employees beyond those that the tariff includes."""
    return max(0, service.employees - tariff.included_employees)


def paid_until(service: Service, terms: Terms) -> date | None:
    """The local date before which the service is paid for; None in a trial."""
    return None if service.first_charge_on is None else _next_anchor(service, terms)


def charged_period(service: Service, terms: Terms) -> Period | None:
    """The period that was charged last, in which a service that is up stands; None in a trial."""
    return None if service.first_charge_on is None else current_period(service, terms)


def current_period(service: Service, terms: Terms) -> Period:
    """The period that is charged now; in a trial, what options that are charged in it are prorated to."""
    if service.first_charge_on is not None:
        return period(service.first_charge_on, service.periods - 1, terms.tariff.cycle)
    begun, ends = terms.day(service.activated_at), terms.day(service.trial_ends_at)
    whole = period(begun, 0, replace(terms.tariff.cycle, anchor_day=0))
    return Period(begun, ends, whole.days)


def _connect(service: Service, event: OptionConnected, at: datetime, terms: Terms) -> Step:
    _check_option(event.slug, event.quantity, terms.tariff)
    if service.options.get(event.slug) == event.quantity:
        raise EventRefused("option-on", f"option {event.slug} is on already", "connect it once")
    changed = replace(service, options={**service.options, event.slug: event.quantity})
    return _with_excess(changed, event.slug, at, terms)


def _disconnect_option(service: Service, event: OptionDisconnected) -> Service:
    if event.slug not in service.options:
        raise EventRefused("option-off", f"option {event.slug} is not on", "disconnect what is connected")
    return replace(service, options={slug: n for slug, n in service.options.items() if slug != event.slug})


def _restore(service: Service, at: datetime, terms: Terms) -> Step:
    if service.phase != DISCONNECTED:
        raise EventRefused(
            "not-disconnected", "the service is not disconnected", "restore a disconnected one"
        )
    back = replace(service, disconnected_at=None)
    if service.first_charge_on is None and at < service.trial_ends_at:
        return replace(back, phase=TRIAL), ()
    if service.first_charge_on is not None and terms.day(at) < _next_anchor(service, terms):
        return replace(back, phase=ACTIVE), ()
    return _start_charging(back, at, terms, _RESTORATION)


def _start_charging(service: Service, at: datetime, terms: Terms, rule: str) -> Step:
    """The first charge, now: its date is the anchor day."""
    return _charge_period(replace(service, phase=ACTIVE, first_charge_on=terms.day(at)), 0, at, terms, rule)


def _charge_period(service: Service, number: int, at: datetime, terms: Terms, rule: str) -> Step:
    """Charge everything that is on, for one whole period."""
    assert service.first_charge_on is not None, "charges have begun"
    span = period(service.first_charge_on, number, terms.tariff.cycle)
    extra = extra_employees(service, terms.tariff)
    wanted = [
        Wanted(SUBSCRIPTION, terms.tariff.slug, 1),
        Wanted(EXTRA_EMPLOYEES, "", extra),
        *(Wanted(OPTION, slug, quantity) for slug, quantity in sorted(service.options.items())),
    ]
    made = (charge_recurring(each, span, at, terms.day(at), terms.tariff, rule) for each in wanted)
    charges = tuple(charge for charge in made if charge is not None)
    paid = {**service.options, EMPLOYEES: extra}
    return replace(service, periods=number + 1, paid=paid), charges


def _with_excess(service: Service, item: str, at: datetime, terms: Terms) -> Step:
    """Charge what is wanted now above what is paid for in this period."""
    charge = _excess(service, item, at, terms)
    highest = max(service.paid.get(item, 0), _wanted(service, item, terms.tariff))
    return replace(service, paid={**service.paid, item: highest}), () if charge is None else (charge,)


def _excess(service: Service, item: str, at: datetime, terms: Terms) -> ServiceCharge | None:
    if service.phase == TRIAL and (terms.tariff.trial.options == "free" or item == EMPLOYEES):
        return None
    paid, wanted = service.paid.get(item, 0), _wanted(service, item, terms.tariff)
    if wanted <= paid:
        return None
    kind = EXTRA_EMPLOYEES if item == EMPLOYEES else OPTION
    more = Wanted(kind, item, wanted - paid, beyond=paid)
    day = terms.day(at)
    span = current_period(service, terms).since(day)
    return charge_recurring(more, span, at, day, terms.tariff, _PRORATION)


def _wanted(service: Service, item: str, tariff: Tariff) -> int:
    return extra_employees(service, tariff) if item == EMPLOYEES else service.options.get(item, 0)


def _next_anchor(service: Service, terms: Terms) -> date:
    assert service.first_charge_on is not None, "charges have begun"
    return anchor(service.first_charge_on, service.periods, terms.tariff.cycle)


def _check_option(slug: str, quantity: int, tariff: Tariff) -> None:
    option = tariff.options.get(slug)
    if option is None:
        known = ", ".join(sorted(tariff.options)) or "it has none"
        raise EventRefused("unknown-option", f"tariff {tariff.slug} has no option {slug}", f"it has: {known}")
    if quantity < 1 or (quantity > 1 and not option.counted):
        raise EventRefused(
            "option-quantity", f"option {slug} can't be ordered {quantity} times", "leave its quantity out"
        )
