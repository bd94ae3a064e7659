"""Everything that a call of one tenant can run into, followed through the rendered dialplan alone.

A subroutine is followed once for each set of arguments it is called with, and they stand in its lines
then. So what a line says of a tenant, a context, an endpoint or a key of the database stands there in full.
A context that is absent is reached by nobody: a call that is led to it ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from isolation.asterisk_config import Context, Line, split

DOORS = ("vpbx-on-platform",)
"""Where a call leaves its tenant as it would leave the platform: by an external number."""

_JUMPS = {"goto", "gosub"}
_BRANCHES = {"gotoif", "gosubif", "execif"}
_ARGUMENT = re.compile(r"\$\{ARG(\d+)\}")
_PRE_DIAL = re.compile(r"(?<![A-Za-z])[bB]\(([^()^,]+)\^([^()^,]+)\^(\d+)(?:\(([^()]*)\))?\)")
_ANSWERED = re.compile(r"(?<![A-Za-z])U\(([^()^,]+)((?:\^[^()^,]*)*)\)")
_LOCAL = re.compile(r"Local/([^@&,]+)@([^/&,)]+)")
_KEPT = re.compile(r"^_{0,2}(VPBX_\w+)$")
_VARIABLE = re.compile(r"^\$\{(VPBX_\w+)\}$")
_CONTEXT_VARIABLE = re.compile(r"^_{0,2}(\w*_CONTEXT)$")

Arguments = tuple[str, ...]


class Unproven(AssertionError):
    """A line leads where only a running call knows."""


@dataclass(slots=True)
class Reach:
    """What is reached from some places.

    Args: plan: contexts by name. variables: contexts that lines before have put into them; None: they are
    learnt, and what they would lead to is passed over. lines: with their arguments in place.
    """

    plan: Mapping[str, Context]
    variables: Mapping[str, set[str]] | None = None
    learnt: dict[str, set[str]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    contexts: set[str] = field(default_factory=set)
    _seen: set[tuple[str, str, Arguments]] = field(default_factory=set)

    def context(self, name: str, arguments: Arguments = ()) -> None:
        """Whatever may be dialled in a context, with all that it includes."""
        if (name, "*", arguments) in self._seen or name in DOORS or name not in self.plan:
            return
        self._seen.add((name, "*", arguments))
        self.contexts.add(name)
        for extension in dict.fromkeys(line.extension for line in self.plan[name].lines):
            self.extension(name, extension, arguments, including=name)
        for include in self.plan[name].includes:
            self._included(include, name)

    def extension(self, context: str, extension: str, arguments: Arguments = (), including: str = "") -> None:
        """One extension. Args: including: the context that `${CONTEXT}` is."""
        if (context, extension, (including, *arguments)) in self._seen or context in DOORS:
            return
        if context not in self.plan:
            return
        self._seen.add((context, extension, (including, *arguments)))
        self.contexts.add(context)
        lines = self.plan[context].of(extension) or self.plan[context].lines
        for line in lines:
            told = _ARGUMENT.sub(lambda found: _nth(arguments, int(found[1])), line.data)
            told = told.replace("${CONTEXT}", including or context)
            self.lines.append(replace(line, data=told))
            self._follow(replace(line, data=told), arguments)

    def _included(self, name: str, including: str) -> None:
        key = (name, "*included*", (including,))
        if key in self._seen or name not in self.plan:
            return
        self._seen.add(key)
        self.contexts.add(name)
        for extension in dict.fromkeys(line.extension for line in self.plan[name].lines):
            self.extension(name, extension, (), including)
        for include in self.plan[name].includes:
            self._included(include, including)

    def _follow(self, line: Line, arguments: Arguments) -> None:
        self._call(line, line.application, line.data, arguments)

    def _call(self, line: Line, application: str, data: str, arguments: Arguments) -> None:
        name = application.lower()
        if name in _JUMPS:
            self._jump(line, data, arguments, gosub=name == "gosub")
        elif name in _BRANCHES:
            for branch in _branches(data):
                if name == "execif":
                    called, _, rest = branch.partition("(")
                    self._call(line, called.strip(), rest[: rest.rfind(")")], arguments)
                else:
                    self._jump(line, branch, arguments, gosub=name == "gosubif")
        elif name == "set":
            variable, _, value = data.partition("=")
            if _CONTEXT_VARIABLE.match(variable.strip()):
                self._reach(line, value, "$")
            kept = _KEPT.match(variable.strip())
            if kept is not None and "$" not in value:
                self.learnt.setdefault(kept[1], set()).add(value)
        for context, extension, _, given in _PRE_DIAL.findall(data):
            self._reach(line, context, extension, tuple(given.split("^")))
        for context, given in _ANSWERED.findall(data):
            self._reach(line, context, "s", tuple(given.split("^")[1:]))
        for extension, context in _LOCAL.findall(data):
            self._reach(line, context, extension)

    def _jump(self, line: Line, data: str, arguments: Arguments, *, gosub: bool) -> None:
        target, given = _arguments(data)
        parts = [part.strip() for part in split(target)]
        if not data.strip() or len(parts) == 1:
            return
        context = parts[0] if len(parts) == 3 else line.context
        extension = parts[-2]
        passed = tuple(split(given)) if gosub else arguments
        self._reach(line, context, extension, passed)

    def _reach(self, line: Line, context: str, extension: str, arguments: Arguments = ()) -> None:
        """An extension of a context; all of it when only a running call knows which."""
        for name in sorted(self._known(line, context)):
            if "$" in extension:
                self.context(name, arguments)
            else:
                self.extension(name, extension, arguments)

    def _known(self, line: Line, context: str) -> set[str]:
        if "$" not in context:
            return {context}
        kept = _VARIABLE.match(context)
        if kept is not None and self.variables is None:
            return set()
        if kept is not None and self.variables is not None and kept[1] in self.variables:
            return self.variables[kept[1]]
        raise Unproven(f"{line.where}: {line.application}({line.data}) leads to {context}")


def _nth(arguments: Sequence[str], number: int) -> str:
    return arguments[number - 1] if number <= len(arguments) else ""


def _arguments(text: str) -> tuple[str, str]:
    """`ctx,s,1(a,b)` as where it leads and what it hands over."""
    depth = 0
    for index, sign in enumerate(text):
        if sign == "(" and depth == 0:
            return text[:index], text[index + 1 : text.rindex(")")]
        depth += (sign in "{[") - (sign in "}]")
    return text, ""


def _branches(data: str) -> Iterator[str]:
    condition = split(data, "?")
    if len(condition) > 1:
        yield from (branch.strip() for branch in split("?".join(condition[1:]), ":") if branch.strip())
