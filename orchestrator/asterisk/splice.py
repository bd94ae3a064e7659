"""A change of some tenants' dialplan put into the running one, action by action; nothing is reloaded.

First come contexts that nobody is led to yet; then, in one write, the doors: each extension that leads a call
into its tenant's steps is swung from the old ones to the new ones. So a call finds all of the old or all of
the new, and the others' dialplan isn't touched.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.asterisk.dialplan import Context, Dialplan, Step

Action = Mapping[str, str]
"""An AMI action."""

NUMBERS = "vpbx-number"
"""The context that all tenants have a part in: of it only the extensions that change are touched."""


@dataclass(frozen=True, slots=True)
class Splice:
    """How to get from one dialplan to another.

    Args: prepare: adds what isn't reached yet. swing: turns the doors, in order. clear: takes away contexts
    that calls have left. wanted: what the switch must have then, by context; None: no such context.
    closed: numbers that must lead nowhere then.
    """

    prepare: tuple[Action, ...]
    swing: tuple[Action, ...]
    clear: tuple[Action, ...]
    wanted: Mapping[str, Context | None]
    closed: tuple[str, ...]

    @staticmethod
    def removals(contexts: Sequence[str]) -> list[Action]:
        """Actions that take contexts away."""
        return [_command(f"dialplan remove context {name}") for name in contexts]


def splice(before: Dialplan, after: Dialplan, kept: Container[str]) -> Splice:
    """How to get from one dialplan of some tenants to another.

    Args: kept: contexts of `before` that stay though `after` has none of that name, as calls may be in them.
    """
    prepare: list[Action] = []
    swing: list[Action] = []
    clear: list[Action] = []
    wanted: dict[str, Context | None] = {}
    for name, context in sorted(after.contexts.items(), key=_targets_first):
        old = before.contexts.get(name)
        into = prepare if old is None and name != NUMBERS else swing
        if changed := _turned(old or Context(name, 0), context):
            into += changed
            wanted[name] = _changed_only(old, context) if name == NUMBERS else context
    for name, context in sorted(before.contexts.items()):
        if name == NUMBERS and name not in after.contexts:
            swing += _turned(context, Context(name, 0))
        elif name not in after.contexts and name not in kept:
            clear += Splice.removals([name])
            wanted[name] = None
    closed = _numbers(before) - _numbers(after)
    return Splice(tuple(prepare), tuple(swing), tuple(clear), wanted, tuple(sorted(closed)))


def _targets_first(named: tuple[str, Context]) -> tuple[bool, str]:
    """Contexts named after their content before the doors that lead into them."""
    return "." not in named[0], named[0]


def _numbers(plan: Dialplan) -> frozenset[str]:
    return plan.contexts[NUMBERS].extensions() if NUMBERS in plan.contexts else frozenset()


def _turned(old: Context, new: Context) -> list[Action]:
    """Actions that make a context's extensions and includes the new ones: additions first."""
    have, want = _by_place(old.steps), _by_place(new.steps)
    actions: list[Action] = [
        _add(new.name, step) for place, step in want.items() if _content(have.get(place)) != _content(step)
    ]
    actions += [_remove(old.name, step) for place, step in have.items() if place not in want]
    if old.includes != new.includes:
        actions += [_command(f"dialplan remove include {each} from {old.name}") for each in old.includes]
        actions += [_command(f"dialplan add include {each} into {new.name}") for each in new.includes]
    return actions


def _changed_only(old: Context | None, new: Context) -> Context:
    """Of the context that all tenants have a part in, the extensions that change, whole."""
    have, want = _by_place(() if old is None else old.steps), _by_place(new.steps)
    changed = {place[0] for place in {*have, *want} if _content(have.get(place)) != _content(want.get(place))}
    return Context(new.name, new.line, [step for step in new.steps if step.extension in changed], [])


def _by_place(steps: Sequence[Step]) -> dict[tuple[str, str], Step]:
    return {(step.extension, step.priority): step for step in steps}


def _content(step: Step | None) -> tuple[str, str] | None:
    return None if step is None else (step.application, step.data)


def differing(wanted: Context, seen: Context | None) -> str:
    """The first thing that a switch lacks, has otherwise or has besides; empty for none.

    Args: seen: what it told; None: it has no such context.
    """
    seen = seen or Context(wanted.name, 0)
    have, want = _by_place(seen.steps), _by_place(wanted.steps)
    for place, step in want.items():
        if _content(have.get(place)) != _content(step):
            return f"{wanted.name}, {step.extension}, priority {step.priority}"
    for place, step in have.items():
        if place not in want:
            return f"the removal of {wanted.name}, {step.extension}, priority {step.priority}"
    if seen.includes != wanted.includes:
        return f"the includes of {wanted.name}"
    return ""


def _add(context: str, step: Step) -> Action:
    return {
        "Action": "DialplanExtensionAdd",
        "Context": context,
        "Extension": step.extension,
        "Priority": step.priority,
        "Application": step.application,
        "ApplicationData": step.data,
        "Replace": "yes",
    }


def _remove(context: str, step: Step) -> Action:
    return {
        "Action": "DialplanExtensionRemove",
        "Context": context,
        "Extension": step.extension,
        "Priority": step.priority,
    }


def _command(line: str) -> Action:
    return {"Action": "Command", "Command": line}
