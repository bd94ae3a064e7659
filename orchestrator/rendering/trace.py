"""A rendering that remembers where each line came from: template line, and what of the model it printed.

The templates stay as they are. Their syntax trees get calls between the pieces of output, each of which
leaves a mark in the text (control characters, which no value may hold); the marks are cut out again and the
rest must be the very text of an ordinary rendering. An ordinary rendering does none of this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from orchestrator.errors import RenderFailed
from orchestrator.model.platform import Definitions, Node
from orchestrator.rendering.filters import FILTERS, finalize
from orchestrator.rendering.render import Rendered, SwitchSecrets, render

_OPEN, _CLOSE = "\x02", "\x03"
_MARK = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_PIECE = re.compile(r"[^\n]*\n|[^\n]+")
_DEEPEST = 4
"""How far a name is followed through `set` and `for` to what it was made of."""


@dataclass(frozen=True, slots=True)
class Read:
    """A value of the model that a template read.

    Args: value: of the name, e.g. a Platform. path: what was read below it, e.g. `("limits", "codecs")`.
    made_of: what the name itself was made of, when the template set it or loops over it.
    """

    value: object
    path: tuple[str, ...]
    made_of: tuple[Read, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of output.

    Args: template: its name. line: in it. is_text: it stands so in the template. reads: what it printed.
    around: values of the loops and macro arguments that it stands in, the innermost last.
    """

    template: str
    line: int
    is_text: bool
    reads: tuple[Read, ...]
    around: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class TracedLine:
    """A line of a rendered file. Args: marks: of its pieces, in order; none for what no template made."""

    text: str
    marks: tuple[Mark, ...]


@dataclass(slots=True)
class _Trace:
    """What one rendering left. Args: blanks: empty lines get a mark too."""

    blanks: bool
    marks: list[Mark] = field(default_factory=list)


def traced(
    definitions: Definitions, node: Node, secrets: SwitchSecrets, share: Path
) -> Mapping[str, tuple[TracedLine, ...]]:
    """The files of a node's configuration, line by line. Args and Raises: as `render`."""
    plain = render(definitions, node, secrets, share)
    for blanks in (True, False):
        trace = _Trace(blanks)
        marked = render(definitions, node, secrets, share, environment_of=partial(_TracingEnvironment, trace))
        texts = {path: file.text for path, file in marked.files.items()}
        for old, new in zip(_digests(marked), _digests(plain), strict=True):
            texts = {path: text.replace(old, new) for path, text in texts.items()}
        if all(_MARK.sub("", texts[path]) == file.text for path, file in plain.files.items()):
            return {path: tuple(_lines(text, trace.marks)) for path, text in texts.items()}
    raise RenderFailed("the traced rendering isn't the ordinary one", "this is a fault of vpbx")


def _digests(rendered: Rendered) -> tuple[str, ...]:
    steps = (part.steps for part in rendered.parts.values())
    return (*steps, *rendered.marks.values(), rendered.trunks, rendered.generation)


def _lines(text: str, marks: Sequence[Mark]) -> Iterator[TracedLine]:
    for line in text.removesuffix("\n").split("\n"):
        found = tuple(marks[int(number)] for number in _MARK.findall(line))
        yield TracedLine(_MARK.sub("", line), found)


class _TracingEnvironment(jinja2.Environment):
    """Compiles every template with marks. The arguments of `jinja2.Environment` stay as they are."""

    def __init__(self, trace: _Trace, **settings: object) -> None:
        super().__init__(**{**settings, "finalize": _finalize})  # type: ignore[arg-type]
        self._trace = trace

    def mark(
        self, template: str, line: int, is_text: bool, reads: Sequence[object], around: Sequence[object]
    ) -> str:
        """Called by the compiled templates. Returns: the mark to print."""
        self._trace.marks.append(Mark(template, line, is_text, _reads(reads), _reads(around)))
        return f"{_OPEN}{len(self._trace.marks) - 1}{_CLOSE}"

    def get_template(self, *arguments: Any, **named: Any) -> jinja2.Template:
        self.filters.update({each: _unmarked(made) for each, made in FILTERS.items()})
        return super().get_template(*arguments, **named)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        marked = _Marking(name or "", self._trace.blanks).visit(source)
        return super()._generate(marked, name, filename, defer_init)


def _finalize(value: object) -> object:
    """As of an ordinary rendering, past the marks of a macro's output."""
    if isinstance(value, str) and _OPEN in value:
        finalize(_MARK.sub("", value))
        return value
    return finalize(value)


def _unmarked(made: Callable[..., str]) -> Callable[..., str]:
    def call(value: object, *arguments: object) -> str:
        return made(_MARK.sub("", value) if isinstance(value, str) else value, *arguments)

    return call


