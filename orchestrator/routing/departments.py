"""Departments in the routing graph: whose phones ring, when, and in which order."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model.tenant import Department, Employee, Tenant
from orchestrator.routing.graph import DeviceRef, Distribute, MemberRef
from orchestrator.routing.waiting import waits_of

BUSY, NO_ANSWER, UNAVAILABLE, REFUSED, ANSWERED = "busy", "no_answer", "unavailable", "refused", "answered"


def distribute(department: Department, tenant: Tenant, remember: bool) -> Distribute:
    """The action that rings a department. Args: remember: see `Distribute`."""
    employees = tenant.employees_by_extension()
    members = tuple(
        MemberRef(each, devices_of(employees[each]), department.delays_s.get(each, 0))
        for each in department.members
    )
    return Distribute(
        department.name,
        department.distribution,
        members,
        department.ring_timeout_s,
        department.step_s,
        department.wrap_up_s,
        department.ringback,
        remember,
        waits_of(tenant, department),
    )


def devices_of(employee: Employee) -> tuple[DeviceRef, ...]:
    """The phones of an employee."""
    return tuple(DeviceRef(employee.extension, device.name) for device in employee.devices)


def distributed(action: Distribute, told: Mapping[str, str]) -> str:
    """What ringing a department gives, by what becomes of each member.

    Args: told: outcome by extension, or of the department by its name; nobody told of answers.
    Rule: `vpbx-department`. Who is busy or has no phone is passed over.
    """
    if action.name in told:
        return told[action.name]
    outcomes = {told.get(member.extension, ANSWERED) for member in action.members}
    for outcome in (ANSWERED, NO_ANSWER, BUSY, REFUSED, UNAVAILABLE):
        if outcome in outcomes:
            return outcome
    return ANSWERED
