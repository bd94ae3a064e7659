"""Checks of what is shown outside: own and verified numbers, and no others. Rule: decision 15."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Department, Did, Employee, Tenant


def check_caller_ids(file: Document[Tenant], owners: Mapping[str, Did]) -> Iterator[Problem]:
    """Problems of a tenant's verified numbers and caller IDs. Args: owners: every number of the platform."""
    tenant = file.value
    yield from _check_verified(file, owners)
    shown: list[tuple[str, tuple[str | int, ...]]] = [(tenant.caller_id, ("caller_id",))]
    shown += [(each.shown, ("caller_ids", each.prefix)) for each in tenant.caller_ids]
    shown += [(e.caller_id, ("employees", i, "caller_id")) for i, e in enumerate(tenant.employees)]
    shown += [(each.caller_id, ("departments", each.name, "caller_id")) for each in tenant.departments]
    for number, where in shown:
        if number and number not in tenant.may_show:
            message = (
                f"caller ID {quoted(number)} is none of the tenant's own or verified numbers (decision 15)"
            )
            hint = did_you_mean(number, tenant.may_show)
            yield file.problem(where, "caller-id-foreign", message, hint)
    for index, employee in enumerate(tenant.employees):
        yield from _check_departments(file, index, employee)


def _check_verified(file: Document[Tenant], owners: Mapping[str, Did]) -> Iterator[Problem]:
    own = {did.number for did in file.value.numbers}
    for number in file.value.verified_numbers:
        where = file.item("verified_numbers", text=number)
        if number in own:
            message = f"{quoted(number)} is the tenant's own number: it may show it anyway"
            yield file.problem(where, "verified-own", message, "delete it here")
        elif number in owners:
            message = f"{quoted(number)} is a number of another tenant ({owners[number].position})"
            yield file.problem(where, "verified-clash", message, "a tenant may show its own numbers alone")


def _check_departments(file: Document[Tenant], index: int, employee: Employee) -> Iterator[Problem]:
    """An employee of several departments shows one number."""
    showing = [each for each in file.value.departments_of(employee.extension) if each.caller_id]
    if employee.caller_id or len({each.caller_id for each in showing}) < 2:
        return
    told = " and ".join(_told(each) for each in showing)
    message = f"employee {quoted(employee.extension)} is in departments that show different numbers: {told}"
    hint = f'give the employee one: caller_id: "{showing[0].caller_id}"'
    yield file.problem(("employees", index), "caller-id-ambiguous", message, hint)


def _told(department: Department) -> str:
    return f"{department.name} {department.caller_id}"
