"""Checks of a tenant's menus. Whether one goes round for ever is found by `circles`."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.menu import Menu
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_menus(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of one tenant's menus."""
    owners = {each.extension: f"employee {quoted(each.name)}" for each in file.value.employees}
    owners |= {each.extension: f"department {quoted(each.name)}" for each in file.value.departments}
    for menu in file.value.menus:
        where = ("menus", menu.name)
        if not menu.keys and not menu.dial_extension:
            message = f"menu {quoted(menu.name)} takes no key: its callers could only wait"
            hint = "give it digits, or dial_extension: true; a prompt alone is a number's `greeting`"
            yield Problem(menu.position, ".".join(where), "menu-empty", message, hint)
        if menu.dial_extension:
            yield from _check_shadows(file, menu, owners)


def _check_shadows(file: Document[Tenant], menu: Menu, owners: dict[str, str]) -> Iterator[Problem]:
    for key, _ in menu.keys:
        if key in owners:
            message = (
                f"key {quoted(key)} is the extension of {owners[key]}, whom nobody could dial in the menu"
            )
            where = ("menus", menu.name, "digits", key)
            yield file.problem(where, "menu-shadows-extension", message, "take another key")
