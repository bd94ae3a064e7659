"""Checks of what a tenant expects of calls: whoever it names is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.expectation import ANONYMOUS, Expectation
from orchestrator.model.number import to_e164
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_expectations(file: Document[Tenant], region: str) -> Iterator[Problem]:
    """Problems of one tenant's expectations. A name that nobody has could never be reached, nor be busy.

    Args: region: of the platform.
    """
    tenant = file.value
    employees = tenant.employees_by_extension()
    departments = [department.name for department in tenant.departments]
    switches = [switch.name for switch in tenant.switches]
    known: dict[str, Collection[str]] = {"employee": employees, "department": departments}
    for index, expectation in enumerate(tenant.expects):
        kind, _, name = expectation.reaches.partition(" ")
        if name and name not in known.get(kind, (name,)):
            message = f"there is no {kind} {quoted(name)} to be reached"
            where = ("expects", index, "reaches")
            yield file.problem(where, f"unknown-{kind}", message, did_you_mean(name, known[kind]))
        caller = expectation.caller
        if caller and caller not in (*employees, ANONYMOUS) and to_e164(caller, region) is None:
            message = f"{quoted(caller)} is neither an employee nor a number outside"
            hint = did_you_mean(caller, [*employees, ANONYMOUS])
            yield file.problem(("expects", index, "from"), "unknown-caller", message, hint)
        for at, switch in enumerate(expectation.on):
            if switch and switch not in switches:
                message, hint = f"there is no switch {quoted(switch)}", did_you_mean(switch, switches)
                yield file.problem(("expects", index, "on", at), "unknown-switch", message, hint)
        yield from _check_told(file, index, expectation, [*employees, *departments], region)


def _check_told(
    file: Document[Tenant], index: int, expectation: Expectation, known: Collection[str], region: str
) -> Iterator[Problem]:
    """Who is busy, or doesn't answer, or isn't there: an employee, a department, or a number outside."""
    for field in ("busy", "no_answer", "unreachable"):
        names: tuple[str, ...] = getattr(expectation, field)
        for at, name in enumerate(names):
            if name and name not in known and to_e164(name, region) is None:
                message = f"{quoted(name)} is no employee, department or number outside"
                yield file.problem(
                    ("expects", index, field, at), "unknown-who", message, did_you_mean(name, known)
                )
