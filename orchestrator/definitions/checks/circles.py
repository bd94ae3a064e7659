"""Calls that would come round again: numbers that lead to each other, overflow that comes back.

What leads where is a graph of nodes (a number, an employee, a department, a menu), over all tenants:
a number of the platform that is called from another tenant stays on the switch. Schedules make no
difference: a circle that is open only at night is one. What a caller chooses in a menu by a key makes none;
what becomes of silence and of wrong keys does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.definitions.checks.targets import below
from orchestrator.definitions.quoting import quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Did, Overflow, Target, Tenant
from orchestrator.routing.graph import MOST_PASSES

Node = tuple[str, str, str]
"""Tenant (empty for a number), kind, name."""


@dataclass(frozen=True, slots=True)
class _Lead:
    """A target that leads from one node to another. Args: path: in the YAML."""

    source: Node
    to: Node
    target: Target
    path: str


def check_circles(tenants: Sequence[Tenant], owners: Mapping[str, Did]) -> Iterator[Problem]:
    """Problems with where calls are passed on to. Args: owners: every number of the platform."""
    leads: list[_Lead] = []
    for tenant in tenants:
        own = frozenset(did.number for did in tenant.numbers)
        for lead in _leads(tenant):
            if lead.to[1] == "outside" and lead.to[2] in own:
                yield _own_number(lead, owners)
            elif lead.to[1] != "outside" or lead.to[2] in owners:
                leads.append(lead)
    by_source: dict[Node, list[_Lead]] = {}
    for lead in leads:
        by_source.setdefault(lead.source, []).append(lead)
    circles = _circles({source: [lead.to for lead in own] for source, own in by_source.items()})
    for lead in leads:
        if lead.source in circles and circles[lead.source] == circles.get(lead.to):
            yield _circle(lead, by_source, owners)
    if not circles:
        yield from _too_long(leads)


def _leads(tenant: Tenant) -> Iterator[_Lead]:
    """Those that may be part of a circle: what has no overflow leads nowhere."""
    passing = {("employee", each.extension) for each in tenant.employees if each.overflow}
    passing |= {("department", each.name) for each in tenant.departments if each.overflow}
    passing |= {("menu", each.name) for each in tenant.menus if each.invalid or each.timeout}
    for path, source, target in _written(tenant):
        for below_path, leaf in below(path, target):
            if not leaf.name or leaf.branches or leaf.kind == "hangup":
                continue
            if leaf.kind == "outside":
                to = ("", "outside", leaf.name)
            elif (leaf.kind, leaf.name) in passing:
                to = (tenant.name, leaf.kind, leaf.name)
            else:
                continue
            yield _Lead(source, to, leaf, f"{below_path}.{leaf.kind}")


def _written(tenant: Tenant) -> Iterator[tuple[str, Node, Target]]:
    for did in tenant.numbers:
        yield f"numbers.{did.number}", ("", "outside", did.number), did.target
    for index, employee in enumerate(tenant.employees):
        source = (tenant.name, "employee", employee.extension)
        yield from _overflows(f"employees[{index}]", source, employee.overflow)
    for department in tenant.departments:
        source = (tenant.name, "department", department.name)
        yield from _overflows(f"departments.{department.name}", source, department.overflow)
    for menu in tenant.menus:
        for name, target in (("invalid", menu.invalid), ("timeout", menu.timeout)):
            if target is not None:
                yield f"menus.{menu.name}.{name}.target", (tenant.name, "menu", menu.name), target


def _overflows(path: str, source: Node, overflow: Iterable[Overflow]) -> Iterator[tuple[str, Node, Target]]:
    for case in overflow:
        yield f"{path}.overflow.{case.when}", source, case.target


def _own_number(lead: _Lead, owners: Mapping[str, Did]) -> Problem:
    place = owners[lead.target.name].position
    told = (
        "a circle"
        if lead.source[1] == "outside"
        else "the call would go out by one line and come in by another"
    )
    message = f"{quoted(lead.target.name)} is the tenant's own number ({place}): {told}"
    hint = "name the employee or department it leads to"
    return Problem(lead.target.position, lead.path, "target-own-number", message, hint)


def _circle(lead: _Lead, by_source: Mapping[Node, Sequence[_Lead]], owners: Mapping[str, Did]) -> Problem:
    if lead.source[1] == lead.to[1] == "outside":
        message = f"a call to {quoted(lead.source[2])} is forwarded in a circle by {quoted(lead.to[2])}"
        hint = f"see {owners[lead.to[2]].position}; let one of them lead to a person"
        return Problem(lead.target.position, lead.path, "target-circle", message, hint)
    way = [lead.source, *_way(lead.to, lead.source, by_source)]
    if any(node[1] == "menu" for node in way):
        round_trip = " -> ".join(map(_named, way))
        message = f"a caller who presses nothing, or wrong keys, goes round for ever: {round_trip}"
        hint = "let one of them end, or lead to somebody who takes the call"
        return Problem(lead.target.position, lead.path, "menu-circle", message, hint)
    message = f"a call that nobody takes goes in a circle: {' -> '.join(map(_named, way))}"
    hint = "let one of them lead elsewhere, or end: delete its overflow"
    return Problem(lead.target.position, lead.path, "overflow-circle", message, hint)


def _named(node: Node) -> str:
    tenant, kind, name = node
    return f"number {name}" if not tenant else f"{kind} {name}"


def _way(start: Node, end: Node, by_source: Mapping[Node, Sequence[_Lead]]) -> list[Node]:
    """The shortest way, both ends included; there is one."""
    ways: dict[Node, list[Node]] = {start: [start]}
    ahead = [start]
    while end not in ways:
        here = ahead.pop(0)
        for lead in by_source.get(here, ()):
            if lead.to not in ways:
                ways[lead.to] = [*ways[here], lead.to]
                ahead.append(lead.to)
    return ways[end]


def _circles(edges: Mapping[Node, Sequence[Node]]) -> Mapping[Node, int]:
    """The nodes that are on a circle; those of one circle, or of circles that touch, have the same number.

    Rule: Tarjan's strongly connected components, without recursion.
    """
    found: dict[Node, int] = {}
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, ahead = work[-1]
            for after in ahead:
                if after not in index:
                    index[after] = low[after] = len(index)
                    stack.append(after)
                    on_stack.add(after)
                    work.append((after, iter(edges.get(after, ()))))
                    break
                if after in on_stack:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = stack[stack.index(node) :]
                    del stack[-len(members) :]
                    on_stack -= set(members)
                    if len(members) > 1 or node in edges.get(node, ()):
                        found |= dict.fromkeys(members, index[node])
    return found


def _too_long(leads: Sequence[_Lead]) -> Iterator[Problem]:
    """Overflow that goes on for longer than a call is passed on. There are no circles."""
    passes = [lead for lead in leads if not {"outside", "menu"} & {lead.source[1], lead.to[1]}]
    found = passes
    for _ in range(MOST_PASSES - 1):
        longer = {lead.source for lead in found}
        found = [lead for lead in passes if lead.to in longer]
    for lead in found:
        message = (
            f"a call to {_named(lead.source)} that nobody takes is passed on more than {MOST_PASSES} times: "
            "it ends before the last"
        )
        hint = "let one of them lead to a department"
        yield Problem(lead.target.position, lead.path, "overflow-long", message, hint)
