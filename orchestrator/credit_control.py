"""Credit control of one switch: what each call outside may last, answered in the call path and kept true.

    the dialplan asks for a call -> what a slice costs is reserved -> seconds, or none
    the call lasts               -> before they are over, another slice is reserved
    the call ends                -> what it costs stays reserved until it stands in the ledger

What is free is what the books say at that moment, less all reservations. They live here and, call by call, on
the switch's own channels, from which they are made anew after any crash.
Rule: docs/decisions.md, decision 13.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from orchestrator.billing.credit import Purse, Reservation, held_kop
from orchestrator.errors import NoRate, NotFound, OrchestratorError
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.credit import CreditStanding, CreditTerms, Held, Prolonged
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.ports import Clock, CreditStore, CreditView
from orchestrator.pricing import Pricing

LEAD = timedelta(seconds=5)
"""How long before the warning a slice is prolonged, so that nobody is warned whose call goes on."""

LONGEST_RINGING = timedelta(seconds=130)
"""From the question to the answer: `VPBX_DIAL_TIMEOUT_S` of the dialplan, and a little."""

_UNKNOWN_FOR = timedelta(seconds=30)
"""A reservation that neither a channel nor the switch's record shows for so long is of no call."""

_log = structlog.get_logger("vpbx.credit")


class NotReady(OrchestratorError):
    """It isn't known yet what the calls that are up hold."""

    code = "credit-not-ready"


@dataclass(frozen=True, slots=True)
class CreditStatus:
    """Args: asked, refused, prolonged: calls. error: of the last attempt that failed, until one succeeds."""

    asked: int = 0
    refused: int = 0
    prolonged: int = 0
    error: str = ""


