"""The marked tree: what a YAML file holds, every part of it with its place."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from orchestrator.model.problem import Position


class MarkedText(NamedTuple):
    """A scalar. Args: plain: written without quotes, so that nothing or `~` means no value.

    A tuple, and its place as numbers: a thousand tenants have a hundred thousand scalars.
    """

    text: str
    plain: bool
    file: str
    line: int = 1
    column: int = 1

    @property
    def position(self) -> Position:
        return Position(self.file, self.line, self.column)

    @property
    def is_nothing(self) -> bool:
        return self.plain and self.text in ("", "~", "null")


class MarkedList(NamedTuple):
    items: tuple[Marked, ...]
    file: str
    line: int = 1
    column: int = 1

    @property
    def position(self) -> Position:
        return Position(self.file, self.line, self.column)


class MarkedMapping(NamedTuple):
    """A mapping in the order of the file; no key stands in it twice."""

    entries: tuple[tuple[MarkedText, Marked], ...]
    file: str
    line: int = 1
    column: int = 1

    @property
    def position(self) -> Position:
        return Position(self.file, self.line, self.column)


Marked: TypeAlias = MarkedText | MarkedList | MarkedMapping


def position_of(tree: Marked, path: tuple[str | int, ...]) -> Position:
    """Where the value at a path stands; the nearest place above it when it isn't written."""
    for step in path:
        below = _child(tree, step)
        if below is None:
            break
        tree = below
    return tree.position


def child_of(tree: Marked, path: tuple[str | int, ...]) -> Marked | None:
    """The value at a path; None when it isn't written."""
    found: Marked | None = tree
    for step in path:
        found = None if found is None else _child(found, step)
    return found


def _child(tree: Marked, step: str | int) -> Marked | None:
    if isinstance(tree, MarkedMapping):
        return next((value for key, value in tree.entries if key.text == step), None)
    if isinstance(tree, MarkedList) and isinstance(step, int) and step < len(tree.items):
        return tree.items[step]
    return None
