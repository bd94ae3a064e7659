"""What happens to a tenant's account: dated events in the order of time, and what falls due between them.

Pure. The ledger's charges, what a plan shows of them, and a run that catches up all come from here.

Rule: docs/decisions.md, decision 14; charges are those of `billing.service`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.billing.service import (
    PURGE,
    Terms,
    begin,
    check_options,
    check_up,
    due,
    purged_refusal,
    run,
    take,
)
from orchestrator.billing.terms_text import tariff_state
from orchestrator.errors import EventRefused
from orchestrator.model.account import (
    Account,
    AccountEvent,
    Activated,
    DatedEvent,
    Purged,
    ServiceEntry,
    TariffState,
    TermsChanged,
)
from orchestrator.model.service import ACTIVE, PURGED, ServiceCharge
from orchestrator.model.tariff import Tariff


class Tariffs:
    """The tariffs in force. Args: tariffs: by slug."""

    def __init__(self, tariffs: Mapping[str, Tariff]) -> None:
        self._tariffs = tariffs
        self._terms: dict[tuple[str, str], Terms] = {}
        self._states: dict[str, TariffState] = {}

    def terms(self, tariff: str, time_zone: str) -> Terms:
        """By what tenants of a tariff and time zone are charged. Raises: EventRefused: no such tariff."""
        found = self._terms.get((tariff, time_zone))
        if found is None:
            found = Terms(self._tariff(tariff), ZoneInfo(time_zone))
            self._terms[tariff, time_zone] = found
        return found

    def state(self, tariff: str) -> TariffState:
        """What charges by a tariff are computed with. Raises: EventRefused: no such tariff."""
        if tariff not in self._states:
            self._states[tariff] = tariff_state(self._tariff(tariff))
        return self._states[tariff]

    def _tariff(self, slug: str) -> Tariff:
        tariff = self._tariffs.get(slug)
        if tariff is None:
            raise EventRefused(
                "unknown-tariff",
                f"there is no tariff {slug}",
                f"bring tariffs/{slug}.yaml back: a tenant is charged by it until its tariff is changed",
            )
        return tariff


@dataclass(frozen=True, slots=True)
class Taken:
    """An account after something. Args: due: charges that fell due before. made: charges the events made."""

    account: Account
    events: tuple[DatedEvent, ...]
    due: tuple[ServiceEntry, ...]
    made: tuple[ServiceEntry, ...]


def preview(
    tenant: str, account: Account | None, events: Sequence[AccountEvent], at: datetime, tariffs: Tariffs
) -> tuple[ServiceCharge, ...]:
    """What events would cost at a moment. Args, Raises: as of `happen`."""
    taken = happen(tenant, account, events, at, tariffs, "")
    return tuple(entry.charge for entry in taken.made)


def happen(
    tenant: str,
    account: Account | None,
    events: Sequence[AccountEvent],
    at: datetime,
    tariffs: Tariffs,
    source: str,
) -> Taken:
    """Let events happen to a tenant at one moment, after all that is due until then.

    Args: account: None: there is none yet. source: what brings them: `apply`, ...
    Raises: EventRefused: one of them can't happen; then none has.
    """
    if account is not None and at < account.changed_at:
        raise EventRefused(
            "earlier",
            f"{tenant}: something has happened at {account.changed_at.isoformat()} already",
            "an event can't be dated before the last one; look at the machine's clock",
        )
    fallen: list[ServiceEntry] = []
    made: list[ServiceEntry] = []
    dated: list[DatedEvent] = []
    for what in events:
        account = _caught_up(account, at, tariffs, fallen)
        number = 1 if account is None else account.events + 1
        account, charges = _happen(tenant, account, what, at, tariffs)
        made += _entries(account, charges, f"service/{tenant}/{number}", tariffs)
        dated.append(DatedEvent(tenant, number, at, what, source))
    account = _caught_up(account, at, tariffs, fallen)
    if account is None:
        raise EventRefused("not-active", f"{tenant} was never activated", "activate it first")
    return Taken(account, tuple(dated), tuple(fallen), tuple(made))


def run_due(account: Account, tariffs: Tariffs) -> tuple[Account, tuple[ServiceEntry, ...]]:
    """Charge the next due item of an account, a trial's end or an anchor.

    Raises: EventRefused: its tariff is gone, or has not what it is charged for any longer.
    """
    what = account.due
    assert what is not None, "something is due"
    terms = tariffs.terms(account.tariff, account.time_zone)
    check_options(account.service.options, terms.tariff)
    service, charges = run(account.service, what, terms)
    changed_at = max(account.changed_at, what.at)
    after = replace(account, service=service, changed_at=changed_at, due=due(service, terms))
    prefix = f"service/{account.tenant}/due/{what.kind}/{terms.day(what.at).isoformat()}"
    return after, _entries(after, charges, prefix, tariffs)


def check_usable(account: Account | None, at: datetime, tenant: str) -> Account:
    """The account that a use of the service is charged to. Args: at: of the use.

    Raises: EventRefused: it isn't active then.
    """
    if account is None or at < account.service.activated_at:
        raise EventRefused("not-active", f"{tenant} is not active", "activate it first")
    service = account.service
    if service.phase == PURGED or (service.disconnected_at is not None and at >= service.disconnected_at):
        raise EventRefused(
            "disconnected",
            "the service is disconnected: it can't be used",
            "restore it first (decision 11)",
        )
    return account


def _caught_up(
    account: Account | None, at: datetime, tariffs: Tariffs, fallen: list[ServiceEntry]
) -> Account | None:
    """An account after all charges that are due until a moment, that moment's own too."""
    while account is not None and account.due is not None and account.due.at <= at:
        if account.due.kind == PURGE:
            break
        account, entries = run_due(account, tariffs)
        fallen += entries
    return account


