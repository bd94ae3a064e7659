"""Faults in a dialplan that Asterisk itself would only find when a call runs into them. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.asterisk.dialplan import HINT, Context, Dialplan, Step

_JUMPS = frozenset({"goto", "gosub"})
_BRANCHES = frozenset({"gotoif", "gosubif", "gotoiftime"})
_PLAYERS = frozenset({"playback", "background"})
_PRE_DIAL = re.compile(r"(?<![A-Za-z])[bB]\(([^()^,]+)\^([^()^,]+)\^(\d+)")
_ANSWERED = re.compile(r"(?<![A-Za-z])U\(([^()^,]+)")
_LOCAL = re.compile(r"Local/([^&,)]+?)@([A-Za-z0-9_.-]+)")
_FUNCTION = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\(")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Args: file: below the configuration directory. what: in words, for an operator or an engineer."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True)
class Known:
    """What a switch has.

    Args: applications, functions: in lower case; empty: not known. sounds: paths without their ending.
    """

    applications: Container[str]
    functions: Container[str]
    sounds: Container[str]


def faults(plans: Mapping[str, Dialplan], known: Known, elsewhere: Container[str] = ()) -> list[Fault]:
    """All faults, in the order of files and lines.

    Args: plans: dialplan by file, everything that leads from one to the other. elsewhere: contexts that
    exist though no file here has them.
    """
    contexts: dict[str, list[Context]] = {}
    for plan in plans.values():
        for context in plan.contexts.values():
            contexts.setdefault(context.name, []).append(context)
    check = _Check(contexts, known, elsewhere)
    found: set[Fault] = set()
    for file, plan in plans.items():
        found |= {Fault(file, line.line, f"{line.why}: `{line.text}`") for line in plan.unread}
        for context in plan.contexts.values():
            found |= {
                Fault(file, context.line, f"[{context.name}] includes `{name}`, which is no context")
                for name in context.includes
                if not check.has(name)
            }
            for step in context.steps:
                found |= {Fault(file, step.line, what) for what in check.step(context.name, step)}
    return sorted(found)


class _Check:
    def __init__(
        self, contexts: Mapping[str, Sequence[Context]], known: Known, elsewhere: Container[str]
    ) -> None:
        self._contexts, self._known, self._elsewhere = contexts, known, elsewhere

    def has(self, context: str) -> bool:
        return context in self._contexts or context in self._elsewhere

    def step(self, context: str, step: Step) -> Iterator[str]:
        if step.priority != HINT:
            yield from self._call(context, step.extension, step.application, step.data)

    def _call(self, context: str, extension: str, application: str, data: str) -> Iterator[str]:
        name = application.lower()
        if self._known.applications and name not in self._known.applications:
            yield f"the switch has no application `{application}`"
        for function in _FUNCTION.findall(data):
            if self._known.functions and function.lower() not in self._known.functions:
                yield f"the switch has no function `{function}`"
        if name in _JUMPS:
            yield from self._target(context, extension, data)
        elif name in _BRANCHES:
            for branch in _branches(data):
                yield from self._target(context, extension, branch)
        elif name == "execif":
            for branch in _branches(data):
                called, _, rest = branch.partition("(")
                yield from self._call(context, extension, called.strip(), rest[: rest.rfind(")")])
        elif name in _PLAYERS:
            yield from self._sounds(data)
        yield from self._in_dial(data)

    def _target(self, context: str, extension: str, text: str) -> Iterator[str]:
        parts = [part.strip() for part in _split(_without_arguments(text), ",")]
        if not text or not 1 <= len(parts) <= 3:
            return
        to_context = parts[0] if len(parts) == 3 else context
        to_extension = parts[-2] if len(parts) > 1 else extension
        yield from self._place(to_context, to_extension, parts[-1])

    def _place(self, context: str, extension: str, priority: str) -> Iterator[str]:
        if "$" in context:
            return
        if not self.has(context):
            yield f"there is no context `{context}` to go to"
        elif "$" not in extension and context in self._contexts:
            steps = list(self._steps(context, extension, set()))
            if not steps:
                yield f"there is no extension `{extension}` in `{context}` to go to"
            elif "$" not in priority and not any(priority in (step.priority, step.label) for step in steps):
                yield f"`{extension}` in `{context}` has no priority `{priority}`"

    def _steps(self, name: str, extension: str, seen: set[str]) -> Iterator[Step]:
        """Steps that an extension finds in a context and what it includes."""
        if name in seen:
            return
        seen.add(name)
        for context in self._contexts.get(name, ()):
            yield from (step for step in context.steps if _matches(step.extension, extension))
            for include in context.includes:
                yield from self._steps(include, extension, seen)

    def _in_dial(self, data: str) -> Iterator[str]:
        for context, extension, priority in _PRE_DIAL.findall(data):
            yield from self._place(context, extension, priority)
        for context in _ANSWERED.findall(data):
            yield from self._place(context, "s", "1")
        for extension, context in _LOCAL.findall(data):
            yield from self._place(context, extension, "1")

    def _sounds(self, data: str) -> Iterator[str]:
        for sound in _split(data, ",")[0].split("&"):
            if sound and "$" not in sound and sound not in self._known.sounds:
                yield f"there is no sound `{sound}`"


def _matches(pattern: str, extension: str) -> bool:
    """Whether an extension is the pattern, or may match it; ours are strict, so a glance is enough."""
    if not pattern.startswith("_"):
        return pattern == extension
    classes = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
    regex = "".join(
        token if token.startswith("[") else classes.get(token, re.escape(token))
        for token in re.findall(r"\[[^\]]*\]|.", pattern[1:])
    )
    return re.fullmatch(regex, extension) is not None


def _branches(data: str) -> list[str]:
    """What follows `?`: the branch for true and, when there is one, that for false."""
    condition = _split(data, "?")
    if len(condition) < 2:
        return []
    return [branch.strip() for branch in _split("?".join(condition[1:]), ":") if branch.strip()]


def _without_arguments(text: str) -> str:
    """`ctx,s,1(a,b)` without what is handed over."""
    depth = 0
    for index, sign in enumerate(text):
        if sign == "(" and depth == 0:
            return text[:index]
        depth += (sign in "{[") - (sign in "}]")
    return text


def _split(text: str, at: str) -> list[str]:
    """Split outside every kind of bracket.

    >>> _split("$[1?2]?a,b", "?")
    ['$[1?2]', 'a,b']
    """
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if sign == at and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
