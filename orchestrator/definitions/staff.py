"""Employees and departments of a tenant file."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.caller_ids import MOBILE, MOBILE_RINGS, STAFF_CALLER_ID
from orchestrator.definitions.distribution import DISTRIBUTION, MEMBERS, STEP, WRAP_UP
from orchestrator.definitions.prompts import RINGBACK
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf, Surroundings
from orchestrator.definitions.targets import OVERFLOW
from orchestrator.definitions.waiting import WAITING
from orchestrator.model.tenant import Department, Device, Employee

DEVICE_NAME = scalars.slug("a device's name")
RING = scalars.seconds(5, 300)

EXTENSION = Field("extension", scalars.extension(), "What is dialled inside: 2 to 6 digits.", '"101"')
EMPLOYEE_NAME = Field("name", scalars.text(100, "a name"), "As phones show it.", "Анна Соколова")
DEVICES = Field(
    "devices",
    ListOf(DEVICE_NAME, at_least=1),
    "Phones that ring together; each gets its own login.",
    "[desk, mobile]",
    default=("desk",),
    default_text="[desk]",
)
EMPLOYEE_RING: Field[int | None] = Field(
    "ring_timeout_s",
    RING,
    "How long its phones ring.",
    "30",
    None,
    "`defaults.ring_timeout_s` of the platform",
)


def _employee(given: Converted) -> Employee:
    return Employee(
        extension=given[EXTENSION],
        name=given[EMPLOYEE_NAME],
        devices=tuple(Device(name, given.position) for name in given[DEVICES]),
        ring_timeout_s=_ring_timeout(given[EMPLOYEE_RING], given.surroundings),
        overflow=given[OVERFLOW],
        ringback=given[RINGBACK],
        caller_id=given[STAFF_CALLER_ID],
        mobile=given[MOBILE],
        mobile_rings=given[MOBILE_RINGS],
        position=given.position,
    )


EMPLOYEE = Record(
    "an employee",
    (
        EXTENSION,
        EMPLOYEE_NAME,
        DEVICES,
        EMPLOYEE_RING,
        OVERFLOW,
        RINGBACK,
        STAFF_CALLER_ID,
        MOBILE,
        MOBILE_RINGS,
    ),
    _employee,
)

DEPARTMENT_EXTENSION = Field(
    "extension", scalars.extension(), "What rings it from inside.", '"200"', default="", default_text="none"
)
DEPARTMENT_TITLE = Field("title", scalars.text(100, "a title"), "As phones show it.", "Отдел продаж")
DEPARTMENT_RING: Field[int | None] = Field(
    "ring_timeout_s", RING, "How long it rings.", "30", None, "`defaults.ring_timeout_s` of the platform"
)


def _department(given: Converted) -> Department:
    return Department(
        name=given.name,
        title=given[DEPARTMENT_TITLE],
        extension=given[DEPARTMENT_EXTENSION],
        members=tuple(member.extension for member in given[MEMBERS]),
        distribution=given[DISTRIBUTION],
        ring_timeout_s=_ring_timeout(given[DEPARTMENT_RING], given.surroundings),
        overflow=given[OVERFLOW],
        delays_s={member.extension: member.delay_s for member in given[MEMBERS] if member.delay_s},
        step_s=given[STEP],
        wrap_up_s=given[WRAP_UP],
        waiting=given[WAITING],
        ringback=given[RINGBACK],
        caller_id=given[STAFF_CALLER_ID],
        position=given.position,
    )


DEPARTMENT = Record(
    "a department",
    (
        DEPARTMENT_EXTENSION,
        DEPARTMENT_TITLE,
        MEMBERS,
        DISTRIBUTION,
        DEPARTMENT_RING,
        STEP,
        WRAP_UP,
        WAITING,
        OVERFLOW,
        RINGBACK,
        STAFF_CALLER_ID,
    ),
    _department,
)


def _ring_timeout(given: int | None, surroundings: Surroundings) -> int:
    return surroundings.defaults.ring_timeout_s if given is None else given
