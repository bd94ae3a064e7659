"""What a tenant would be charged: a whole history computed at once, by the code that charges real tenants."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from orchestrator.billing.included import Allowances
from orchestrator.billing.rating import CompiledDeck
from orchestrator.billing.service import Terms, begin, charged_period, due, run, take
from orchestrator.billing.usage import UsageTerms, Use, charge_usage
from orchestrator.errors import EventRefused, NoRate, ScenarioRefused
from orchestrator.model.problem import Position
from orchestrator.model.scenario import Scenario, ScenarioEvent
from orchestrator.model.service import (
    DISCONNECTED,
    PURGED,
    AutoinformCalled,
    Called,
    Service,
    ServiceCharge,
    SmsSent,
)
from orchestrator.model.tariff import Tariff


def forecast(scenario: Scenario, tariff: Tariff, deck: CompiledDeck) -> tuple[ServiceCharge, ...]:
    """Every charge from the activation to the scenario's end, in the order in which they are made.

    A call is charged at its hangup: what lasts beyond the end is left out.

    Args: tariff: whose name the scenario's is. deck: of the tariff.
    Raises: ScenarioRefused: at the first event that can't happen.
    """
    terms = Terms(tariff, ZoneInfo(scenario.time_zone))
    try:
        service, made = begin(scenario.activated_at, scenario.employees, scenario.options, terms)
    except EventRefused as refused:
        raise _refused(refused, scenario.position) from refused
    history = _History(service, UsageTerms(terms, deck), list(made))
    for event in scenario.events:
        history.run_until(event.at, inclusive=True)
        try:
            history.take(event)
        except (EventRefused, NoRate) as refused:
            raise _refused(refused, event.position) from refused
    history.run_until(terms.midnight(scenario.until), inclusive=False)
    return tuple(history.charges)


def _refused(cause: EventRefused | NoRate, position: Position) -> ScenarioRefused:
    reason = cause.reason if isinstance(cause, EventRefused) else cause.code
    return ScenarioRefused(reason, cause.message, cause.hint, position)


@dataclass(slots=True)
class _History:
    """A service and its charges so far. Args: begun: uses by when they are charged, the first one first."""

    service: Service
    by: UsageTerms
    charges: list[ServiceCharge]
    begun: list[tuple[datetime, int, Use]] = field(default_factory=list)
    uses: int = 0
    allowances: Allowances = field(default_factory=lambda: Allowances(lambda _tenant, _whole: 0))

    def take(self, event: ScenarioEvent) -> None:
        """Raises: EventRefused, NoRate: nothing has changed."""
        what = event.what
        if not isinstance(what, SmsSent | AutoinformCalled | Called):
            self.service, made = take(self.service, what, event.at, self.by.terms)
            self.charges += made
            return
        if self.service.phase in (DISCONNECTED, PURGED):
            raise EventRefused(
                "disconnected",
                "the service is disconnected: it can't be used",
                "restore it first (decision 11)",
            )
        if isinstance(what, Called) and what.direction == "out":
            self.by.deck.rate_of(what.to_number, self.by.terms.day(event.at))
        use = Use(what, event.at, charged_period(self.service, self.by.terms))
        heappush(self.begun, (use.ended_at, self.uses, use))
        self.uses += 1

    def run_until(self, until: datetime, *, inclusive: bool) -> None:
        """Let all happen that comes by itself; what falls due at a moment comes before a hangup then."""
        while True:
            what = due(self.service, self.by.terms)
            ends_at = self.begun[0][0] if self.begun else None
            at = min((each for each in (ends_at, None if what is None else what.at) if each), default=None)
            if at is None or at > until or (at == until and not inclusive):
                return
            if what is not None and what.at == at:
                self.service, made = run(self.service, what, self.by.terms)
                self.charges += made
            else:
                charge = charge_usage(heappop(self.begun)[2], self.by, self.allowances)
                self.charges += [] if charge is None else [charge]
