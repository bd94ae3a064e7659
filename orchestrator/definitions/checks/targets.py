"""Checks of what a tenant's targets name. Whether calls come round again is found by `circles`."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Target, Tenant
from orchestrator.routing.by_name import EVERYBODY


def check_targets(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of the targets of one tenant."""
    tenant = file.value
    departments = {department.name for department in tenant.departments}
    menus = {menu.name for menu in tenant.menus}
    schedules = {schedule.name for schedule in tenant.schedules}
    switches = {switch.name for switch in tenant.switches}
    lists = {each.name for each in tenant.caller_lists}
    mailboxes = {each.name for each in tenant.mailboxes}
    employees = tenant.employees_by_extension()
    for path, target in all_targets(tenant):
        name = target.name
        if not name:
            continue
        where = f"{path}.{target.kind}"
        if target.kind == "employee" and name not in employees:
            yield Problem(target.position, where, "unknown-employee", *no_employee(tenant, name))
        elif target.kind == "by_name" and name not in {*departments, EVERYBODY}:
            message = f"there is no department {quoted(name)}"
            hint = did_you_mean(name, {*departments, EVERYBODY})
            yield Problem(target.position, where, "unknown-department", message, hint)
        elif target.kind == "department" and name not in departments:
            message = f"there is no department {quoted(name)}"
            yield Problem(
                target.position, where, "unknown-department", message, did_you_mean(name, departments)
            )
        elif target.kind == "menu" and name not in menus:
            message = f"there is no menu {quoted(name)}"
            yield Problem(target.position, where, "unknown-menu", message, did_you_mean(name, menus))
        elif target.kind == "voicemail" and name not in mailboxes:
            message = f"there is no mailbox {quoted(name)}"
            hint = did_you_mean(name, mailboxes) if mailboxes else f"write mailboxes: {{{_key(name)}: {{}}}}"
            yield Problem(target.position, where, "unknown-mailbox", message, hint)
        elif target.kind == "schedule" and name not in schedules:
            message = f"there is no schedule {quoted(name)}"
            yield Problem(target.position, where, "unknown-schedule", message, did_you_mean(name, schedules))
        elif target.kind == "caller_list" and name not in lists:
            message = f"there is no caller list {quoted(name)}"
            yield Problem(target.position, where, "unknown-list", message, did_you_mean(name, lists))
        elif target.kind == "switch" and name not in switches:
            message = f"there is no switch {quoted(name)}"
            yield Problem(target.position, where, "unknown-switch", message, did_you_mean(name, switches))


def all_targets(tenant: Tenant) -> Iterator[tuple[str, Target]]:
    """Every target that the tenant's file writes, with its path; what is inside another comes after it."""
    for did in tenant.numbers:
        yield from below(f"numbers.{did.number}", did.target)
    for index, employee in enumerate(tenant.employees):
        for case in employee.overflow:
            yield from below(f"employees[{index}].overflow.{case.when}", case.target)
    for department in tenant.departments:
        for case in department.overflow:
            yield from below(f"departments.{department.name}.overflow.{case.when}", case.target)
    for menu in tenant.menus:
        for key, target in menu.keys:
            yield from below(f"menus.{menu.name}.digits.{key}", target)
        for name, after in (("invalid", menu.invalid), ("timeout", menu.timeout)):
            if after is not None:
                yield from below(f"menus.{menu.name}.{name}.target", after)


def below(path: str, target: Target) -> Iterator[tuple[str, Target]]:
    """A target and all inside it, each with its path."""
    yield path, target
    for name, branch in target.branches:
        yield from below(f"{path}.{name}", branch)


def _key(name: str) -> str:
    return f'"{name}"' if name.isdecimal() else name


def no_employee(tenant: Tenant, extension: str) -> tuple[str, str]:
    """Message and hint for an extension that no employee has."""
    message = f"there is no employee with extension {quoted(extension)}"
    department = next((each for each in tenant.departments if each.extension == extension), None)
    if department is not None:
        return message, f"{extension} is department {quoted(department.name)}"
    return message, did_you_mean(extension, tenant.employees_by_extension())
