"""Corporate mobiles as parts of a tenant's routing graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.model.tenant import Tenant
from orchestrator.routing.graph import AdmitMobile, Entry, Step

OUTSIDE = "outside"
"""What a mobile dialled, when it is no extension."""


def mobile_step(extension: str) -> str:
    """The step that admits a call of an employee's mobile."""
    return f"mobiles.{extension}"


def mobile_entries(tenant: Tenant) -> Iterator[Entry]:
    """Where calls of and to mobiles enter."""
    for employee in tenant.employees:
        if employee.mobile:
            step = mobile_step(employee.extension)
            yield Entry("mobile", "mobile", employee.mobile, step, employee.position)
            yield Entry("trunk", "mobile", employee.mobile, f"{step}.admit", employee.position)


def mobile_steps(
    tenant: Tenant, extensions: Mapping[str, str], outside: str, limit: int, record: bool, full: str
) -> Iterator[Step]:
    """The steps that admit calls of mobiles.

    Args: extensions: what can be dialled, with the step of each. outside, full: steps of a number outside, of
    no line.
    """
    for employee in tenant.employees:
        if employee.mobile:
            action = AdmitMobile(employee.extension, limit, record)
            edges = {**extensions, OUTSIDE: outside, "full": full}
            yield Step(mobile_step(employee.extension), action, employee.position, edges)
