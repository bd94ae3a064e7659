"""Dialplan text as Asterisk's `pbx_config` reads it: contexts, extensions, priorities, includes, by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

HINT = "hint"

_SECTION = re.compile(r"\[([^\]]+)\]")
_PRIORITY = re.compile(r"(n|hint|\d+)(?:\+\d+)?(?:\(([\w-]+)\))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One priority. Args: priority: a number, or `hint`. application: for a hint, its devices."""

    extension: str
    priority: str
    application: str
    data: str
    label: str
    line: int


@dataclass(slots=True)
class Context:
    """Args: steps: in the order of the file. includes: names of contexts. line: of its first heading."""

    name: str
    line: int
    steps: list[Step] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)

    def extensions(self) -> frozenset[str]:
        return frozenset(step.extension for step in self.steps)

    def only(self, extension: str) -> Context:
        """The context with the steps of one extension alone."""
        return Context(self.name, self.line, [step for step in self.steps if step.extension == extension])


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that isn't dialplan. Args: why: what is wrong, in words."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Dialplan:
    """Args: contexts: by name. unread: lines that Asterisk would drop, most with no more than a warning."""

    contexts: Mapping[str, Context]
    unread: tuple[Unread, ...]


def parse(text: str) -> Dialplan:
    """The dialplan in a text; sections `[general]` and `[globals]` are passed over.

    >>> plan = parse("[a]\\nexten => 1,1,Answer()\\n same => n(on),Goto(b,1,1)\\ninclude => c\\n")
    >>> [(step.priority, step.application, step.data, step.label) for step in plan.contexts["a"].steps]
    [('1', 'Answer', '', ''), ('2', 'Goto', 'b,1,1', 'on')]
    """
    contexts: dict[str, Context] = {}
    unread: list[Unread] = []
    here: Context | None = None
    last = ("", 0)
    for number, line in _lines(text):
        if line.startswith("["):
            section = _SECTION.match(line)
            if section is None:
                unread.append(Unread(number, line, "a section's name has no `]`"))
                here = None
                continue
            name = section[1]
            here = (
                None if name in ("general", "globals") else contexts.setdefault(name, Context(name, number))
            )
        elif here is not None:
            key, arrow, value = (part.strip() for part in line.partition("=>"))
            if not arrow:
                unread.append(Unread(number, line, "no `=>`"))
            elif key == "include":
                here.includes.append(value)
            elif key in ("exten", "same"):
                step = _step(key, value, last, number)
                if isinstance(step, str):
                    unread.append(Unread(number, line, step))
                else:
                    here.steps.append(step)
                    last = (step.extension, last[1] if step.priority == HINT else int(step.priority))
            else:
                unread.append(Unread(number, line, f"`{key}` is no dialplan"))
        elif not line.startswith("#") and "=" not in line:
            unread.append(Unread(number, line, "outside any section"))
    return Dialplan(contexts, tuple(unread))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments and blank ones; `\\;` is a plain semicolon."""
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(?<!\\);.*", "", line).replace("\\;", ";").strip()
        if bare:
            yield number, bare


def _step(key: str, value: str, last: tuple[str, int], line: int) -> Step | str:
    """A step, or what is wrong with the line. Args: last: extension and priority of the step before."""
    if key == "exten":
        extension, comma, rest = value.partition(",")
        last = (extension.strip(), last[1] if extension.strip() == last[0] else 0)
        if not comma:
            return "an extension without a priority"
    else:
        rest = value
        if not last[0]:
            return "`same` without an extension before it"
    priority, comma, call = rest.partition(",")
    found = _PRIORITY.fullmatch(priority.strip())
    if found is None or not comma or not call.strip():
        return "a priority is a number or `n`, and an application follows it"
    if found[1] == HINT:
        return Step(last[0], HINT, call.strip(), "", "", line)
    number = last[1] + 1 if found[1] == "n" else int(found[1])
    application, bracket, data = call.strip().partition("(")
    if bracket and not data.endswith(")"):
        return "no `)` at the end"
    return Step(last[0], str(number), application.strip(), data[:-1] if bracket else "", found[2] or "", line)
