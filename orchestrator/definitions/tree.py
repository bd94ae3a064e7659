"""The marked tree: what a YAML file holds, every part of it with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.model.problem import Position


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A scalar. Args: plain: written without quotes, so that nothing or `~` means no value."""

    text: str
    plain: bool
    position: Position

    @property
    def is_nothing(self) -> bool:
        return self.plain and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class MarkedList:
    items: tuple[Marked, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class MarkedMapping:
    """A mapping in the order of the file; no key stands in it twice."""

    entries: tuple[tuple[MarkedText, Marked], ...]
    position: Position


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
