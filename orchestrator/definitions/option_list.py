"""A tenant's options: `[recording, {storage_year: 2}]`, or `{recording: 1, storage_year: 2}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.shapes import NOTHING, Json, Path, Reading, Shape, what_is
from orchestrator.definitions.tariff_prices import OPTION_SLUG
from orchestrator.definitions.tree import Marked, MarkedList, MarkedMapping, MarkedText
from orchestrator.model.problem import Position

QUANTITY = scalars.integer(1, 1000)


@dataclass(frozen=True)
class OptionList(Shape[Mapping[str, int]]):
    """Quantities by slug, sorted. An option that isn't counted has 1."""

    label: str = "list of options"

    def convert(self, node: Marked, path: Path, reading: Reading) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for name, quantity, below in self._items(node, path, reading):
            slug = OPTION_SLUG.convert(name, below, reading)
            if slug and slug in found:
                message = f"{quoted(slug)} stands in the list twice"
                reading.refuse(name.position, below, "listed-twice", message, "keep one of them")
            elif slug:
                found[slug] = 1 if quantity is None else QUANTITY.convert(quantity, (*below, slug), reading)
        return {slug: found[slug] for slug in sorted(found)}

    def _items(
        self, node: Marked, path: Path, reading: Reading
    ) -> Iterator[tuple[Marked, Marked | None, Path]]:
        """Name, quantity and path of each."""
        if isinstance(node, MarkedMapping):
            yield from ((name, quantity, path) for name, quantity in node.entries)
        elif isinstance(node, MarkedList):
            for index, item in enumerate(node.items):
                if isinstance(item, MarkedMapping):
                    yield from ((name, quantity, (*path, index)) for name, quantity in item.entries)
                else:
                    yield item, None, (*path, index)
        else:
            nothing = isinstance(node, MarkedText) and node.is_nothing
            message = f"{what_is(node)} where a {self.label} belongs"
            reading.refuse(node.position, path, "wrong-type", message, NOTHING if nothing else "")

    def stand_in(self, position: Position, reading: Reading) -> Mapping[str, int]:  # noqa: ARG002
        return {}

    def json_schema(self) -> Mapping[str, Json]:
        slug = OPTION_SLUG.json_schema()
        counted: Json = {
            "type": "object",
            "propertyNames": {"pattern": slug["pattern"]},
            "additionalProperties": QUANTITY.json_schema(),
        }
        return {"anyOf": [{"type": "array", "items": {"anyOf": [slug, counted]}}, counted]}
