"""What a tenant would be charged: a whole history computed at once, by the code that charges real tenants."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.billing.rating import CompiledDeck
from orchestrator.billing.service import Terms, begin, due, run, take
from orchestrator.billing.usage import UsageTerms, charge_usage
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

    Args: tariff: whose name the scenario's is. deck: of the tariff.
    Raises: ScenarioRefused: at the first event that can't happen.
    """
    terms = Terms(tariff, ZoneInfo(scenario.time_zone))
    usage = UsageTerms(terms, deck)
    try:
        service, made = begin(scenario.activated_at, scenario.employees, scenario.options, terms)
    except EventRefused as refused:
        raise _refused(refused, scenario.position) from refused
    charges = list(made)
    for event in scenario.events:
        service = _run_until(service, event.at, terms, charges, inclusive=True)
        try:
            service = _take(service, event, usage, charges)
        except (EventRefused, NoRate) as refused:
            raise _refused(refused, event.position) from refused
    _run_until(service, terms.midnight(scenario.until), terms, charges, inclusive=False)
    return tuple(charges)


def _refused(cause: EventRefused | NoRate, position: Position) -> ScenarioRefused:
    reason = cause.reason if isinstance(cause, EventRefused) else cause.code
    return ScenarioRefused(reason, cause.message, cause.hint, position)


def _take(service: Service, event: ScenarioEvent, usage: UsageTerms, charges: list[ServiceCharge]) -> Service:
    what = event.what
    if isinstance(what, SmsSent | AutoinformCalled | Called):
        if service.phase in (DISCONNECTED, PURGED):
            raise EventRefused(
                "disconnected",
                "the service is disconnected: it can't be used",
                "restore it first (decision 11)",
            )
        charge = charge_usage(what, event.at, usage)
        charges += [] if charge is None else [charge]
        return service
    service, made = take(service, what, event.at, usage.terms)
    charges += made
    return service


def _run_until(
    service: Service, until: datetime, terms: Terms, charges: list[ServiceCharge], *, inclusive: bool
) -> Service:
    what = due(service, terms)
    while what is not None and (what.at < until or (inclusive and what.at == until)):
        service, made = run(service, what, terms)
        charges += made
        what = due(service, terms)
    return service
