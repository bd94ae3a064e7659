"""The files of a project as they were read: what the cross checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from orchestrator.definitions.marked import Marked, MarkedMapping, position_of
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.shapes import path_text
from orchestrator.definitions.tariff_file import TariffFile
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """One file. Args: tree: with the marks. value: made of it; with stand-ins where it has problems."""

    file: str
    tree: Marked
    value: T

    @property
    def stem(self) -> str:
        return PurePosixPath(self.file).stem

    def position(self, *path: str | int) -> Position:
        """Where the value at a path stands, or the nearest above it."""
        return position_of(self.tree, path)

    def has(self, key: str) -> bool:
        """Whether a key stands at the top of the file."""
        return isinstance(self.tree, MarkedMapping) and any(each.text == key for each, _ in self.tree.entries)

    def problem(self, path: tuple[str | int, ...], code: str, message: str, hint: str = "") -> Problem:
        """A problem at the value of a path."""
        return Problem(self.position(*path), path_text(path), code, message, hint)


@dataclass(frozen=True, slots=True)
class Written:
    """All that could be read.

    Args: tariffs, tenants: by file stem, sorted. decks: by project-relative file. known_tariffs: file
        stems, those that can't be read included, so that a broken tariff isn't also reported as missing.
    """

    platform: Document[PlatformFile] | None
    tariffs: Mapping[str, Document[TariffFile]]
    tenants: Mapping[str, Document[Tenant]]
    decks: Mapping[str, Deck]
    known_tariffs: frozenset[str]
