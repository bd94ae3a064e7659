"""A tenant and what belongs to it: employees, devices, departments, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes.

    Args: kind: `employee`, `department`, `outside`, `hangup`, or of a choice: `schedule`. name: an extension,
    a department's name, an E.164 number, a word of `REFUSALS`, or what a choice asks, such as a schedule's
    name. branches: of a choice: where the call goes by each answer, such as `open` and `closed`.
    """

    kind: str
    name: str
    branches: tuple[tuple[str, Target], ...] = ()
    position: Position = field(default=NOWHERE, compare=False)

    def leaves(self) -> Iterator[Target]:
        """The targets that are no choice, in order."""
        if not self.branches:
            yield self
        for _, branch in self.branches:
            yield from branch.leaves()


REFUSALS = ("busy", "unavailable")
"""How `hangup` ends a call: with 486, or with 480."""

OVERFLOWS = ("busy", "no_answer", "unreachable", "any")
"""When a call is passed on. `busy`: or declined. `any`: in each of these cases that isn't named itself."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """Where a call goes that nobody took. Args: when: of `OVERFLOWS`."""

    when: str
    target: Target
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A phone of an employee. Its endpoint id and secret live in the secrets file, never here."""

    name: str
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Employee:
    extension: str
    name: str
    devices: tuple[Device, ...]
    ring_timeout_s: int
    overflow: tuple[Overflow, ...] = ()
    position: Position = field(default=NOWHERE, compare=False)


DISTRIBUTIONS = ("all", "in_order", "evenly", "cascade")
"""How a department's members ring: all at once, one after another, longest idle first, one more each step."""


@dataclass(frozen=True, slots=True)
class Department:
    """A skill group.

    Args: extension: what rings it from inside; may be empty. distribution: of `DISTRIBUTIONS`.
    ring_timeout_s: of all of it. delays_s: of members that ring later than the others. step_s: how long a
    member rings before the next, or before one more. wrap_up_s: how long a member isn't rung after a call.
    """

    name: str
    title: str
    extension: str
    members: tuple[str, ...]
    distribution: str
    ring_timeout_s: int
    overflow: tuple[Overflow, ...] = ()
    delays_s: Mapping[str, int] = field(default_factory=dict)
    step_s: int = 10
    wrap_up_s: int = 0
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Did:
    """An external number of a tenant and where a call to it goes."""

    number: str
    target: Target
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Recording:
    """How calls are recorded when the tenant has the option.

    Args: announce: WAV file, relative to the project, that a caller from outside hears first; empty: none.
    announce_outbound: the same for a callee outside.
    """

    announce: str = ""
    announce_outbound: str = ""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant (domain). Args: caller_id: E.164, one of its numbers. options: quantity by slug, sorted.

    seats: those paid for, or None.

    lines: an own limit below what the tariff gives, or None. dial_classes: what may be dialled outside.
    trunk: the trunk its outbound calls leave by. node: its home node. codecs: of its phones, in order of
    preference; empty: the platform's. encryption: `off`, `offered` or `required`.
    """

    name: str
    title: str
    tariff: str
    service: str
    time_zone: str
    node: str
    trunk: str
    caller_id: str
    options: Mapping[str, int]
    seats: int | None
    lines: int | None
    dial_classes: tuple[str, ...]
    recording: Recording
    employees: tuple[Employee, ...]
    departments: tuple[Department, ...]
    numbers: tuple[Did, ...]
    codecs: tuple[str, ...] = ()
    encryption: str = "off"
    schedules: tuple[Schedule, ...] = ()
    position: Position = field(default=NOWHERE, compare=False)

    def employee(self, extension: str) -> Employee:
        return self.employees_by_extension()[extension]

    def employees_by_extension(self) -> Mapping[str, Employee]:
        return {employee.extension: employee for employee in self.employees}
