"""What `vpbx stats` tells: a line a group, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.statistics.figures import Asked, CallRow, Figures, Key, Rung, compute

Grouping = Literal["tenant", "department", "employee", "number", "hour"]


@dataclass(frozen=True, slots=True)
class Line:
    """A group of calls.

    Args: tenant: empty where a group has calls of several. name: department, extension, number or hour;
    empty: calls of nobody. rung: calls that rang an employee's phones or were transferred to them; None
    elsewhere.
    """

    tenant: str
    name: str
    figures: Figures
    rung: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Args: lines: by tenant and name."""

    by: Grouping
    lines: tuple[Line, ...]
    total: Figures


def report(
    by: Grouping,
    rows: Iterable[CallRow],
    rung: Iterable[Rung],
    asked: Asked,
    hours: Mapping[str, Callable[[int], int]],
) -> Report:
    """Figures of some tenants' calls.

    Args: rows: each tenant's oldest first. rung: of the same calls; read by employee alone. hours: the local
    hour of a moment, by tenant.
    """
    keys: Mapping[Grouping, Callable[[CallRow], Key]] = {
        "tenant": lambda row: (row.tenant, ""),
        "department": lambda row: (row.tenant, row.department),
        "employee": lambda row: (row.tenant, row.employee),
        "number": lambda row: (row.tenant, row.number),
        "hour": lambda row: ("", f"{hours[row.tenant](row.began_us):02}"),
    }
    computed = compute(rows, keys[by], asked)
    if by == "employee":
        return Report(by, _by_employee(computed.groups, rung), computed.total)
    groups = {**_between(computed.groups), **computed.groups} if by == "hour" else computed.groups
    lines = (Line(*key, figures) for key, figures in sorted(groups.items()))
    return Report(by, tuple(lines), computed.total)


def _between(groups: Mapping[Key, Figures]) -> dict[Key, Figures]:
    """Hours without a call between those with one."""
    hours = [int(hour) for _, hour in groups]
    return {("", f"{hour:02}"): Figures() for hour in range(min(hours, default=0), max(hours, default=-1))}


def _by_employee(groups: Mapping[Key, Figures], rung: Iterable[Rung]) -> tuple[Line, ...]:
    """Talk is of whoever talked: what no employee's phone did is on the line of nobody."""
    phones = {(each.tenant, each.employee): each for each in rung}
    rest: dict[str, int] = {}
    for (tenant, _), figures in groups.items():
        rest[tenant] = rest.get(tenant, 0) + figures.talk_us
    for (tenant, _), each in phones.items():
        rest[tenant] = rest.get(tenant, 0) - each.talk_us
    nobody = {(tenant, "") for tenant, talk_us in rest.items() if talk_us}
    lines = []
    for key in sorted(groups.keys() | phones.keys() | nobody):
        found = phones.get(key)
        talk_us = rest[key[0]] if not key[1] else found.talk_us if found is not None else 0
        figures = replace(groups.get(key, Figures()), talk_us=talk_us)
        lines.append(Line(*key, figures, 0 if found is None else found.calls))
    return tuple(lines)
