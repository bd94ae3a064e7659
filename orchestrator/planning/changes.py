"""Two states of a tenant as sentences: employee 108 added, number moved from one place to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.planning.facts import Facts

_ONE = {
    "employees": "employee",
    "departments": "department",
    "numbers": "number",
    "options": "option",
    "schedules": "schedule",
    "menus": "menu",
    "mailboxes": "mailbox",
    "switches": "switch",
}
_NAMING = {
    "employees": "name",
    "departments": "title",
    "numbers": "target",
    "schedules": "week",
    "switches": "title",
}
"""The fact that tells what a thing is, when it comes or goes."""


@dataclass(frozen=True, slots=True)
class TenantChange:
    """What becomes of a tenant.

    Args: kind: `added`, `changed`, `removed` (its file says `service: disconnected`, or is gone).
    sentences: one for each thing that changes. lines: limit before and after; 0 where there is none.
    """

    name: str
    kind: str
    sentences: tuple[str, ...]
    lines: tuple[int, int]


def tenant_change(name: str, before: Facts | None, after: Facts | None) -> TenantChange:
    """How a tenant changes; None: it isn't on the switch.

    >>> tenant_change("acme", {"lines": "14"}, {"lines": "14", "employees/108/name": "Анна"}).sentences
    ('employee 108 added: Анна',)
    """
    kind = "added" if before is None else "removed" if after is None else "changed"
    lines = tuple(int((facts or {}).get("lines", 0)) for facts in (before, after))
    return TenantChange(name, kind, tuple(_sentences(before or {}, after or {}, kind)), (lines[0], lines[1]))


def _sentences(before: Facts, after: Facts, kind: str) -> Iterator[str]:
    if kind != "changed":
        yield _whole(after if kind == "added" else before)
        return
    old, new = _things(before), _things(after)
    for thing in sorted({*old, *new}):
        yield from _of_thing(thing, old.get(thing), new.get(thing))


def _of_thing(thing: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[str]:
    group, _, name = thing.partition("/")
    what = f"{_ONE.get(group, group)} {name}".strip()
    if not name:
        yield from (
            f"{what}: {_value((old or {}).get(fact, ''))} -> {_value((new or {}).get(fact, ''))}"
            for fact in ("",)
            if (old or {}).get(fact, "") != (new or {}).get(fact, "")
        )
    elif old is None or new is None:
        told = (new or old or {}).get(_NAMING.get(group, ""), "")
        done = "added" if old is None else "removed"
        yield f"{what} {done}{': ' if told else ''}{told}"
    else:
        for fact in sorted({*old, *new}):
            if old.get(fact, "") != new.get(fact, ""):
                yield _of_fact(what, fact, old.get(fact, ""), new.get(fact, ""))


def _of_fact(what: str, fact: str, old: str, new: str) -> str:
    if fact == "target":
        return f"{what} moved from {old} to {new}"
    if fact == "members":
        gone = [member for member in old.split(", ") if member not in new.split(", ")]
        come = [member for member in new.split(", ") if member not in old.split(", ")]
        if gone or come:
            parts = [f"without {', '.join(gone)}"] * bool(gone) + [f"with {', '.join(come)}"] * bool(come)
            return f"{what} {' and '.join(parts)}"
        return f"{what}: members in the order {new}"
    label = f"{what} {fact}".strip()
    return f"{label}: {_value(old)} -> {_value(new)}"


def _things(facts: Facts) -> dict[str, dict[str, str]]:
    """Facts by the thing they are of: `employees/101` -> {name: ...}; a tenant's own by their name."""
    things: dict[str, dict[str, str]] = {}
    for path, value in facts.items():
        parts = path.split("/")
        if parts[0] in _ONE:
            things.setdefault(f"{parts[0]}/{parts[1]}", {})["/".join(parts[2:])] = value
        else:
            things.setdefault(path.replace("/", " "), {})[""] = value
    return things


def _whole(facts: Facts) -> str:
    things = _things(facts)
    counted = [
        f"{count} {_ONE[group] if count == 1 else group}"
        for group in ("employees", "departments", "numbers")
        if (count := sum(thing.startswith(f"{group}/") for thing in things))
    ]
    return ", ".join([facts.get("title", ""), *counted])


def _value(text: str) -> str:
    return text or "none"
