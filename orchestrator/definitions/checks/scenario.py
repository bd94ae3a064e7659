"""Checks within a scenario file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from orchestrator.definitions.document import Document
from orchestrator.definitions.scalars import NO_TIME
from orchestrator.definitions.scenario_file import ScenarioFile, WrittenEvent
from orchestrator.model.problem import Problem
from orchestrator.model.service import OptionConnected

_MOST_YEARS = 100
_KINDS = "connect, disconnect, employees, service, sms, autoinform, call"


def check_scenario(file: Document[ScenarioFile]) -> Iterator[Problem]:
    """Problems of the order of its times, and of events that say nothing or too much."""
    scenario = file.value
    yield from _check_until(file)
    for index, event in enumerate(scenario.events):
        yield from _check_event(file, index, event)
    for index, event in enumerate(scenario.events):
        if NO_TIME < event.at < scenario.activated_at:
            message = f"{event.at} is before the activation at {scenario.activated_at}"
            yield file.problem(
                ("events", index, "at"), "before-activation", message, "nothing can happen yet"
            )
        elif event.at.date() >= scenario.until > date.min:
            message = f"{event.at} is not before {scenario.until}, where the scenario ends"
            yield file.problem(("events", index, "at"), "after-until", message, "write a later `until`")
    for index, (before, event) in enumerate(pairwise(scenario.events), start=1):
        if NO_TIME < event.at < before.at:
            message = f"{event.at} stands behind {before.at}"
            yield file.problem(
                ("events", index, "at"), "event-order", message, "put events in the order of time"
            )


def _check_until(file: Document[ScenarioFile]) -> Iterator[Problem]:
    begins_on, until = file.value.activated_at.date(), file.value.until
    if date.min in (begins_on, until):
        return
    if until < begins_on:
        message = f"the scenario ends on {until}, before it begins on {begins_on}"
        yield file.problem(("until",), "until", message, "write a later date")
    elif until.year - begins_on.year > _MOST_YEARS:
        message = f"the scenario is longer than {_MOST_YEARS} years"
        yield file.problem(("until",), "until", message, "write an earlier date")


def _check_event(file: Document[ScenarioFile], index: int, event: WrittenEvent) -> Iterator[Problem]:
    where = ("events", index)
    if len(event.whats) != 1:
        message = f"{len(event.whats) or 'nothing'} that happens, where one thing belongs"
        yield file.problem(where, "event-kind", message, f"one of: {_KINDS}")
    elif event.has_quantity and not isinstance(event.whats[0], OptionConnected):
        message = "`quantity` says how much of an option is connected"
        yield file.problem((*where, "quantity"), "event-kind", message, "delete it")