def _happen(
    tenant: str, account: Account | None, what: AccountEvent, at: datetime, tariffs: Tariffs
) -> tuple[Account, tuple[ServiceCharge, ...]]:
    if isinstance(what, Activated):
        return _activate(tenant, account, what, at, tariffs)
    if account is None:
        raise EventRefused("not-active", f"{tenant} was never activated", "activate it first")
    terms = tariffs.terms(account.tariff, account.time_zone)
    over = account.due is not None and account.due.kind == PURGE and account.due.at <= at
    charges: tuple[ServiceCharge, ...] = ()
    service, tariff, time_zone = account.service, account.tariff, account.time_zone
    if isinstance(what, Purged):
        if not over or account.due is None:
            raise EventRefused("not-due", f"{tenant}'s data is still kept", "it goes by itself (decision 11)")
        service, _ = run(service, account.due, terms)
    elif over:
        raise purged_refusal(terms.tariff)
    elif isinstance(what, TermsChanged):
        tariff, time_zone = what.tariff, what.time_zone
        terms = _changed(account, what, terms, tariffs)
    else:
        service, charges = take(service, what, at, terms)
    after = Account(
        tenant,
        tariff,
        time_zone,
        service,
        account.events + 1,
        max(account.changed_at, at),
        due(service, terms),
    )
    return after, charges


def _activate(
    tenant: str, account: Account | None, what: Activated, at: datetime, tariffs: Tariffs
) -> tuple[Account, tuple[ServiceCharge, ...]]:
    if account is not None and account.service.phase != PURGED:
        raise EventRefused("active", f"{tenant} is active already", "a service is activated once")
    terms = tariffs.terms(what.tariff, what.time_zone)
    service, charges = begin(at, what.employees, what.options, terms)
    number = 1 if account is None else account.events + 1
    return Account(tenant, what.tariff, what.time_zone, service, number, at, due(service, terms)), charges


def _changed(account: Account, what: TermsChanged, before: Terms, tariffs: Tariffs) -> Terms:
    """The terms from now on. Nothing is charged and nothing given back by the change itself."""
    check_up(account.service, before.tariff)
    if (what.tariff, what.time_zone) == (account.tariff, account.time_zone):
        raise EventRefused("terms-same", "tariff and time zone are these already", "change one of them")
    after = tariffs.terms(what.tariff, what.time_zone)
    check_options(account.service.options, after.tariff)
    if account.service.phase == ACTIVE and after.tariff.cycle != before.tariff.cycle:
        raise EventRefused(
            "another-cycle",
            f"tariff {what.tariff} charges in another rhythm than {account.tariff}, and a period is running",
            "give it the same billing:, or move the tenant while its trial lasts (docs/tariffs.md)",
        )
    return after


def _entries(
    account: Account, charges: Iterable[ServiceCharge], prefix: str, tariffs: Tariffs
) -> tuple[ServiceEntry, ...]:
    state = tariffs.state(account.tariff)
    return tuple(ServiceEntry(_key(prefix, charge), account.tenant, charge, state) for charge in charges)


def _key(prefix: str, charge: ServiceCharge) -> str:
    return f"{prefix}/{charge.kind}/{charge.item}" if charge.item else f"{prefix}/{charge.kind}"
