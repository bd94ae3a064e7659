"""A random history played on a real store, charged by the code that charges: services, uses, calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

from service_histories import History, event_of

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.errors import EventRefused
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.call import ChargeKey, Leg, Systemname, Usage
from orchestrator.model.platform import Definitions
from orchestrator.model.service import AutoinformCalled, Called, SmsSent
from orchestrator.model.tariff import Tariff
from orchestrator.pricing import Pricing
from orchestrator.storage.store import SqlStore

TENANT = "acme"


@dataclass
class Player:
    """Args: tariff: in force all the time, as `master`."""

    store: SqlStore
    history: History
    tariff: Tariff

    def play(self, charged_until: datetime) -> None:
        """What the service refuses doesn't happen."""
        history = self.history
        activated = Activated("master", history.zone, history.employees, dict(history.options))
        self._happen(activated, history.moment(history.activated_at))
        for number, (at, what, value) in enumerate(history.events):
            event = event_of(what, value)
            if isinstance(event, Called):
                self._call(event, history.moment(at), number)
            elif isinstance(event, SmsSent | AutoinformCalled):
                self._use(event, history.moment(at), number)
            else:
                self._happen(event, history.moment(at))
        charge_due(self.store, self._tariffs, charged_until, posted_at=charged_until)

    @property
    def _tariffs(self) -> Tariffs:
        return Tariffs({"master": self.tariff})

    def _happen(self, event: AccountEvent, at: datetime) -> None:
        try:
            with self.store.billing() as unit:
                take_events(unit, TENANT, [event], at, self._tariffs, "test", posted_at=at)
        except EventRefused:
            return

    def _use(self, event: SmsSent | AutoinformCalled, at: datetime, number: int) -> None:
        try:
            with self.store.billing() as unit:
                charge_usage(unit, TENANT, event, at, f"use-{number}", self._tariffs, posted_at=at)
        except EventRefused:
            return

    def _call(self, event: Called, at: datetime, number: int) -> None:
        key = ChargeKey(Systemname("s1"), f"s1-{number}.1", "call")
        ended_at = at + timedelta(seconds=event.duration_s)
        usage = Usage(key, TENANT, f"s1-{number}.0", "out", "+74951110000", event.to_number, at, ended_at)
        known = {TENANT: SimpleNamespace(tariff="master", time_zone=self.history.zone)}
        definitions = SimpleNamespace(tariffs={"master": self.tariff}, tenants=known)
        pricing = Pricing(cast(Definitions, definitions))
        with self.store.reconciling() as unit:
            unit.keep_legs([_leg(usage)])
            unit.post([pricing.charge(usage, pricing.taking(unit))], "listener", ended_at)


def _leg(usage: Usage) -> Leg:
    return Leg(
        systemname=usage.key.systemname,
        uniqueid=usage.key.uniqueid,
        linkedid=usage.linkedid,
        tenant=usage.tenant,
        direction="out",
        from_number=usage.from_number,
        to_number=usage.to_number,
        employee="101",
        trunk="carrier",
        decision="admitted",
        started_at=usage.answered_at,
        answered_at=usage.answered_at,
        ended_at=usage.ended_at,
    )
