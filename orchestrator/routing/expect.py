"""Expectations tried on the routing graph: the very walk that `vpbx route` shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.model.expectation import Expectation
from orchestrator.model.moment import moment
from orchestrator.model.number import to_e164
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.routing.compile import BUSY, NO_ANSWER, UNAVAILABLE, compile_tenant
from orchestrator.routing.graph import Graph
from orchestrator.routing.walk import Passed, Situation, find_entry, find_mobile, last_of, reached, walk

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an expectation.

    Args: reached: as `reaches` is written, or `nothing`. steps: that the call passes. fault: why it can't be
    tried; empty: it was.
    """

    tenant: str
    expectation: Expectation
    reached: str
    steps: tuple[Passed, ...]
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether the call reaches what it must."""
        wanted = self.expectation.reaches
        return not self.fault and (self.reached == wanted or self.reached.partition(" ")[0] == wanted)

    @property
    def told(self) -> str:
        """What is wrong, in a line; empty when nothing is."""
        if self.passed:
            return ""
        if self.fault:
            return self.fault
        way = " -> ".join(passed.step.id for passed in self.steps)
        return f"expected {self.expectation.reaches}, reaches {self.reached}" + (f" ({way})" if way else "")


def verdicts(definitions: Definitions, tenant: Tenant, now: datetime) -> Iterator[Verdict]:
    """Every expectation of a tenant, tried. Args: now: aware; from it the next Saturday is counted."""
    if tenant.expects:
        graph = compile_tenant(definitions, tenant)
        for expectation in tenant.expects:
            yield _verdict(definitions, tenant, graph, expectation, now)


def outside_caller(tenant: Tenant, caller: str, region: str) -> str | None:
    """Who calls from outside, E.164; empty: withheld; None: an employee calls."""
    return None if caller in tenant.employees_by_extension() else to_e164(caller, region) or ""


def _verdict(
    definitions: Definitions, tenant: Tenant, graph: Graph, expectation: Expectation, now: datetime
) -> Verdict:
    region = definitions.platform.region
    inside = expectation.caller in tenant.employees_by_extension()
    entry = find_entry(graph, "phone" if inside else "trunk", expectation.call, region)
    number = to_e164(expectation.caller, region) or ""
    mobile = None if inside else find_mobile(graph, number, expectation.call, region)
    if mobile is not None:
        entry = mobile[:2]
    if entry is None:
        return Verdict(tenant.name, expectation, NOTHING, ())
    zone = ZoneInfo(tenant.time_zone)
    at = moment(expectation.at, now, zone) if expectation.at else now.astimezone(zone)
    assert at is not None, expectation.at
    situation = Situation(
        at=at,
        lines_in_use=expectation.lines_in_use,
        told=_told(tenant, expectation, region),
        dialled=entry[1],
        switches=frozenset(expectation.on),
        caller=expectation.caller if inside else "",
        extension="" if mobile is None else mobile[2],
        pressed=tuple(expectation.press),
        outside=None if mobile is not None else outside_caller(tenant, expectation.caller, region),
    )
    steps = walk(graph, entry[0], situation)
    kind, name = reached(steps[last_of(steps)])
    asked = next((passed.opening for passed in steps if passed.opening is not None), None)
    fault = ""
    if asked is not None and not expectation.at:
        fault = f"its way asks the hour, by schedule {asked.schedule}: write `at`"
    return Verdict(tenant.name, expectation, f"{kind} {name}".strip(), steps, fault)


def _told(tenant: Tenant, expectation: Expectation, region: str) -> dict[str, str]:
    outcomes = {
        BUSY: expectation.busy,
        NO_ANSWER: expectation.no_answer,
        UNAVAILABLE: expectation.unreachable,
    }
    known = _known(tenant)
    return {
        (name if name in known else to_e164(name, region) or name): outcome
        for outcome, names in outcomes.items()
        for name in names
    }


def _known(tenant: Tenant) -> frozenset[str]:
    return frozenset({*tenant.employees_by_extension(), *(each.name for each in tenant.departments)})
