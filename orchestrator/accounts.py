"""Tenants' services in the database: events taken, what is due charged, usage charged.

    apply, rollback, confirm  -> take_events   \\
    billing run, the daemon   -> charge_due     }  one transaction -> state, events, entries of the ledger
    SMS, auto-informing       -> charge_usage  /

Whoever comes first charges what is due; the keys of the entries keep it at once.
Rule: docs/decisions.md, decision 14.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.billing import usage
from orchestrator.billing.history import Taken, Tariffs, check_usable, happen, preview, run_due
from orchestrator.billing.included import Allowances
from orchestrator.billing.rating import CompiledDeck
from orchestrator.billing.service import ANCHOR, TRIAL_END
from orchestrator.billing.timeline import ChargedPeriods
from orchestrator.billing.usage import UsageTerms, Use
from orchestrator.errors import DatabaseUnavailable, OrchestratorError
from orchestrator.model.account import Account, AccountEvent, ServiceEntry
from orchestrator.model.service import AutoinformCalled, ServiceCharge, SmsSent
from orchestrator.ports import BillingStore, BillingUnit, DuePlace

__all__ = [
    "Charged",
    "Ran",
    "Stopped",
    "Taken",
    "Tariffs",
    "charge_due",
    "charge_usage",
    "preview",
    "take_events",
]

BILLING = "billing"
"""The path of entries that fell due."""

_MOST_AT_ONCE = 500
_NO_DECK = CompiledDeck("", "", {}, ())


def take_events(
    unit: BillingUnit,
    tenant: str,
    events: Sequence[AccountEvent],
    at: datetime,
    tariffs: Tariffs,
    source: str,
    *,
    posted_at: datetime | None = None,
) -> Taken:
    """Let events happen to a tenant at one moment, charged in the unit's transaction.

    What is due until then is charged first.

    Args: source: what brings them, `apply`, `rollback`, ...: also the path of what is charged.
    posted_at: time of posting; `at` by default.
    Raises: EventRefused: one of them can't happen; let it end the transaction. DuplicateKey.
    """
    taken = happen(tenant, unit.account(tenant), events, at, tariffs, source)
    unit.append_events(taken.events)
    unit.post(taken.due, BILLING, posted_at or at)
    unit.post(taken.made, source, posted_at or at)
    unit.keep([taken.account])
    return taken


def charge_usage(
    unit: BillingUnit,
    tenant: str,
    event: SmsSent | AutoinformCalled,
    at: datetime,
    key: str,
    tariffs: Tariffs,
    *,
    source: str = "usage",
    posted_at: datetime | None = None,
) -> ServiceCharge | None:
    """Charge an SMS or an auto-informing call; None when it costs nothing.

    Args: at: of sending, or of the answer. key: names this use among the tenant's, without personal data.
    Raises: EventRefused: the service isn't active. DuplicateKey: the key stands for another use.
    """
    account = check_usable(unit.account(tenant), at, tenant)
    terms = tariffs.terms(account.tariff, account.time_zone)
    name = f"usage/{tenant}/{key}"
    use = Use(event, at, tenant=tenant)
    allowances = Allowances(unit.used)
    if terms.tariff.has_allowances:
        use = replace(use, span=ChargedPeriods(tariffs, unit.service_events).at(tenant, at))
        stands, taken = unit.taken_by(name)
        if stands:
            # Seen before: what it took then is what it takes, however much is left by now.
            allowances = Allowances(lambda _tenant, whole: whole.quantity - (taken.quantity if taken else 0))
    charge = usage.charge_usage(use, UsageTerms(terms, _NO_DECK), allowances)
    if charge is None:
        return None
    entry = ServiceEntry(name, tenant, charge, tariffs.state(account.tariff))
    unit.post([entry], source, posted_at or charge.at)
    return charge


@dataclass(frozen=True, slots=True)
class Charged:
    """What a run charged a tenant."""

    entries: int = 0
    amount_kop: int = 0


@dataclass(frozen=True, slots=True)
class Stopped:
    """A tenant that could not be charged. Args: at: of what is due. message, hint: why, and what to do."""

    tenant: str
    at: datetime
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did. Args: items: due items that ran. charged: by tenant, those that were charged."""

    items: int = 0
    charged: Mapping[str, Charged] = field(default_factory=dict)
    stopped: tuple[Stopped, ...] = ()


