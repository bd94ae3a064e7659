"""`numbers:` of a tenant file: where a call to each goes, and what is heard before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.definitions.prompts import PROMPT, RINGBACK
from orchestrator.definitions.records import property_of
from orchestrator.definitions.shapes import Field, Json, Path, Reading, Shape
from orchestrator.definitions.targets import TARGET
from orchestrator.definitions.tree import Marked, MarkedMapping
from orchestrator.model.problem import Position
from orchestrator.model.prompt import SILENCE, Prompt
from orchestrator.model.tenant import Target

GREETING = Field(
    "greeting",
    PROMPT,
    "What every caller hears first, once; the call is answered for it.",
    "{say: Вы позвонили в компанию «Акме».}",
    default=SILENCE,
    default_text="none",
)
NUMBER_RINGBACK = replace(RINGBACK, doc="What callers of this number hear in place of ringing tones.")
_OWN: Mapping[str, Field[Prompt]] = {each.name: each for each in (GREETING, NUMBER_RINGBACK)}


@dataclass(frozen=True, slots=True)
class NumberUse:
    """What becomes of a call to a number."""

    target: Target
    greeting: Prompt = SILENCE
    ringback: Prompt = SILENCE


@dataclass(frozen=True)
class NumberShape(Shape[NumberUse]):
    """A target, with what is heard before it beside its keys."""

    label: str = "a target"

    def convert(self, node: Marked, path: Path, reading: Reading) -> NumberUse:
        if not isinstance(node, MarkedMapping):
            return NumberUse(TARGET.convert(node, path, reading))
        heard = {
            key.text: _OWN[key.text].shape.convert(value, (*path, key.text), reading)
            for key, value in node.entries
            if key.text in _OWN
        }
        rest = tuple((key, value) for key, value in node.entries if key.text not in _OWN)
        target = TARGET.convert(node._replace(entries=rest), path, reading)
        return NumberUse(target, *(heard.get(name, SILENCE) for name in _OWN))

    def stand_in(self, position: Position, reading: Reading) -> NumberUse:
        return NumberUse(TARGET.stand_in(position, reading))

    def json_schema(self) -> Mapping[str, Json]:
        tree = TARGET.definition()
        properties, forms = tree["properties"], tree["oneOf"]
        assert isinstance(properties, Mapping) and isinstance(forms, list)
        own: dict[str, Json] = {name: property_of(each) for name, each in _OWN.items()}
        wider = [{**each, "maxProperties": each["maxProperties"] + len(own)} for each in forms]
        return {**tree, "properties": {**properties, **own}, "oneOf": wider}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return (*TARGET.rows(prefix), *((f"{prefix}.{name}", each) for name, each in _OWN.items()))


NUMBER_USE = NumberShape()
