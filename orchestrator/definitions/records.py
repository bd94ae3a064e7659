"""Mappings: records with known keys, and mappings of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar, cast

from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.shapes import (
    NOTHING,
    Field,
    Json,
    Path,
    Reading,
    Scalar,
    Shape,
    Surroundings,
    what_is,
)
from orchestrator.definitions.tree import Marked, MarkedMapping, MarkedText
from orchestrator.model.problem import Position

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Converted:
    """The converted fields of a record. Args: name: its key when it stands in a mapping of many."""

    values: Mapping[str, object]
    name: str
    position: Position
    surroundings: Surroundings

    def __getitem__(self, wanted: Field[T]) -> T:
        return cast("T", self.values[wanted.name])


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
    at_most: int = 20_000

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"mapping of {self.key.label} to {self.value.label}"

    def convert(self, node: Marked, path: Path, reading: Reading) -> tuple[Entry[T], ...]:
        if not isinstance(node, MarkedMapping):
            hint = NOTHING if isinstance(node, MarkedText) and node.is_nothing else ""
            reading.refuse(
                node.position, path, "wrong-type", f"{what_is(node)} where a {self.label} belongs", hint
            )
            return ()
        if len(node.entries) < self.at_least:
            reading.refuse(
                node.position, path, "too-few", f"a {self.label} with at least {self.at_least} belongs here"
            )
        if len(node.entries) > self.at_most:
            reading.refuse(node.position, path, "too-many", f"a {self.label} has at most {self.at_most}")
            return ()
        entries: dict[str, Entry[T]] = {}
        for key_node, value_node in node.entries:
            if reading.full:
                break
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
            "maxProperties": self.at_most,
        }

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return self.value.rows(f"{prefix}.*")


@dataclass(frozen=True)
class Record(Shape[T_co]):
    """A mapping with known keys. Args: build: makes the value of the converted fields."""

    label: str
    fields: tuple[Field[object], ...]
    build: Callable[[Converted], T_co]

    @cached_property
    def _shapes(self) -> Mapping[str, Shape[object]]:
        return {each.name: each.shape for each in self.fields}

    @cached_property
    def _required(self) -> tuple[Field[object], ...]:
        return tuple(each for each in self.fields if each.required)

    @cached_property
    def _defaults(self) -> Mapping[str, object]:
        return {each.name: each.default for each in self.fields if not each.required}

    def convert(self, node: Marked, path: Path, reading: Reading) -> T_co:
        return self.convert_named("", node.position, node, path, reading)

    def convert_named(
        self, name: str, position: Position, node: Marked, path: Path, reading: Reading
    ) -> T_co:
        if not isinstance(node, MarkedMapping):
            hint = NOTHING if isinstance(node, MarkedText) and node.is_nothing else ""
            reading.refuse(
                node.position, path, "wrong-type", f"{what_is(node)} where {self.label} belongs", hint
            )
            return self._built({}, name, position, reading)
        shapes = self._shapes
        values: dict[str, object] = {}
        for key, value in node.entries:
            if reading.full:
                break
            shape = shapes.get(key.text)
            if shape is None:
                message = f"{self.label} has no field {quoted(key.text)}"
                reading.refuse(
                    key.position, (*path, key.text), "unknown-key", message, did_you_mean(key.text, shapes)
                )
                continue
            values[key.text] = shape.convert(value, (*path, key.text), reading)
        for each in self._required:
            if each.name not in values and not reading.full:
                message = f"{self.label} needs the field {quoted(each.name)}"
                hint = f"for example: {each.name}: {each.example}" if each.example else ""
                reading.refuse(node.position, (*path, each.name), "missing-key", message, hint)
        return self._built(values, name, position, reading)

    def _built(self, values: Mapping[str, object], name: str, position: Position, reading: Reading) -> T_co:
        whole = {**self._defaults, **values}
        for each in self._required:
            if each.name not in whole:
                whole[each.name] = each.shape.stand_in(position, reading)
        return self.build(Converted(whole, name, position, reading.surroundings))

    def stand_in(self, position: Position, reading: Reading) -> T_co:
        return self._built({}, "", position, reading)

    def json_schema(self) -> Mapping[str, Json]:
        properties = {each.name: property_of(each) for each in self.fields}
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


def property_of(each: Field[object]) -> Mapping[str, Json]:
    """JSON Schema of a key of a mapping, with what it means."""
    about: dict[str, Json] = {"description": each.doc}
    if each.example:
        about["examples"] = [each.example]
    return {**about, **each.shape.json_schema()}
