"""Checks within a tenant, and of what it names in the platform and its tariff."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.checks.account import check_account
from orchestrator.definitions.checks.caller_lists import check_caller_lists
from orchestrator.definitions.checks.departments import check_distributions
from orchestrator.definitions.checks.expectations import check_expectations
from orchestrator.definitions.checks.external_numbers import check_external_numbers
from orchestrator.definitions.checks.low_balance import check_low_balance
from orchestrator.definitions.checks.mailboxes import check_mailboxes
from orchestrator.definitions.checks.menus import check_menus
from orchestrator.definitions.checks.parties import check_party
from orchestrator.definitions.checks.schedules import check_schedules
from orchestrator.definitions.checks.states import check_codes
from orchestrator.definitions.checks.targets import check_targets, no_employee
from orchestrator.definitions.checks.trunks import check_tenant_trunks
from orchestrator.definitions.document import Document, Written, is_empty
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.shapes import Surroundings
from orchestrator.definitions.tariff_file import TariffFile
from orchestrator.definitions.tree import MarkedText
from orchestrator.model.platform import Platform, lines_given
from orchestrator.model.problem import Problem
from orchestrator.model.tariff import Tariff
from orchestrator.model.tenant import Department, Tenant

_File = Document[Tenant]


def check_tenant(file: _File, written: Written) -> Iterator[Problem]:
    """Problems of one tenant; those with its numbers are found by `numbers`."""
    tenant = file.value
    if tenant.name and tenant.name != file.stem:
        message = f"tenant {quoted(tenant.name)} stands in the file of {quoted(file.stem)}"
        yield file.problem(("name",), "file-name", message, f"write name: {file.stem}, or rename the file")
    if written.platform is not None:
        platform = written.platform.value.platform
        yield from _check_names(file, platform)
        yield from _check_emergency(file, platform)
        yield from check_external_numbers(file, platform)
    yield from _check_reference(file, "tariff", tenant.tariff, written.known_tariffs)
    tariff = written.tariffs.get(tenant.tariff)
    if tariff is not None:
        yield from _check_tariff(file, tariff)
    yield from check_account(file, None if tariff is None else written.decks.get(tariff.value.deck_file))
    yield from _check_extensions(file)
    known = frozenset(tenant.employees_by_extension())
    for department in tenant.departments:
        yield from _check_department(file, department, known)
    yield from check_targets(file)
    yield from check_schedules(file)
    yield from check_distributions(file)
    yield from check_menus(file)
    yield from check_low_balance(file, None if written.platform is None else written.platform.value.platform)
    yield from check_mailboxes(file, None if written.platform is None else written.platform.value.platform)
    yield from check_codes(file)
    region = Surroundings().region if written.platform is None else written.platform.value.platform.region
    yield from check_expectations(file, region)
    yield from check_caller_lists(file)
    yield from check_party(file, "customer", tenant.customer)


def _check_names(file: _File, platform: Platform) -> Iterator[Problem]:
    tenant = file.value
    if platform.nodes:
        yield from _check_reference(file, "node", tenant.node, frozenset(platform.nodes))
    if platform.trunks:
        yield from check_tenant_trunks(file, platform)
    classes = frozenset(each.name for each in platform.dial_classes)
    for name in tenant.dial_classes:
        if name and name not in classes and file.node("outgoing", "allow") is not None:
            message = f"there is no dial class {quoted(name)}"
            where = file.item("outgoing", "allow", text=name)
            yield file.problem(where, "unknown-class", message, did_you_mean(name, classes))


def _check_reference(file: _File, kind: str, name: str, known: frozenset[str]) -> Iterator[Problem]:
    if not name and not file.has(kind):
        message = f"a tenant needs the field {quoted(kind)}: the platform has no default for it"
        yield file.problem((kind,), "missing-key", message, did_you_mean("", known))
    elif name and name not in known and file.has(kind):
        message = f"there is no {kind} {quoted(name)}"
        yield file.problem((kind,), f"unknown-{kind}", message, did_you_mean(name, known))


_FUNCTION_OF_KEY = {
    "departments": "departments",
    "menus": "ivr",
    "mailboxes": "voicemail",
    "recording": "recording",
}
"""Keys of a tenant's file that use a function which is sold, or may be."""