class CreditControl:
    """Any thread may call it; one question is answered after the other.

    Args: source: the definitions in force. open_store: called with the first `refresh`, in its thread.
    """

    def __init__(
        self,
        systemname: Systemname,
        open_store: Callable[[], CreditStore],
        source: Callable[[], Definitions],
        clock: Clock,
    ) -> None:
        self._systemname = systemname
        self._open_store = open_store
        self._opened: CreditStore | None = None
        self._source = source
        self._definitions = source()
        self._pricing = Pricing(self._definitions)
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, Reservation] = {}
        self._events: deque[SwitchEvent] = deque()
        self._unsure: set[str] = set()
        self._ready = False
        self.status = CreditStatus()

    def ask(self, tenant: str, uniqueid: str, to_number: str) -> int:
        """Admit a call.

        Args: uniqueid: of its trunk-side channel; empty: there is no call, and nothing is reserved.
        to_number: E.164.

        Returns: seconds that it may talk; 0: it is refused.
        Raises: NotReady, DatabaseUnavailable: the dialplan goes by `when_controller_down`.
        """
        now = self._clock.now()
        with self._lock:
            if not self._ready:
                raise NotReady("calls that are up are still being looked at")
            self._take_events()
            with self._told():
                granted_s = self._admitted(tenant, uniqueid, to_number, now)
        if uniqueid:
            refused = self.status.refused + (granted_s == 0)
            self.status = replace(self.status, asked=self.status.asked + 1, refused=refused, error="")
        return granted_s

    def refresh(self) -> None:
        """Go by the definitions that are in force now; reading them anew would take long while a call waits.

        Raises: DatabaseUnavailable.
        """
        definitions = self._source()
        with self._lock:
            if definitions is not self._definitions:
                self._definitions, self._pricing = definitions, Pricing(definitions)
        if self._opened is None:
            with self._told():
                self._opened = self._open_store()

    def close(self) -> None:
        """Leave the books; nobody is answered any more."""
        with self._lock:
            self._ready = False
            if self._opened is not None:
                self._opened.close()

    def note(self, event: SwitchEvent) -> None:
        """An event of the switch. Returns at once."""
        if event.kind in ("ANSWER", "HANGUP") and event.uniqueid in self._calls:
            self._events.append(event)

    def events_missed(self) -> None:
        """Events may be lost: what happened to the calls that are up is looked up in the books. At once."""
        self._unsure.update(list(self._calls))

    def due(self) -> list[Prolonged]:
        """Prolong the calls whose seconds run out, as far as money is left; forget those that are charged.

        Raises: DatabaseUnavailable.
        """
        now = self._clock.now()
        with self._lock:
            self._take_events()
            ended = self._over()
            soon = [call for call in self._calls.values() if self._runs_out(call, now)]
            if not ended and not soon:
                return []
            with self._told(), self._store.credit() as view:
                self._settle(view, ended)
                longer = [self._prolong(view, call, now) for call in soon]
        done = [each for each in longer if each is not None]
        self.status = replace(self.status, prolonged=self.status.prolonged + len(done), error="")
        return done

    def held_by(self, tenant: str) -> CreditStanding:
        """How a tenant stands now. Raises: NotFound, NotReady, DatabaseUnavailable."""
        now = self._clock.now()
        with self._lock, self._store.credit() as view:
            self._take_events()
            self._settle(view, self._over())
            owner = self._definitions.tenants.get(tenant)
            if owner is None:
                raise NotFound(f"no tenant {tenant} in the definitions")
            calls = self._of(tenant)
            purse = self._purse(view, owner, now)
            return CreditStanding(purse.spendable_kop, held_kop(calls, purse.left), len(calls))

    def unknown(self, uniqueids: Iterable[str]) -> list[str]:
        """Those of some channels that nothing is reserved for, or whose answer may have been missed."""
        with self._lock:
            found = {each: self._calls.get(each) for each in uniqueids}
            return [each for each, call in found.items() if call is None or self._may_talk(call)]

    def rebuild(self, held: Sequence[Held], live: Collection[str], taken_at: datetime) -> None:
        """Take over what a snapshot of the switch shows.

        Args: held: channels that were `unknown`. live: uniqueids of all. taken_at: before it was asked for.
        """
        with self._lock:
            self._take_events()
            with self._store.credit() as view:
                for each in held:
                    self._adopt(view, each, taken_at)
                gone = [
                    key
                    for key, call in self._calls.items()
                    if not call.is_over and key not in live and call.asked_at < taken_at
                ]
                for key in gone:
                    self._calls[key] = replace(self._calls[key], gone=True)
                self._settle(view, self._over())
                self._drop_unknown(view, taken_at)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What fails stands in the status until something succeeds."""
        try:
            yield
        except OrchestratorError as error:
            self.status = replace(self.status, error=error.message)
            raise

    def ready(self) -> None:
        """From here on it answers: what is up was looked at, and what has ended is charged."""
        with self._lock:
            if not self._ready:
                _log.info("credit-control-ready", calls=len(self._calls))
            self._ready = True

    @property
    def _store(self) -> CreditStore:
        if self._opened is None:
            raise NotReady("the books aren't open yet")
        return self._opened

    @property
    def is_ready(self) -> bool:
        return self._ready

    def _admitted(self, tenant: str, uniqueid: str, to_number: str, now: datetime) -> int:
        owner = self._definitions.tenants.get(tenant)
        if owner is None:
            return 0
        with self._store.credit() as view:
            try:
                price = self._pricing.ahead(view, owner, to_number, (now, now + LONGEST_RINGING))
            except NoRate as error:
                _log.warning("call-without-rate", tenant=tenant, problem=error.message)
                return 0
            call = Reservation(tenant, uniqueid, price, 0, now)
            granted_s = self._granted_s(view, owner, call, now)
            if granted_s < owner.account.slice_s and (ended := self._over()):
                # What has ended holds no less than it costs: it is looked up only where that is too much.
                self._settle(view, ended)
                granted_s = self._granted_s(view, owner, call, now)
        if granted_s and uniqueid:
            self._calls[uniqueid] = replace(call, granted_s=granted_s)
        return granted_s

    def _granted_s(self, view: CreditView, owner: Tenant, call: Reservation, now: datetime) -> int:
        purse = self._purse(view, owner, now)
        others = [each for each in self._of(call.tenant) if each.uniqueid != call.uniqueid]
        longest_s = self._definitions.platform.limits.longest_call_s
        return purse.granted_s(call, others, owner.account.slice_s, longest_s)

    def _prolong(self, view: CreditView, call: Reservation, now: datetime) -> Prolonged | None:
        owner = self._definitions.tenants.get(call.tenant)
        if owner is None or call.answered_at is None:
            return None
        granted_s = self._granted_s(view, owner, call, now)
        if granted_s == call.granted_s:
            return None
        self._calls[call.uniqueid] = replace(call, granted_s=granted_s)
        return Prolonged(call.uniqueid, granted_s, call.answered_at + timedelta(seconds=granted_s))

    def _runs_out(self, call: Reservation, now: datetime) -> bool:
        """Whether it is time for another slice."""
        ends_at = call.runs_out_at
        tenant = self._definitions.tenants.get(call.tenant)
        if ends_at is None or tenant is None:
            return False
        return ends_at - now <= timedelta(seconds=tenant.account.warning_s) + LEAD

    def _purse(self, view: CreditView, tenant: Tenant, now: datetime) -> Purse:
        return Purse(
            spendable_kop(view, tenant.name, tenant.account, now.astimezone(ZoneInfo(tenant.time_zone))),
            lambda whole: max(0, whole.quantity - view.used(tenant.name, whole)),
        )

    def _over(self) -> list[str]:
        return [uniqueid for uniqueid, call in self._calls.items() if call.is_over]

    def _of(self, tenant: str) -> list[Reservation]:
        return [call for call in self._calls.values() if call.tenant == tenant]

    def _may_talk(self, call: Reservation) -> bool:
        """Whether a call that nobody saw answered may have been answered nevertheless."""
        return call.uniqueid in self._unsure and call.answered_at is None and not call.is_over

    def _take_events(self) -> None:
        while self._events:
            event = self._events.popleft()
            call = self._calls.get(event.uniqueid)
            if call is None or call.is_over:
                continue
            if event.kind == "ANSWER":
                self._calls[event.uniqueid] = replace(call, answered_at=call.answered_at or event.at)
            elif call.answered_at is not None:
                self._calls[event.uniqueid] = replace(call, ended_at=event.at)
            elif event.uniqueid in self._unsure:
                self._calls[event.uniqueid] = replace(call, gone=True)
            else:
                self._forget(event.uniqueid)

    def _settle(self, view: CreditView, uniqueids: Collection[str]) -> None:
        """Forget those of some ended calls that the books have."""
        for uniqueid in view.settled(self._systemname, list(uniqueids)) if uniqueids else ():
            self._forget(uniqueid)

    def _drop_unknown(self, view: CreditView, now: datetime) -> None:
        """Forget what was reserved for a channel that never came to be."""
        old = [
            key
            for key, call in self._calls.items()
            if call.gone and call.answered_at is None and now - call.asked_at > _UNKNOWN_FOR
        ]
        for key in old:
            if not view.known(self._systemname, key):
                _log.warning("reservation-of-no-call", tenant=self._calls[key].tenant, uniqueid=key)
                self._forget(key)

    def _forget(self, uniqueid: str) -> None:
        """Drop a reservation, and that its call was unsure."""
        self._calls.pop(uniqueid, None)
        self._unsure.discard(uniqueid)

    def _adopt(self, view: CreditView, held: Held, at: datetime) -> None:
        answered_at = None
        if held.left_s is not None:
            answered_at = at + timedelta(seconds=held.left_s - held.granted_s)
        known = self._calls.get(held.uniqueid)
        if known is not None:
            if self._may_talk(known):
                known = replace(known, granted_s=held.granted_s, answered_at=answered_at)
                self._calls[held.uniqueid] = known
            return
        tenant = self._definitions.tenants.get(held.tenant)
        if tenant is None or not tenant.account.controlled:
            return
        try:
            price = self._pricing.ahead(view, tenant, held.to_number, (answered_at or at,))
        except NoRate as error:
            _log.warning("call-without-rate", tenant=held.tenant, problem=error.message)
            return
        call = Reservation(held.tenant, held.uniqueid, price, held.granted_s, at, answered_at)
        self._calls[held.uniqueid] = call
        self._unsure.add(held.uniqueid)


def spendable_kop(view: CreditView, tenant: str, terms: CreditTerms, now: datetime) -> int | None:
    """What a tenant's calls may hold together; None: any sum.

    Args: now: in the tenant's local time, which hours and days are of.
    """
    bounds = []
    if terms.prepaid:
        bounds.append(view.balance_kop(tenant) + terms.credit_limit_kop)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for cap_kop, since in ((terms.hour_cap_kop, hour), (terms.day_cap_kop, hour.replace(hour=0))):
        if cap_kop is not None:
            bounds.append(cap_kop - view.spent_kop(tenant, since))
    return min(bounds, default=None)
