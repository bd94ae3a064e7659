"""YAML as a marked tree: every scalar is text and everything knows its place.

PyYAML's own typing is never used: it reads `0101` as 65, `12:30` as 750 and `no` as false. Events, and no
recursion, because a deep file must be refused rather than overflow a stack.

Rule: a file has at most 50 levels, 50,000 nodes with aliases written out, 100 aliases, 4,096 characters a
scalar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.tree import Marked, MarkedList, MarkedMapping, MarkedText
from orchestrator.model.problem import Position, Problem

DEPTH_LIMIT = 50
NODE_LIMIT = 50_000
ALIAS_LIMIT = 100
SCALAR_LIMIT = 4096
PROBLEM_LIMIT = 100
_PLAIN_DEPTH = DEPTH_LIMIT - 2

LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader when libyaml is there (ten times as fast), or Python's."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def parse(text: str, file: str) -> tuple[Marked | None, tuple[Problem, ...]]:
    """The marked tree of one YAML document.

    Args: text: of the file. file: project-relative, for positions.
    Returns: the tree, None when the file can't be used at all; and what is wrong with it.
    """
    tree = _plain_tree(text, file)
    return (tree, ()) if tree is not None else _composed(text, file)


def _composed(text: str, file: str) -> tuple[Marked | None, tuple[Problem, ...]]:
    """Any document, with what is wrong in it."""
    composer = _Composer(file)
    try:
        for event in _events(text):
            composer.take(event)
            if composer.stopped or len(composer.problems) > PROBLEM_LIMIT:
                return None, tuple(composer.problems)
    except yaml.MarkedYAMLError as error:
        where = _place_of(error, text, file)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        composer.refuse(where, "yaml-syntax", f"not YAML: {said}", "finish or correct what is written here")
        return None, tuple(composer.problems)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        composer.refuse(Position(file), "yaml-syntax", f"not YAML: {quoted(str(error))}")
        return None, tuple(composer.problems)
    if composer.root is None:
        composer.refuse(
            Position(file), "yaml-empty", f"{file} is empty", "see docs/yaml.md for what belongs in it"
        )
    return composer.root, tuple(composer.problems)


def _plain_tree(text: str, file: str) -> Marked | None:
    """The same tree for a document with nothing unusual in it, in a third of the time.

    Returns: None for whatever has a fault, a tag, an anchor or an alias: the composer says what of it.
    """
    if "\\" in text or _FORBIDDEN.search(text) is not None:
        return None
    loader = LOADER(text)
    try:
        return _plain_document(loader.get_event, file)
    except (yaml.YAMLError, ValueError, OverflowError):
        return None
    finally:
        loader.dispose()


def _plain_document(next_event: Callable[[], Event | None], file: str) -> Marked | None:
    """What plain events make up, as `_plain_tree`. Args: next_event: gives None when there are no more.

    A mapping that is still open is the list of its keys and values by turns.
    """
    holder: list[Marked] = []
    open_holders: list[tuple[list[Marked], int, int]] = []
    nodes = 0
    while (event := next_event()) is not None:
        mark = event.start_mark
        if mark is None:
            return None
        if isinstance(event, ScalarEvent):
            value = event.value
            if event.tag is not None or event.anchor is not None or len(value) > SCALAR_LIMIT:
                return None
            if len(holder) > NODE_LIMIT:
                return None
            holder.append(MarkedText(value, not event.style, file, mark.line + 1, mark.column + 1))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if event.tag is not None or event.anchor is not None or len(open_holders) >= _PLAIN_DEPTH:
                return None
            open_holders.append((holder, mark.line + 1, mark.column + 1))
            holder = []
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            nodes += len(holder) + 1
            if nodes > NODE_LIMIT:
                return None
            node: Marked | None
            above, line, column = open_holders.pop()
            if isinstance(event, SequenceEndEvent):
                node = MarkedList(tuple(holder), file, line, column)
            else:
                node = _plain_mapping(holder, file, line, column)
                if node is None:
                    return None
            holder = above
            holder.append(node)
        elif isinstance(event, AliasEvent):
            return None
    return holder[0] if len(holder) == 1 else None


def _plain_mapping(holder: list[Marked], file: str, line: int, column: int) -> MarkedMapping | None:
    """None when a key is no scalar, stands there twice, or may be a merge key."""
    keys = [key for key in holder[::2] if isinstance(key, MarkedText)]
    texts = {key.text for key in keys}
    if 2 * len(texts) != len(holder) or "<<" in texts:
        return None
    return MarkedMapping(tuple(zip(keys, holder[1::2], strict=True)), file, line, column)


def _place_of(error: yaml.MarkedYAMLError, text: str, file: str) -> Position:
    """Where it went wrong; when that is the end of the file, where the unfinished thing began."""
    mark = error.problem_mark or error.context_mark
    if mark is not None and mark.index >= len(text.rstrip()) and error.context_mark is not None:
        mark = error.context_mark
    return Position(file, mark.line + 1, mark.column + 1) if mark is not None else Position(file)


def _events(text: str) -> Iterator[Event]:
    events: Iterator[Event] = yaml.parse(text, Loader=LOADER)
    return events


@dataclass(slots=True)
class _Open:
    """A list or mapping that isn't closed yet. size: nodes in it; height: levels below it."""

    is_mapping: bool
    position: Position
    anchor: str | None
    items: list[Marked] = field(default_factory=list)
    entries: dict[str, tuple[MarkedText, Marked]] = field(default_factory=dict)
    key: MarkedText | None = None
    skips: bool = False
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class _Composer:
    """Puts events together into a tree; `stopped` once there is no use in going on."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    root: Marked | None = None
    stopped: bool = False
    documents: int = 0
    nodes: int = 0
    aliases: int = 0
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Marked, int, int]] = field(default_factory=dict)

    def refuse(self, position: Position, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(position, "", code, message, hint))

    def stop(self, position: Position, code: str, message: str, hint: str = "") -> None:
        self.refuse(position, code, message, hint)
        self.stopped = True

    def take(self, event: Event) -> None:
        mark = event.start_mark
        where = Position(self.file, mark.line + 1, mark.column + 1) if mark else Position(self.file)
        if isinstance(event, ScalarEvent):
            self._check_tag(event.tag, where)
            self._scalar(event, where)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._check_tag(event.tag, where)
            self._start(isinstance(event, MappingStartEvent), event.anchor, where)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._end()
        elif isinstance(event, AliasEvent):
            self._alias(event.anchor or "", where)
        elif isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.stop(
                    where, "yaml-documents", "a second document in one file", "one file holds one document"
                )

    def _check_tag(self, tag: str | None, where: Position) -> None:
        if tag is not None:
            self.refuse(
                where, "yaml-tag", f"explicit tag {quoted(tag)}", "delete it: the field says its type"
            )

    def _scalar(self, event: ScalarEvent, where: Position) -> None:
        if len(event.value) > SCALAR_LIMIT:
            self.stop(where, "yaml-size", f"a scalar of more than {SCALAR_LIMIT} characters", "shorten it")
            return
        text = event.value
        bad = _FORBIDDEN.search(text)
        if bad is not None:
            self.refuse(
                where, "control-character", f"control character U+{ord(bad.group()):04X}", "delete it"
            )
            text = _FORBIDDEN.sub("", text)
        node = MarkedText(text, not event.style, where.file, where.line, where.column)
        self._anchored(event.anchor, node, 1, 1)
        self._add(node, 1, 1)

    def _start(self, is_mapping: bool, anchor: str | None, where: Position) -> None:
        if len(self.open) >= DEPTH_LIMIT:
            self._too_deep(where)
            return
        if self.open and self.open[-1].is_mapping and self.open[-1].key is None and not self.open[-1].skips:
            self.stop(
                where,
                "yaml-key",
                "a list or mapping as a key",
                "a key is plain text; quote it if it has { or [",
            )
            return
        self.open.append(_Open(is_mapping, where, anchor))

    def _end(self) -> None:
        done = self.open.pop()
        node: Marked
        at = done.position
        if done.is_mapping:
            node = MarkedMapping(tuple(done.entries.values()), at.file, at.line, at.column)
        else:
            node = MarkedList(tuple(done.items), at.file, at.line, at.column)
        self._anchored(done.anchor, node, done.size, done.height)
        self._add(node, done.size, done.height)

    def _alias(self, anchor: str, where: Position) -> None:
        self.aliases += 1
        if self.aliases > ALIAS_LIMIT:
            self.stop(
                where, "yaml-alias", f"more than {ALIAS_LIMIT} aliases in one file", "write the values out"
            )
        elif anchor not in self.anchors:
            hint = (
                "an alias can't stand inside what it names"
                if self._is_open(anchor)
                else "name it with & before"
            )
            self.stop(
                where, "yaml-alias", f"alias *{quoted(anchor)} names nothing that is complete here", hint
            )
        else:
            node, size, height = self.anchors[anchor]
            self.nodes += size - 1
            self._add(node, size, height)

    def _is_open(self, anchor: str) -> bool:
        return any(each.anchor == anchor for each in self.open)

    def _anchored(self, anchor: str | None, node: Marked, size: int, height: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size, height)

    def _add(self, node: Marked, size: int, height: int) -> None:
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            message = f"more than {NODE_LIMIT} values, aliases written out"
            self.stop(node.position, "yaml-size", message, "split the file")
            return
        if len(self.open) + height > DEPTH_LIMIT + 1:
            self._too_deep(node.position)
            return
        if not self.open:
            self.root = node
            return
        holder = self.open[-1]
        holder.size += size
        holder.height = max(holder.height, height + 1)
        if not holder.is_mapping:
            holder.items.append(node)
        elif holder.skips:
            holder.skips = False
        elif holder.key is None:
            self._key(holder, node)
        else:
            holder.entries[holder.key.text] = (holder.key, node)
            holder.key = None

    def _key(self, holder: _Open, node: Marked) -> None:
        if not isinstance(node, MarkedText):
            self.stop(node.position, "yaml-key", "a list or mapping as a key", "a key is plain text")
        elif node.text == "<<" and node.plain:
            holder.skips = True
            self.refuse(node.position, "yaml-merge", "merge key `<<`", "write the fields out")
        elif node.text in holder.entries:
            holder.skips = True
            first = holder.entries[node.text][0].position
            message = f"{quoted(node.text)} stands here a second time; first at line {first.line}"
            self.refuse(node.position, "duplicate-key", message, "keep one of them")
        else:
            holder.key = node

    def _too_deep(self, where: Position) -> None:
        self.stop(
            where,
            "yaml-depth",
            f"nested deeper than {DEPTH_LIMIT} levels",
            "nothing here needs more than six",
        )
