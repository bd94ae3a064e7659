"""What a change costs: the events of a tenant's service, what is charged at once, a period before and after.

Pure: computed by the code that posts, at a moment that is given. Rule: docs/decisions.md, decision 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from orchestrator.billing.history import Taken, Tariffs, happen, run_due
from orchestrator.billing.service import PURGE
from orchestrator.errors import EventRefused
from orchestrator.model.account import Account, AccountEvent, Activated, TermsChanged
from orchestrator.model.service import (
    TRIAL,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceCharge,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.planning.services import Wish, events_towards


@dataclass(frozen=True, slots=True)
class Cost:
    """A charge as a plan shows it. Args: as of `ServiceCharge`; working: the rule and how it was computed."""

    kind: str
    item: str
    quantity: int
    amount_kop: int
    vat_kop: int
    period_from: date
    period_to: date
    working: str


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What becomes of a tenant's service.

    Args:
        events: in words, in order. day: local date that they are dated with.
        charges: what they cost at once. overdue: what had fallen due before and is charged with them.
        trial_ends_at: of the trial that it is in then, in the tenant's time zone; None: in none.
        period_kop: a whole period at the prices of the next anchor, before and after; 0: nothing is charged.
    """

    tenant: str
    events: tuple[str, ...]
    day: date
    charges: tuple[Cost, ...]
    overdue: tuple[Cost, ...]
    trial_ends_at: datetime | None
    period_kop: tuple[int, int]
    currency: str

    @property
    def charged_kop(self) -> int:
        return sum(cost.amount_kop for cost in (*self.overdue, *self.charges))

    @property
    def promised(self) -> tuple[object, ...]:
        """What a saved plan must still say when it is applied: what had fallen due may be charged by then."""
        return self.tenant, self.events, self.day, self.charges


@dataclass(frozen=True, slots=True)
class Total:
    """Over all tenants that change. Args: as of `ServiceChange`."""

    currency: str
    charged_kop: int
    period_kop: tuple[int, int]


def service_changes(
    wishes: Mapping[str, Wish], accounts: Mapping[str, Account], at: datetime, tariffs: Tariffs
) -> tuple[ServiceChange, ...]:
    """What becomes of tenants' services at a moment, by name; nothing for those that are as they should be.

    Raises: EventRefused: a service can't become what is wanted; the tenant is named.
    """
    found = []
    for name, wish in sorted(wishes.items()):
        account = accounts.get(name)
        events = events_towards(wish, account)
        if events:
            with refusals_of(name):
                taken = happen(name, account, events, at, tariffs, "")
                found.append(service_change(account, taken, tariffs))
    return tuple(found)


@contextmanager
def refusals_of(tenant: str) -> Iterator[None]:
    """What is refused inside is told with the tenant's name."""
    try:
        yield
    except EventRefused as refused:
        raise EventRefused(refused.reason, f"tenant {tenant}: {refused.message}", refused.hint) from refused


def service_change(before: Account | None, taken: Taken, tariffs: Tariffs) -> ServiceChange:
    """What has become of a service. Args: before: the account as it was; None: there was none."""
    after, at = taken.account, taken.events[-1].at
    terms = tariffs.terms(after.tariff, after.time_zone)
    in_trial = after.service.phase == TRIAL
    return ServiceChange(
        tenant=after.tenant,
        events=tuple(_sentences(before, [event.what for event in taken.events])),
        day=terms.day(at),
        charges=tuple(_cost(entry.charge) for entry in taken.made),
        overdue=tuple(_cost(entry.charge) for entry in taken.due),
        trial_ends_at=after.service.trial_ends_at.astimezone(terms.zone) if in_trial else None,
        period_kop=(_kop_before(before, at, tariffs), _whole_period_kop(after, tariffs)),
        currency=terms.tariff.currency,
    )


def totals(changes: Iterable[ServiceChange]) -> tuple[Total, ...]:
    """What changes cost together, by currency."""
    found: dict[str, Total] = {}
    for change in changes:
        known = found.get(change.currency, Total(change.currency, 0, (0, 0)))
        before, after = (old + new for old, new in zip(known.period_kop, change.period_kop, strict=True))
        found[change.currency] = Total(
            change.currency, known.charged_kop + change.charged_kop, (before, after)
        )
    return tuple(found[currency] for currency in sorted(found))


def _kop_before(account: Account | None, at: datetime, tariffs: Tariffs) -> int:
    if account is None:
        return 0
    caught_up = happen(account.tenant, account, (), at, tariffs, "").account
    return _whole_period_kop(caught_up, tariffs)


def _whole_period_kop(account: Account, tariffs: Tariffs) -> int:
    """What a whole period costs at the prices of the next anchor that begins one; 0: none comes."""
    while account.due is not None and account.due.kind != PURGE:
        account, entries = run_due(account, tariffs)
        if all(_is_whole(entry.charge) for entry in entries):
            return sum(entry.charge.amount_kop for entry in entries)
    return 0


def _is_whole(charge: ServiceCharge) -> bool:
    assert charge.period_from is not None and charge.period_to is not None, "it recurs"
    return (charge.period_to - charge.period_from).days == charge.full_days


def _cost(charge: ServiceCharge) -> Cost:
    assert charge.period_from is not None and charge.period_to is not None, "it recurs"
    return Cost(
        kind=charge.kind,
        item=charge.item,
        quantity=charge.quantity,
        amount_kop=charge.amount_kop,
        vat_kop=charge.vat_kop,
        period_from=charge.period_from,
        period_to=charge.period_to,
        working=charge.rule,
    )


def _sentences(before: Account | None, events: Sequence[AccountEvent]) -> Iterator[str]:
    options: dict[str, int] = {} if before is None else dict(before.service.options)
    for event in events:
        match event:
            case Activated():
                yield "activated"
            case TermsChanged() if before is not None:
                if event.tariff != before.tariff:
                    yield f"tariff {before.tariff} -> {event.tariff}"
                if event.time_zone != before.time_zone:
                    yield f"time zone {before.time_zone} -> {event.time_zone}"
            case EmployeesChanged() if before is not None:
                yield f"employees {before.service.employees} -> {event.employees}"
            case OptionConnected() if event.slug in options:
                yield f"option {event.slug} {options[event.slug]} -> {event.quantity}"
            case OptionConnected():
                yield f"option {event.slug} connected"
            case OptionDisconnected():
                yield f"option {event.slug} disconnected"
            case ServiceDisconnected():
                yield "disconnected"
            case ServiceRestored():
                yield "restored"
