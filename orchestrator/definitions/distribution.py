"""How a department distributes its calls, as a tenant's file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, Json, ListOf, Path, Reading, Shape
from orchestrator.definitions.tree import Marked, MarkedMapping
from orchestrator.model.problem import Position
from orchestrator.model.tenant import DISTRIBUTIONS


@dataclass(frozen=True, slots=True)
class Member:
    """Args: delay_s: how much later than the others he rings."""

    extension: str
    delay_s: int = 0


MEMBER_EXTENSION = Field("extension", scalars.extension(), "A member, by extension.", '"102"')
DELAY = Field(
    "delay_s",
    scalars.seconds(0, 300),
    "`all`: how much later than the others this member rings.",
    "5",
    default=0,
    default_text="none",
)


def _member(given: Converted) -> Member:
    return Member(given[MEMBER_EXTENSION], given[DELAY])


_WHOLE = Record("a member", (MEMBER_EXTENSION, DELAY), _member)


@dataclass(frozen=True)
class MemberShape(Shape[Member]):
    """An extension, or a mapping with it and a delay."""

    label: str = "a member"

    def convert(self, node: Marked, path: Path, reading: Reading) -> Member:
        if isinstance(node, MarkedMapping):
            return _WHOLE.convert(node, path, reading)
        return Member(MEMBER_EXTENSION.shape.convert(node, path, reading))

    def stand_in(self, position: Position, reading: Reading) -> Member:  # noqa: ARG002
        return Member("")

    def json_schema(self) -> Mapping[str, Json]:
        return {"anyOf": [MEMBER_EXTENSION.shape.json_schema(), _WHOLE.json_schema()]}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        plain: Field[object] = replace(MEMBER_EXTENSION, default="", default_text="written alone")
        return ((f"{prefix}.{plain.name}", plain), (f"{prefix}.{DELAY.name}", DELAY))


MEMBERS = Field(
    "members",
    ListOf(MemberShape(), distinct=False),
    "Its employees, by extension, in the order in which they ring.",
    '["101", {extension: "102", delay_s: 5}]',
)
DISTRIBUTION = Field(
    "distribution",
    scalars.choice("a way to distribute calls", DISTRIBUTIONS),
    "`all`: every member rings at once; `in_order`: one after another; `evenly`: so too, longest idle first; "
    "`cascade`: one more each step.",
    "evenly",
    default="all",
)
STEP = Field(
    "step_s",
    scalars.seconds(1, 120),
    "`in_order`, `evenly`: how long a member rings before the next does; `cascade`: before one more does.",
    "10",
    default=10,
)
WRAP_UP = Field(
    "wrap_up_s",
    scalars.seconds(0, 3600),
    "How long a member's phones don't ring for any department after a call of this one.",
    "15",
    default=0,
    default_text="none",
)

__all__ = ["DISTRIBUTION", "MEMBERS", "STEP", "WRAP_UP", "Member"]
