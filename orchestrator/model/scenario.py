"""A tenant's history as an operator imagines it: what a forecast is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from orchestrator.model.problem import Position
from orchestrator.model.service import ServiceEvent, UsageEvent


@dataclass(frozen=True, slots=True)
class ScenarioEvent:
    """Args: at: aware UTC. position: of the event in its file."""

    at: datetime
    what: ServiceEvent | UsageEvent
    position: Position = field(default=Position(""), compare=False)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A tenant and what happens to it.

    Args: options: quantity by slug. time_zone: IANA name. activated_at: aware UTC. events: in the order of
    time, those of one moment in the order of the file. until: local date, exclusive.
    """

    tariff: str
    employees: int
    options: Mapping[str, int]
    time_zone: str
    activated_at: datetime
    events: tuple[ScenarioEvent, ...]
    until: date
    position: Position = field(default=Position(""), compare=False)