def charge_due(
    store: BillingStore,
    tariffs: Tariffs,
    upto: datetime,
    *,
    posted_at: datetime | None = None,
    most_at_once: int = _MOST_AT_ONCE,
) -> Ran:
    """Charge all that is due until a moment, that moment's own too, in the order of time.

    Each transaction takes so many tenants. A tenant that can't be charged stays where it is and stops no
    other. Two runs at once charge everything once.

    Args: posted_at: time of posting; `upto` by default.
    Raises: DatabaseUnavailable.
    """
    run = _Run(store, tariffs, upto, posted_at or upto)
    place: DuePlace | None = None
    while True:
        found = run.batch(place, most_at_once)
        if found is None:
            return run.ran
        place = found


class _Run:
    """One run through what is due."""

    def __init__(self, store: BillingStore, tariffs: Tariffs, upto: datetime, posted_at: datetime) -> None:
        self._store = store
        self._tariffs = tariffs
        self._upto = upto
        self._posted_at = posted_at
        self._items = 0
        self._charged: dict[str, Charged] = {}
        self._stopped: dict[str, Stopped] = {}

    @property
    def ran(self) -> Ran:
        return Ran(self._items, self._charged, tuple(self._stopped.values()))

    def batch(self, after: DuePlace | None, most: int) -> DuePlace | None:
        """Charge the next tenants' items up to the last one's. Returns: that place; None at the end."""
        try:
            return self._together(after, most)
        except DatabaseUnavailable:
            raise
        except OrchestratorError:
            # One of them is refused by the ledger: each for itself, so that it stops no other.
            return self._one_by_one(after, most)

    def _together(self, after: DuePlace | None, most: int) -> DuePlace | None:
        with self._store.billing() as unit:
            found = self._due(unit, after, most)
            if not found:
                return None
            last = _place(found[-1])
            done = self._charge(unit, found, last)
        self._note(done)
        return last

    def _one_by_one(self, after: DuePlace | None, most: int) -> DuePlace | None:
        with self._store.billing() as unit:
            found = self._due(unit, after, most)
        for each in found:
            try:
                with self._store.billing() as unit:
                    now = unit.account(each.tenant)
                    done = self._charge(unit, [] if now is None else [now], _place(found[-1]))
                self._note(done)
            except DatabaseUnavailable:
                raise
            except OrchestratorError as error:
                self._stop(each, error.message, error.hint)
        return _place(found[-1]) if found else None

    def _due(self, unit: BillingUnit, after: DuePlace | None, most: int) -> list[Account]:
        return unit.due((TRIAL_END, ANCHOR), self._upto, most, after)

    def _charge(
        self, unit: BillingUnit, accounts: Iterable[Account], last: DuePlace
    ) -> tuple[int, list[ServiceEntry]]:
        """Run the items of some tenants in the order of time, until a place in it."""
        waiting = [(_sort_key(_place(each)), each) for each in accounts if _runs(each)]
        heapq.heapify(waiting)
        end, items = _sort_key(last), 0
        kept: dict[str, Account] = {}
        entries: list[ServiceEntry] = []
        while waiting and waiting[0][0] <= end:
            _, account = heapq.heappop(waiting)
            try:
                account, made = run_due(account, self._tariffs)
            except OrchestratorError as error:
                self._stop(account, error.message, error.hint)
                continue
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one tenant stops that one only
                self._stop(account, f"{type(error).__name__}: {error}", "report this")
                continue
            items += 1
            kept[account.tenant] = account
            entries += made
            if _runs(account):
                heapq.heappush(waiting, (_sort_key(_place(account)), account))
        unit.post(entries, BILLING, self._posted_at)
        unit.keep(list(kept.values()))
        return items, entries

    def _stop(self, account: Account, message: str, hint: str) -> None:
        self._stopped[account.tenant] = Stopped(account.tenant, _place(account).at, message, hint)

    def _note(self, done: tuple[int, list[ServiceEntry]]) -> None:
        items, entries = done
        self._items += items
        for entry in entries:
            before = self._charged.get(entry.tenant, Charged())
            amount_kop = before.amount_kop + entry.charge.amount_kop
            self._charged[entry.tenant] = Charged(before.entries + 1, amount_kop)


def _runs(account: Account) -> bool:
    """Whether a charge is what comes next."""
    return account.due is not None and account.due.kind in (TRIAL_END, ANCHOR)


def _place(account: Account) -> DuePlace:
    assert account.due is not None, "something is due"
    return DuePlace(account.due.at, account.tenant)


def _sort_key(place: DuePlace) -> tuple[datetime, str]:
    return place.at, place.tenant
