"""A tenant's menus as steps of its routing graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from orchestrator.model.menu import Menu
from orchestrator.model.tenant import Target, Tenant
from orchestrator.routing.graph import DIAL_EXTENSION, Dialled, PlayMenu, Step

DIALLED = "dialled"
"""The step that rings an extension which was dialled in a menu."""

INVALID, TIMEOUT = "invalid", "timeout"
Towards = Callable[[Target, str], tuple[str, list[Step]]]
"""First step towards a target, and steps of its own; given a base of their ids."""


def menu_step(name: str) -> str:
    """The step that plays a menu."""
    return f"menus.{name.replace('-', '_')}"


def key_outcome(key: str) -> str:
    """What a key is called as an outcome.

    >>> key_outcome("*"), key_outcome("1")
    ('star', '1')
    """
    return "star" if key == "*" else key


def menu_steps(tenant: Tenant, extensions: Iterable[str], towards: Towards, end: str) -> Iterator[Step]:
    """The steps of all menus.

    Args: extensions: those that may be dialled in a menu. end: of a call whose menu names no other end.
    """
    dialled = tuple(sorted(extensions))
    for menu in tenant.menus:
        yield from _menu(menu, dialled if menu.dial_extension else (), towards, end)


def dialled_step(tenant: Tenant, extensions: Iterable[tuple[str, str]]) -> Step:
    """What goes on to an extension that was dialled. Args: extensions: with the step of each."""
    return Step(DIALLED, Dialled(), tenant.position, dict(extensions))


def _menu(menu: Menu, extensions: tuple[str, ...], towards: Towards, end: str) -> Iterator[Step]:
    step = menu_step(menu.name)
    leads = {key_outcome(key): target for key, target in menu.keys}
    ends = {INVALID: menu.invalid, TIMEOUT: menu.timeout}
    leads |= {outcome: target for outcome, target in ends.items() if target is not None}
    edges = dict.fromkeys(ends, end)
    below: list[Step] = []
    for outcome, target in leads.items():
        edges[outcome], own = towards(target, f"{step}.{outcome}")
        below += own
    if extensions:
        edges[DIAL_EXTENSION] = DIALLED
    action = PlayMenu(
        menu.name,
        menu.prompt,
        tuple(key for key, _ in menu.keys),
        extensions,
        menu.wait_s,
        menu.tries,
        menu.invalid_prompt,
    )
    yield Step(step, action, menu.position, edges)
    yield from below
