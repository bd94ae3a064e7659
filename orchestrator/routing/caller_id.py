"""What is shown to who is called outside. Rule: decision 15; docs/trunks.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.caller_id import RegionCallerId
from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class StaffCallerId:
    """Args: number: E.164, what an employee shows. position: of the employee or department that says so."""

    number: str
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CallerIds:
    """What a tenant shows.

    Args: tenant: where nothing else is said; may be empty. employees: by extension, sorted. regions: by
    prefix, sorted. own: all that it may show, sorted.
    """

    tenant: str = ""
    employees: Mapping[str, StaffCallerId] = field(default_factory=dict)
    regions: tuple[RegionCallerId, ...] = ()
    own: tuple[str, ...] = ()

    def shown(self, employee: str, called: str) -> str:
        """The number shown: the employee's, else that of the region called, else the tenant's.

        Args: employee: extension of who calls, or empty. called: E.164.
        """
        if employee in self.employees:
            return self.employees[employee].number
        matching = [each for each in self.regions if called.startswith(each.prefix)]
        return max(matching, key=lambda each: len(each.prefix)).shown if matching else self.tenant


def caller_ids(tenant: Tenant) -> CallerIds:
    """What a tenant shows: an employee's own number comes before that of its department."""
    employees: dict[str, StaffCallerId] = {}
    for employee in sorted(tenant.employees, key=lambda each: each.extension):
        said = [(employee.caller_id, employee.position)]
        said += [(each.caller_id, each.position) for each in tenant.departments_of(employee.extension)]
        first = next((StaffCallerId(*each) for each in said if each[0]), None)
        if first is not None:
            employees[employee.extension] = first
    return CallerIds(tenant.caller_id, employees, tenant.caller_ids, tuple(sorted(tenant.may_show)))
