"""Checks of what a tenant expects of calls: who must be reached is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_expectations(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of one tenant's expectations. A name that nobody has could never be reached."""
    tenant = file.value
    known: dict[str, Collection[str]] = {
        "employee": tenant.employees_by_extension(),
        "department": [department.name for department in tenant.departments],
    }
    for index, expectation in enumerate(tenant.expects):
        kind, _, name = expectation.reaches.partition(" ")
        if name and name not in known.get(kind, (name,)):
            message = f"there is no {kind} {quoted(name)} to be reached"
            where = ("expects", index, "reaches")
            yield file.problem(where, f"unknown-{kind}", message, did_you_mean(name, known[kind]))