def _reads(found: Sequence[object]) -> tuple[Read, ...]:
    """What compiled templates hand over: nested tuples of value, path and what it is made of."""
    handed = cast("Sequence[tuple[object, tuple[str, ...], Sequence[object]]]", found)
    return tuple(Read(value, path, _reads(made_of)) for value, path, made_of in handed)


class _Marking(NodeTransformer):
    """Puts marks between the pieces of output of one template."""

    def __init__(self, template: str, blanks: bool) -> None:
        self._template = template
        self._blanks = blanks
        self._around: list[str] = []
        self._made_of: dict[str, nodes.Expr] = {}

    def visit_For(self, node: nodes.For) -> nodes.Node:
        names = [each.name for each in node.target.find_all(nodes.Name)] or [_name(node.target)]
        kept = dict(self._made_of)
        self._made_of |= dict.fromkeys(filter(None, names), node.iter)  # type: ignore[arg-type]
        self._around += filter(None, names)
        node.body = [self.visit(each) for each in node.body]
        self._around = self._around[: len(self._around) - len(names)]
        self._made_of = kept
        node.else_ = [self.visit(each) for each in node.else_]
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        kept, self._around = self._around, [argument.name for argument in node.args]
        made_of, self._made_of = self._made_of, {}
        node.body = [self.visit(each) for each in node.body]
        self._around, self._made_of = kept, made_of
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:
        for target in [node.target, *node.target.find_all(nodes.Name)]:
            if isinstance(target, nodes.Name):
                self._made_of[target.name] = node.node  # type: ignore[assignment]
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        pieces: list[nodes.Expr] = []
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                pieces += self._text(child, begins=not pieces)
            else:
                pieces += [self._mark(child.lineno, self._printed(child)), child]
        node.nodes = pieces
        return node

    def _text(self, data: nodes.TemplateData, begins: bool) -> Iterator[nodes.Expr]:
        """Marks before the first sign of each line, so that what strips white space strips the same.

        Args: begins: no value stands before it on its line.
        """
        for number, piece in enumerate(_PIECE.findall(data.data)):
            line = data.lineno + number
            begin = len(piece) - len(piece.lstrip())
            is_blank = begin == len(piece)
            if not is_blank or (self._blanks and piece.endswith("\n") and (number or begins)):
                begin = begin - 1 if is_blank else begin
                yield nodes.TemplateData(piece[:begin], lineno=line)
                yield self._mark(line, None)
                yield nodes.TemplateData(piece[begin:], lineno=line)
            else:
                yield nodes.TemplateData(piece, lineno=line)

    def _mark(self, line: int, reads: list[nodes.Expr] | None) -> nodes.Expr:
        """Args: reads: None for text."""
        around = [self._named(name, (), _DEEPEST, line) for name in self._around]
        arguments: list[nodes.Expr] = [
            nodes.Const(self._template, lineno=line),
            nodes.Const(line, lineno=line),
            nodes.Const(reads is None, lineno=line),
            nodes.Tuple(reads or [], "load", lineno=line),
            nodes.Tuple(around, "load", lineno=line),
        ]
        return nodes.Call(
            nodes.EnvironmentAttribute("mark", lineno=line), arguments, [], None, None, lineno=line
        )

    def _printed(self, expression: nodes.Expr) -> list[nodes.Expr]:
        """What an expression reads, without what it only hands on to a macro: that tells what it prints."""
        if not isinstance(expression, nodes.Call):
            return self._read(expression, _DEEPEST)
        made = [each for each in expression.args if not isinstance(each, nodes.Name)]
        return [read for each in made for read in self._read(each, _DEEPEST)]

    def _read(self, expression: nodes.Node, depth: int) -> list[nodes.Expr]:
        """What an expression reads: each name in it, with what is read below the name."""
        path: list[str] = []
        inner = expression
        while isinstance(inner, nodes.Getattr):
            path.insert(0, inner.attr)
            inner = inner.node
        if isinstance(inner, nodes.Name):
            return [self._named(inner.name, tuple(path), depth, expression.lineno)]
        return [read for child in expression.iter_child_nodes() for read in self._read(child, depth)]

    def _named(self, name: str, path: tuple[str, ...], depth: int, line: int) -> nodes.Expr:
        made_of = self._made_of.get(name)
        below = self._read(made_of, depth - 1) if made_of is not None and depth else []
        parts: list[nodes.Expr] = [
            nodes.Name(name, "load", lineno=line),
            nodes.Const(path, lineno=line),
            nodes.Tuple(below, "load", lineno=line),
        ]
        return nodes.Tuple(parts, "load", lineno=line)


def _name(target: nodes.Node) -> str:
    return target.name if isinstance(target, nodes.Name) else ""
