"""What a field may hold, said once: a shape converts the marked tree, and describes itself to editors.

Conversion is total: a shape refuses by adding a Problem to the reading and goes on with a stand-in, so that
one run finds every problem. What is made of a reading with problems serves only to find more of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.tree import Marked, MarkedList, MarkedText
from orchestrator.model.least_cost import AS_WRITTEN
from orchestrator.model.problem import Position, Problem

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
Path: TypeAlias = tuple[str | int, ...]
PROBLEM_LIMIT = 100
"""Problems told of one file; beyond that it is broken as a whole, and looking for more would take long."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What tenants get that say nothing themselves. Empty: the platform gives none."""

    node: str = ""
    trunks: tuple[str, ...] = ()
    tariff: str = ""
    ring_timeout_s: int = 30
    dial_classes: tuple[str, ...] = ("local", "national", "mobile")
    trunk_order: str = AS_WRITTEN


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the platform file says that the meaning of other files depends on."""

    region: str = "RU"
    time_zone: str = "Europe/Moscow"
    defaults: Defaults = field(default_factory=Defaults)
    language: str = "ru"


@dataclass(slots=True)
class Reading:
    """One file being converted; its problems gather here."""

    file: str
    surroundings: Surroundings
    problems: list[Problem] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether there are more problems than will be told."""
        return len(self.problems) > PROBLEM_LIMIT

    def refuse(self, position: Position, path: Path, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(position, path_text(path), code, message, hint))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text can't be converted. shown: what the message may quote."""

    code: str
    message: str
    hint: str = ""


def path_text(path: Path) -> str:
    """A YAML path as people write it.

    >>> path_text(("departments", "sales", "members", 2))
    'departments.sales.members[2]'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


class Shape(ABC, Generic[T_co]):
    """What a value may be. label: in words, for docs and messages."""

    label: str

    @abstractmethod
    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co: ...

    @abstractmethod
    def stand_in(self, position: Position, reading: Reading) -> T_co:
        """A value for what is missing or wrong; checks pass over it."""

    @abstractmethod
    def json_schema(self) -> Mapping[str, Json]: ...

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:  # noqa: ARG002
        """The fields below, with their paths: for the tables of docs/yaml.md."""
        return ()


class Required:
    """Stands for no default."""


REQUIRED = Required()


@dataclass(frozen=True, slots=True)
class Field(Generic[T_co]):
    """A key of a record.

    Args: default: what stands for it when it isn't written; without one it must be.
    default_text: that in words.
    """

    name: str
    shape: Shape[T_co]
    doc: str
    example: str = ""
    default: T_co | Required = REQUIRED
    default_text: str = ""

    @property
    def required(self) -> bool:
        return isinstance(self.default, Required)


@dataclass(frozen=True)
class Scalar(Shape[T_co]):
    """A scalar.

    Args: read: the text's value or why not. empty: the stand-in. schema: JSON Schema of it.
        words: all that it may be, when they are few.
    """

    label: str
    read: Callable[[str, Surroundings], T_co | Refusal]
    empty: T_co
    schema: Mapping[str, Json]
    words: tuple[str, ...] = ()

    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co:
        if not isinstance(node, MarkedText):
            reading.refuse(node.position, path, "wrong-type", f"{what_is(node)} where {self.label} belongs")
            return self.empty
        if node.is_nothing:
            reading.refuse(
                node.position, path, "missing-value", f"no value where {self.label} belongs", NOTHING
            )
            return self.empty
        value = self.read(node.text, reading.surroundings)
        if isinstance(value, Refusal):
            reading.refuse(node.position, path, value.code, value.message, value.hint)
            return self.empty
        return value

    def stand_in(self, position: Position, reading: Reading) -> T_co:  # noqa: ARG002 - the contract's arguments
        return self.empty

    def json_schema(self) -> Mapping[str, Json]:
        return self.schema


@dataclass(frozen=True)
class ListOf(Shape[tuple[T, ...]]):
    """A list. Args: at_least: items it must have. distinct: no item stands in it twice."""

    item: Shape[T]
    at_least: int = 0
    distinct: bool = True

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"list of {self.item.label}"

    def convert(self, node: Marked, path: Path, reading: Reading) -> tuple[T, ...]:
        if not isinstance(node, MarkedList):
            hint = "" if not isinstance(node, MarkedText) or node.is_nothing else f"write [{node.text[:40]}]"
            hint = NOTHING if isinstance(node, MarkedText) and node.is_nothing else hint
            reading.refuse(
                node.position, path, "wrong-type", f"{what_is(node)} where a {self.label} belongs", hint
            )
            return ()
        if len(node.items) < self.at_least:
            reading.refuse(
                node.position, path, "too-few", f"a {self.label} of at least {self.at_least} belongs here"
            )
        values: list[T] = []
        distinct = self.distinct
        seen: set[T] = set()
        for index, item in enumerate(node.items):
            if reading.full:
                break
            before = len(reading.problems)
            value = self.item.convert(item, (*path, index), reading)
            if distinct and value in seen and len(reading.problems) == before:
                message = f"{quoted(str(value))} stands in the list twice"
                reading.refuse(item.position, (*path, index), "listed-twice", message, "keep one of them")
                continue
            if distinct:
                seen.add(value)
            values.append(value)
        return tuple(values)

    def stand_in(self, position: Position, reading: Reading) -> tuple[T, ...]:  # noqa: ARG002
        return ()

    def json_schema(self) -> Mapping[str, Json]:
        return {"type": "array", "items": self.item.json_schema(), "minItems": self.at_least}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return self.item.rows(f"{prefix}[]")


NOTHING = "write a value, or delete the key"


def what_is(node: Marked) -> str:
    """A node in words, for messages."""
    if isinstance(node, MarkedText):
        return "no value" if node.is_nothing else "a single value"
    return "a list" if isinstance(node, MarkedList) else "a mapping"
