"""Which charged period a moment fell in, out of what has happened to a tenant.

A call may be charged long after its answer, when its tenant stands in another period, or has been
disconnected and restored since: what is included in a subscription is that of the answer all the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from orchestrator.billing.history import Tariffs
from orchestrator.billing.periods import Period
from orchestrator.billing.service import PURGE, Terms, begin, charged_period, due, run, take
from orchestrator.errors import EventRefused
from orchestrator.model.account import Activated, DatedEvent, Purged, TermsChanged
from orchestrator.model.service import Service, ServiceDisconnected, ServiceRestored

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

Spans = list[tuple[datetime, Period | None]]


class ChargedPeriods:
    """Charged periods of tenants. Each tenant's events are read once, so keep it for one transaction.

    Args: events: of a tenant, the oldest first.
    """

    def __init__(self, tariffs: Tariffs, events: Callable[[str], Sequence[DatedEvent]]) -> None:
        self._tariffs = tariffs
        self._events = events
        self._read: dict[str, Sequence[DatedEvent]] = {}
        self._known: dict[str, tuple[datetime, Spans]] = {}

    def at(self, tenant: str, moment: datetime) -> Period | None:
        """The charged period; None in the trial, and for a tenant that wasn't active."""
        known_until, spans = self._known.get(tenant, (_BEFORE_ALL, []))
        if moment >= known_until:
            known_until, spans = _walk(self._history(tenant), moment, self._tariffs)
            self._known[tenant] = known_until, spans
        before = bisect_right(spans, moment, key=lambda span: span[0])
        return spans[before - 1][1] if before else None

    def until(self, tenant: str, moment: datetime) -> Spans:
        """Every charged period that begins until a moment, and from when on the tenant stood in it."""
        return _walk(self._history(tenant), moment, self._tariffs)[1]

    def _history(self, tenant: str) -> Sequence[DatedEvent]:
        if tenant not in self._read:
            self._read[tenant] = self._events(tenant)
        return self._read[tenant]


def _walk(events: Sequence[DatedEvent], moment: datetime, tariffs: Tariffs) -> tuple[datetime, Spans]:
    """Every change of the charged period until a moment. Returns: up to when the last one lasts, and them."""
    spans: Spans = []
    service: Service | None = None
    terms: Terms | None = None
    until = datetime.max.replace(tzinfo=UTC)
    for event in events:
        if event.at > moment:
            until = event.at
            break
        service = _run_until(service, event.at, terms, spans)
        match event.what:
            case Activated(tariff=tariff, time_zone=zone):
                terms = _terms(tariff, zone, tariffs)
                service = None if terms is None else begin(event.at, 0, {}, terms)[0]
            case TermsChanged(tariff=tariff, time_zone=zone):
                terms = _terms(tariff, zone, tariffs)
            case Purged():
                service = None
            case ServiceDisconnected() | ServiceRestored():
                if service is not None and terms is not None:
                    service = take(service, event.what, event.at, terms)[0]
        _note(service, event.at, terms, spans)
    service = _run_until(service, moment, terms, spans)
    comes = None if service is None or terms is None else due(service, terms)
    return until if comes is None else min(until, comes.at), spans


def _run_until(service: Service | None, until: datetime, terms: Terms | None, spans: Spans) -> Service | None:
    while service is not None and terms is not None:
        what = due(service, terms)
        if what is None or what.at > until or what.kind == PURGE:
            break
        service = run(service, what, terms)[0]
        _note(service, what.at, terms, spans)
    return service


def _note(service: Service | None, at: datetime, terms: Terms | None, spans: Spans) -> None:
    span = None if service is None or terms is None else charged_period(service, terms)
    if not spans or spans[-1][1] != span:
        spans.append((at, span))


def _terms(tariff: str, zone: str, tariffs: Tariffs) -> Terms | None:
    """None for a tariff that is gone: nothing of it can be computed, and nothing is included."""
    try:
        return tariffs.terms(tariff, zone)
    except EventRefused:
        return None
