"""A tenant and what belongs to it: employees, devices, departments, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.problem import Position

NOWHERE = Position("")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes. Args: kind: `employee`, `department` or `outside`.

    name: an extension, a department's name, or an E.164 number.
    """

    kind: str
    name: str
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
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Department:
    """A skill group. Args: extension: what rings it from inside; may be empty. distribution: `all`."""

    name: str
    title: str
    extension: str
    members: tuple[str, ...]
    distribution: str
    ring_timeout_s: int
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
    position: Position = field(default=NOWHERE, compare=False)

    def employee(self, extension: str) -> Employee:
        return self.employees_by_extension()[extension]

    def employees_by_extension(self) -> Mapping[str, Employee]:
        return {employee.extension: employee for employee in self.employees}
