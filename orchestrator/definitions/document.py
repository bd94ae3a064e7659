"""The files of a project as they were read: what the cross checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from orchestrator.definitions.marked import parse
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.records import Record
from orchestrator.definitions.shapes import Reading, Surroundings, path_text
from orchestrator.definitions.source import Source, decoded
from orchestrator.definitions.tariff_file import TariffFile
from orchestrator.definitions.tree import Marked, MarkedList, MarkedMapping, MarkedText, child_of, position_of
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

T = TypeVar("T")


@dataclass(frozen=True)
class Document(Generic[T]):
    """One file.

    Args: data: its bytes. value: made of it. whole: without stand-ins, for it had no problems.
        keys: that stand at its top.
    """

    file: str
    data: bytes
    value: T
    whole: bool
    keys: frozenset[str]

    @cached_property
    def tree(self) -> Marked:
        """What it holds, with the marks; made when it is asked for: a file without problems needs none."""
        source = decoded(self.file, self.data)
        assert isinstance(source, Source), self.file
        tree, _ = parse(source.text, self.file)
        assert tree is not None, self.file
        return tree

    @property
    def stem(self) -> str:
        return self.file.rpartition("/")[2].rpartition(".")[0]

    def position(self, *path: str | int) -> Position:
        """Where the value at a path stands, or the nearest above it."""
        return position_of(self.tree, path)

    def has(self, key: str) -> bool:
        """Whether a key stands at the top of the file."""
        return key in self.keys

    def node(self, *path: str | int) -> Marked | None:
        """What is written at a path; None when nothing is."""
        return child_of(self.tree, path)

    def item(self, *path: str, text: str) -> tuple[str | int, ...]:
        """The path of a list's item with this text; of the list when no item has it."""
        node = child_of(self.tree, path)
        if isinstance(node, MarkedList):
            for index, item in enumerate(node.items):
                if isinstance(item, MarkedText) and item.text == text:
                    return (*path, index)
        return path

    def problem(self, path: tuple[str | int, ...], code: str, message: str, hint: str = "") -> Problem:
        """A problem at the value of a path."""
        return Problem(self.position(*path), path_text(path), code, message, hint)


def converted(
    file: str, data: bytes, record: Record[T], surroundings: Surroundings
) -> tuple[Document[T] | None, tuple[Problem, ...]]:
    """A file's bytes as a document, None for what is no such file at all, and what is wrong with it."""
    source = decoded(file, data)
    if isinstance(source, Problem):
        return None, (source,)
    tree, problems = parse(source.text, file)
    if tree is None:
        return None, tuple(problems)
    reading = Reading(file, surroundings)
    value = record.convert(tree, (), reading)
    found = (*problems, *reading.problems)
    if reading.full or not isinstance(tree, MarkedMapping):
        return None, found
    keys = frozenset(key.text for key, _ in tree.entries)
    return Document(file, data, value, not found, keys), found


def is_empty(node: Marked | None) -> bool:
    """Whether nothing is written there, or a list or mapping with nothing in it."""
    if isinstance(node, MarkedList):
        return not node.items
    if isinstance(node, MarkedMapping):
        return not node.entries
    return node is None


@dataclass(frozen=True, slots=True)
class Written:
    """All that could be read.

    Args: tariffs, tenants: by file stem, sorted. decks: by project-relative file, those
        without problems. known_tariffs: file stems, those that can't be read included, so that a broken
        tariff isn't also reported as missing.
    """

    platform: Document[PlatformFile] | None
    tariffs: Mapping[str, Document[TariffFile]]
    tenants: Mapping[str, Document[Tenant]]
    decks: Mapping[str, Deck]
    known_tariffs: frozenset[str]
