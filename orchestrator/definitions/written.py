"""Where a value of the model stands in the YAML, found again by its position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestrator.definitions.marked import parse
from orchestrator.definitions.schema import KINDS
from orchestrator.definitions.show import excerpt
from orchestrator.definitions.source import read_source, split_lines
from orchestrator.definitions.tree import Marked, MarkedList, MarkedMapping, MarkedText
from orchestrator.model.problem import Position, Problem

DEFAULTS_IN_PLATFORM = {
    "tariff": "defaults.tariff",
    "node": "defaults.node",
    "trunk": "defaults.trunk",
    "trunks": "defaults.trunks",
    "trunk_order": "defaults.trunk_order",
    "ring_timeout_s": "defaults.ring_timeout_s",
    "outgoing.allow": "defaults.dial_classes",
    "time_zone": "time_zone",
    "language": "language",
}
"""What holds for a tenant that doesn't write a field: a field of platform.yaml."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file of the project. Args: default: the field that isn't written there; empty: it is."""

    position: Position
    default: str = ""


@cache
def field_names() -> frozenset[str]:
    """The last part of every field's path in every kind of file."""
    rows = (path for kind in KINDS.values() for path, _ in kind.rows(""))
    return frozenset(path.removesuffix("[]").rpartition(".")[2] for path in rows)


class WrittenFiles:
    """The YAML files of a project as trees. Each is read once, when it is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, list[str]] = {}
        self._trees: dict[str, Marked | None] = {}

    def excerpt(self, position: Position) -> tuple[str, str]:
        """The line at a place and a caret under its column; secrets are masked, an unread file is empty."""
        self._tree(position.file)
        lines = self._texts[position.file]
        line = lines[position.line - 1] if position.line <= len(lines) else ""
        return excerpt(line, position.column)

    def at(self, holder: Position, key: str, path: tuple[str, ...]) -> Place:
        """The place of a field.

        Args: holder: of the record that has it. key: the record's name where it stands in a mapping by name.
        path: of the field, below the record.
        """
        tree = self._tree(holder.file)
        node = None if tree is None else _record_at(tree, holder, key)
        place = holder
        for step in path:
            if not isinstance(node, MarkedMapping):
                break
            below = next((value for name, value in node.entries if name.text == step), None)
            if below is None:
                known = step in field_names()
                return Place(place, ".".join(path)) if known else Place(place)
            node, place = below, below.position
        return Place(place)

    def item(self, place: Place, text: str) -> Place:
        """The item of the list at a place that has this text; the place itself when there is none."""
        tree = self._tree(place.position.file)
        for node in _nodes(tree) if tree is not None and not place.default else ():
            if isinstance(node, MarkedList) and node.position == place.position:
                for each in node.items:
                    if isinstance(each, MarkedText) and each.text == text:
                        return Place(each.position)
        return place

    def entry(self, place: Place, name: str) -> Place:
        """The entry of the mapping at a place that has this name; a default when it has none."""
        if place.default:
            return Place(place.position, f"{place.default}.{name}")
        tree = self._tree(place.position.file)
        node = None if tree is None else _record_at(tree, place.position, "")
        if not isinstance(node, MarkedMapping):
            return place
        found = next((key.position for key, _ in node.entries if key.text == name), None)
        return Place(place.position, name) if found is None else Place(found)

    def root(self, file: str) -> Position:
        """Where a file's content begins."""
        tree = self._tree(file)
        return Position(file) if tree is None else tree.position

    def _tree(self, file: str) -> Marked | None:
        if file not in self._trees:
            source = read_source(self._root, file)
            text = "" if isinstance(source, Problem) else source.text
            self._texts[file] = split_lines(text)
            self._trees[file] = parse(text, file)[0]
        return self._trees[file]


def _record_at(tree: Marked, position: Position, key: str) -> Marked | None:
    """The mapping at a position: what stands behind a key of that name, else the outermost node there."""
    found: Marked | None = None
    for node in _nodes(tree):
        if isinstance(node, MarkedMapping):
            for name, value in node.entries:
                if name.position == position and name.text == key:
                    return value
        if found is None and node.position == position:
            found = node
    return found


def _nodes(tree: Marked) -> Iterator[Marked]:
    """All nodes, the outer before the inner."""
    yield tree
    below = tree.items if isinstance(tree, MarkedList) else ()
    if isinstance(tree, MarkedMapping):
        below = tuple(value for _, value in tree.entries)
    for node in below:
        yield from _nodes(node)
