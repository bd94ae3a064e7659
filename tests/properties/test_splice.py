"""A spliced change, played against a model of the running dialplan: it ends as a reload would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.asterisk.dialplan import Dialplan, parse
from orchestrator.asterisk.splice import NUMBERS, splice

Running = dict[str, dict[tuple[str, str], str]]
"""Steps by context, extension and priority; an include is a step of extension `include`."""

TENANTS = ("acme", "beta")
_versions = st.integers(0, 3)
_extensions = st.lists(st.integers(101, 106).map(str), unique=True, max_size=4)
_numbers = st.lists(st.integers(1, 5), unique=True, max_size=3)
_tenants = st.dictionaries(st.sampled_from(TENANTS), st.tuples(_versions, _extensions, _numbers))


def text(tenants: Mapping[str, tuple[int, list[str], list[int]]]) -> str:
    """A dialplan as ours: doors of one priority each, that lead into steps named after their content."""
    lines: list[str] = []
    taken: set[int] = set()
    for name, (version, extensions, numbers) in sorted(tenants.items()):
        steps = f"{name}-steps.{version}{len(extensions)}{''.join(extensions)}"
        own = [number for number in numbers if number not in taken]
        taken |= set(own)
        lines += [f"[{NUMBERS}]", *(f"exten => +7{number},1,Goto({steps},n{number},1)" for number in own)]
        lines += [f"[{name}-phones]", f"include => {name}-inside"]
        lines += [f"[{name}-inside]", *(f"exten => {each},1,Goto({steps},e{each},1)" for each in extensions)]
        lines += [
            f"[{steps}]",
            *(f"exten => e{each},1,Dial({version})\n same => n,Hangup()" for each in extensions),
        ]
    return "\n".join(lines)


def loaded(plan: Dialplan) -> Running:
    """What Asterisk has after a reload; a context without anything is none."""
    found: Running = {}
    for context in plan.contexts.values():
        steps = {(s.extension, s.priority): f"{s.application}({s.data})" for s in context.steps}
        steps |= {("include", name): "" for name in context.includes}
        if steps:
            found[context.name] = steps
    return found


def play(running: Running, actions: Sequence[Mapping[str, str]]) -> None:
    for action in actions:
        if action["Action"] == "DialplanExtensionAdd":
            place = (action["Extension"], action["Priority"])
            call = f"{action['Application']}({action['ApplicationData']})"
            running.setdefault(action["Context"], {})[place] = call
        elif action["Action"] == "DialplanExtensionRemove":
            del running[action["Context"]][(action["Extension"], action["Priority"])]
        else:
            _, verb, *words = action["Command"].split()
            if words[0] == "context":
                running.pop(words[1], None)
            elif verb == "add":
                running.setdefault(words[3], {})[("include", words[1])] = ""
            else:
                del running[words[3]][("include", words[1])]


def whole(running: Running) -> Running:
    return {name: steps for name, steps in running.items() if steps}


@given(_tenants, _tenants)
def test_spliced_or_reloaded_the_dialplan_is_the_same(
    before: dict[str, tuple[int, list[str], list[int]]], after: dict[str, tuple[int, list[str], list[int]]]
) -> None:
    old, new = parse(text(before)), parse(text(after))
    running = loaded(old)
    parts = splice(old, new, kept=())
    play(running, [*parts.prepare, *parts.swing, *parts.clear])
    assert whole(running) == loaded(new)


@given(_tenants, _tenants)
def test_after_every_single_action_each_door_leads_to_steps_that_are_there(
    before: dict[str, tuple[int, list[str], list[int]]], after: dict[str, tuple[int, list[str], list[int]]]
) -> None:
    old, new = parse(text(before)), parse(text(after))
    running = loaded(old)
    empty = {name for plan in (old, new) for name, context in plan.contexts.items() if not context.steps}
    parts = splice(old, new, kept=())
    for action in [*parts.prepare, *parts.swing]:
        play(running, [action])
        for context, steps in running.items():
            for call in steps.values():
                if call.startswith("Goto("):
                    target = call.removeprefix("Goto(").partition(",")[0]
                    assert target in running or target in empty, (context, call)


@given(_tenants)
def test_nothing_is_done_where_nothing_changes(tenants: dict[str, tuple[int, list[str], list[int]]]) -> None:
    plan = parse(text(tenants))
    parts = splice(plan, plan, kept=())
    assert (parts.prepare, parts.swing, parts.clear, parts.closed) == ((), (), (), ())


@given(_tenants, _tenants)
def test_steps_that_calls_may_be_in_stay(
    before: dict[str, tuple[int, list[str], list[int]]], after: dict[str, tuple[int, list[str], list[int]]]
) -> None:
    old, new = parse(text(before)), parse(text(after))
    kept = {name for name in old.contexts if "-steps." in name}
    running = loaded(old)
    parts = splice(old, new, kept)
    play(running, [*parts.prepare, *parts.swing, *parts.clear])
    assert {name for name in kept if old.contexts[name].steps} <= set(running)