def _check_tariff(file: _File, tariff_file: Document[TariffFile]) -> Iterator[Problem]:
    tenant, tariff = file.value, tariff_file.value.tariff
    for name, quantity in tenant.options.items():
        if name not in tariff.options:
            message = f"tariff {quoted(tariff.slug)} has no option {quoted(name)}"
            where = file.item("options", text=name)
            yield file.problem(where, "unknown-option", message, did_you_mean(name, tariff.options))
        elif quantity > 1 and not tariff.options[name].counted:
            message = f"option {quoted(name)} can't be ordered {quantity} times"
            where = file.item("options", text=name)
            yield file.problem(where, "option-quantity", message, f"write {name} alone")
    yield from _check_functions(file, tariff)
    given = lines_given(tariff, tenant)
    if tenant.lines is not None and tenant.lines > given and tariff_file.whole and _knows_seats(file):
        message = f"{tenant.lines} lines are more than the {given} that the tariff gives (decision 2)"
        hint = f"at most {given}; more seats give more lines"
        yield file.problem(("lines",), "lines-above-tariff", message, hint)


def _check_functions(file: _File, tariff: Tariff) -> Iterator[Problem]:
    """What the tenant uses and hasn't bought, with what it would cost."""
    bought = {
        *tariff.includes,
        *(
            name
            for slug in file.value.options
            if slug in tariff.options
            for name in tariff.options[slug].unlocks
        ),
    }
    for key, function in _FUNCTION_OF_KEY.items():
        if not file.has(key) or function in bought:
            continue
        selling = [slug for slug, option in tariff.options.items() if function in option.unlocks]
        prices = [f"{slug} ({tariff.prices[-1].options[slug]} a period)" for slug in selling]
        message = f"`{key}` needs the function {function}, which the tenant hasn't bought"
        hint = f"add to options: {' or '.join(prices)}" if prices else "delete it, or take another tariff"
        yield file.problem((key,), "function-locked", message, hint)


def _knows_seats(file: _File) -> bool:
    written = file.node("seats")
    return written is None or (isinstance(written, MarkedText) and written.text == str(file.value.seats))


def _check_emergency(file: _File, platform: Platform) -> Iterator[Problem]:
    for extension, where in _extensions(file):
        if extension in platform.emergency:
            message = (
                f"extension {quoted(extension)} equals an emergency number of the platform (decision 15)"
            )
            yield file.problem(where, "extension-emergency", message, "take another extension")


def _check_extensions(file: _File) -> Iterator[Problem]:
    first: dict[str, tuple[str | int, ...]] = {}
    for extension, where in _extensions(file):
        if extension not in first:
            first[extension] = where
            continue
        other = file.position(*first[extension])
        message = f"extension {quoted(extension)} is taken by {_owner(first[extension])} ({other})"
        yield file.problem(where, "extension-clash", message, "an extension rings one place of its tenant")


def _extensions(file: _File) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for index, employee in enumerate(file.value.employees):
        if employee.extension:
            yield employee.extension, ("employees", index, "extension")
    for department in file.value.departments:
        if department.extension:
            yield department.extension, ("departments", department.name, "extension")
    for menu in file.value.menus:
        if menu.extension:
            yield menu.extension, ("menus", menu.name, "extension")
    for mailbox in file.value.mailboxes:
        if mailbox.extension and not mailbox.is_personal:
            yield mailbox.extension, ("mailboxes", mailbox.name, "extension")


def _owner(path: tuple[str | int, ...]) -> str:
    if path[0] == "employees":
        return "another employee"
    kinds = {"departments": "department", "menus": "menu", "mailboxes": "mailbox"}
    return f"{kinds[str(path[0])]} {quoted(str(path[1]))}"


def _check_department(file: _File, department: Department, known: frozenset[str]) -> Iterator[Problem]:
    path = ("departments", department.name, "members")
    if not department.members and is_empty(file.node(*path)) and file.node(*path) is not None:
        message = f"department {quoted(department.name)} has nobody in it: its calls would ring nowhere"
        yield file.problem(path, "department-empty", message, "name its members by extension, or delete it")
    seen: set[str] = set()
    for index, member in enumerate(department.members):
        if not member:
            continue
        if member in seen:
            message = f"{quoted(member)} is in department {quoted(department.name)} already"
            yield file.problem((*path, index), "member-twice", message, "keep one of them")
        elif member not in known:
            yield file.problem((*path, index), "unknown-employee", *no_employee(file.value, member))
        seen.add(member)
