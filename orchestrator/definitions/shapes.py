"""What a field may hold, said once: a shape converts the marked tree, and describes itself to editors.

Conversion is total: a shape refuses by adding a Problem to the reading and goes on with a stand-in, so that
one run finds every problem. What is made of a reading with problems serves only to find more of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar, cast

from orchestrator.definitions.marked import Marked, MarkedList, MarkedMapping, MarkedText
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.problem import Position, Problem

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
Path: TypeAlias = tuple[str | int, ...]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What tenants get that say nothing themselves. Empty: the platform gives none."""

    node: str = ""
    trunk: str = ""
    tariff: str = ""
    ring_timeout_s: int = 30
    dial_classes: tuple[str, ...] = ("local", "national", "mobile")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the platform file says that the meaning of other files depends on."""

    region: str = "RU"
    time_zone: str = "Europe/Moscow"
    defaults: Defaults = field(default_factory=Defaults)


@dataclass(slots=True)
class Reading:
    """One file being converted; its problems gather here."""

    file: str
    surroundings: Surroundings
    problems: list[Problem] = field(default_factory=list)

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


class _Required:
    pass


_REQUIRED = _Required()


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
    default: T_co | _Required = _REQUIRED
    default_text: str = ""

    @property
    def required(self) -> bool:
        return isinstance(self.default, _Required)


@dataclass(frozen=True, slots=True)
class Converted:
    """The converted fields of a record. Args: name: its key when it stands in a mapping of many."""

    values: Mapping[str, object]
    name: str
    position: Position
    surroundings: Surroundings

    def __getitem__(self, wanted: Field[T]) -> T:
        return cast("T", self.values[wanted.name])


@dataclass(frozen=True)
class Scalar(Shape[T_co]):
    """A scalar. Args: read: the text's value or why not. empty: the stand-in. schema: JSON Schema of it."""

    label: str
    read: Callable[[str, Surroundings], T_co | Refusal]
    empty: T_co
    schema: Mapping[str, Json]

    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co:
        if not isinstance(node, MarkedText):
            reading.refuse(node.position, path, "wrong-type", f"{_what(node)} where {self.label} belongs")
            return self.empty
        if node.is_nothing:
            reading.refuse(
                node.position, path, "missing-value", f"no value where {self.label} belongs", _NOTHING
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
            hint = _NOTHING if isinstance(node, MarkedText) and node.is_nothing else hint
            reading.refuse(
                node.position, path, "wrong-type", f"{_what(node)} where a {self.label} belongs", hint
            )
            return ()
        if len(node.items) < self.at_least:
            reading.refuse(
                node.position, path, "too-few", f"a {self.label} of at least {self.at_least} belongs here"
            )
        values: list[T] = []
        for index, item in enumerate(node.items):
            before = len(reading.problems)
            value = self.item.convert(item, (*path, index), reading)
            if self.distinct and len(reading.problems) == before and value in values:
                message = f"{quoted(str(value))} stands in the list twice"
                reading.refuse(item.position, (*path, index), "listed-twice", message, "keep one of them")
                continue
            values.append(value)
        return tuple(values)

    def stand_in(self, position: Position, reading: Reading) -> tuple[T, ...]:  # noqa: ARG002
        return ()

    def json_schema(self) -> Mapping[str, Json]:
        return {"type": "array", "items": self.item.json_schema(), "minItems": self.at_least}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return self.item.rows(f"{prefix}[]")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One entry of a mapping of many."""

    key: str
    value: T
    position: Position


@dataclass(frozen=True)
class MapOf(Shape[tuple[Entry[T], ...]]):
    """A mapping whose keys the operator chooses; read in sorted order. Args: key: shape of the keys."""

    key: Scalar[str]
    value: Shape[T]
    at_least: int = 0

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"mapping of {self.key.label} to {self.value.label}"

    def convert(self, node: Marked, path: Path, reading: Reading) -> tuple[Entry[T], ...]:
        if not isinstance(node, MarkedMapping):
            hint = _NOTHING if isinstance(node, MarkedText) and node.is_nothing else ""
            reading.refuse(
                node.position, path, "wrong-type", f"{_what(node)} where a {self.label} belongs", hint
            )
            return ()
        if len(node.entries) < self.at_least:
            reading.refuse(
                node.position, path, "too-few", f"a {self.label} with at least {self.at_least} belongs here"
            )
        entries: dict[str, Entry[T]] = {}
        for key_node, value_node in node.entries:
            below = (*path, key_node.text)
            key = self.key.convert(key_node, below, reading)
            if isinstance(self.value, Record):
                value = self.value.convert_named(key, key_node.position, value_node, below, reading)
            else:
                value = self.value.convert(value_node, below, reading)
            if key in entries and key != self.key.empty:
                message = f"{quoted(key_node.text)} is {quoted(key)}, which stands here already"
                reading.refuse(key_node.position, below, "duplicate-key", message, "keep one of them")
            elif key != self.key.empty:
                entries[key] = Entry(key, value, key_node.position)
        return tuple(entries[key] for key in sorted(entries))

    def stand_in(self, position: Position, reading: Reading) -> tuple[Entry[T], ...]:  # noqa: ARG002
        return ()

    def json_schema(self) -> Mapping[str, Json]:
        key = {name: value for name, value in self.key.json_schema().items() if name != "type"}
        return {
            "type": "object",
            "propertyNames": key,
            "additionalProperties": self.value.json_schema(),
            "minProperties": self.at_least,
        }

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return self.value.rows(f"{prefix}.*")


@dataclass(frozen=True)
class Record(Shape[T_co]):
    """A mapping with known keys. Args: build: makes the value of the converted fields."""

    label: str
    fields: tuple[Field[object], ...]
    build: Callable[[Converted], T_co]

    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co:
        return self.convert_named("", node.position, node, path, reading)

    def convert_named(
        self, name: str, position: Position, node: Marked, path: Path, reading: Reading
    ) -> T_co:
        if not isinstance(node, MarkedMapping):
            hint = _NOTHING if isinstance(node, MarkedText) and node.is_nothing else ""
            reading.refuse(
                node.position, path, "wrong-type", f"{_what(node)} where {self.label} belongs", hint
            )
            return self._built({}, name, position, reading)
        known = {each.name: each for each in self.fields}
        values: dict[str, object] = {}
        for key, value in node.entries:
            if key.text not in known:
                message = f"{self.label} has no field {quoted(key.text)}"
                reading.refuse(
                    key.position, (*path, key.text), "unknown-key", message, did_you_mean(key.text, known)
                )
                continue
            values[key.text] = known[key.text].shape.convert(value, (*path, key.text), reading)
        for each in self.fields:
            if each.required and each.name not in values:
                message = f"{self.label} needs the field {quoted(each.name)}"
                hint = f"for example: {each.name}: {each.example}" if each.example else ""
                reading.refuse(node.position, (*path, each.name), "missing-key", message, hint)
        return self._built(values, name, position, reading)

    def _built(self, values: Mapping[str, object], name: str, position: Position, reading: Reading) -> T_co:
        whole: dict[str, object] = {}
        for each in self.fields:
            if each.name in values:
                whole[each.name] = values[each.name]
            elif isinstance(each.default, _Required):
                whole[each.name] = each.shape.stand_in(position, reading)
            else:
                whole[each.name] = each.default
        return self.build(Converted(whole, name, position, reading.surroundings))

    def stand_in(self, position: Position, reading: Reading) -> T_co:
        return self._built({}, "", position, reading)

    def json_schema(self) -> Mapping[str, Json]:
        properties = {each.name: _property(each) for each in self.fields}
        required = [each.name for each in self.fields if each.required]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        found: list[tuple[str, Field[object]]] = []
        for each in self.fields:
            path = f"{prefix}.{each.name}".removeprefix(".")
            found += [(path, each), *each.shape.rows(path)]
        return tuple(found)


@dataclass(frozen=True)
class OneOf(Shape[T_co]):
    """A mapping with exactly one of some keys: `{employee: "101"}`. Args: build: of key, value and place."""

    label: str
    fields: tuple[Field[str], ...]
    build: Callable[[str, str, Position], T_co]

    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co:
        known = {each.name: each for each in self.fields}
        if not isinstance(node, MarkedMapping) or len(node.entries) != 1:
            found = f"{len(node.entries)} keys" if isinstance(node, MarkedMapping) else _what(node)
            hint = f"write one of: {', '.join(f'{{{each.name}: {each.example}}}' for each in self.fields)}"
            reading.refuse(node.position, path, "wrong-type", f"{found} where {self.label} belongs", hint)
            return self.stand_in(node.position, reading)
        key, value = node.entries[0]
        below = (*path, key.text)
        if key.text not in known:
            message = f"{self.label} can't be {quoted(key.text)}"
            reading.refuse(key.position, below, "unknown-key", message, did_you_mean(key.text, known))
            return self.stand_in(node.position, reading)
        return self.build(key.text, known[key.text].shape.convert(value, below, reading), value.position)

    def stand_in(self, position: Position, reading: Reading) -> T_co:  # noqa: ARG002
        return self.build("", "", position)

    def json_schema(self) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {each.name: _property(each) for each in self.fields},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return tuple((f"{prefix}.{each.name}", each) for each in self.fields)


_NOTHING = "write a value, or delete the key"


def _what(node: Marked) -> str:
    if isinstance(node, MarkedText):
        return "no value" if node.is_nothing else "a single value"
    return "a list" if isinstance(node, MarkedList) else "a mapping"


def _property(each: Field[object]) -> Mapping[str, Json]:
    about: dict[str, Json] = {"description": each.doc}
    if each.example:
        about["examples"] = [each.example]
    return {**about, **each.shape.json_schema()}
