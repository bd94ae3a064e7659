"""Where a call goes, as a tenant's file says it: to somebody, outside, nowhere, or by the hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.definitions import scalars
from orchestrator.definitions.mailboxes import MAILBOX_NAME
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.records import Converted, Record, property_of
from orchestrator.definitions.shapes import Field, Json, Path, Reading, Shape, what_is
from orchestrator.definitions.tree import Marked, MarkedMapping
from orchestrator.model.problem import Position
from orchestrator.model.tenant import OVERFLOWS, REFUSALS, Overflow, Target

DEEPEST = 3
"""How many choices may stand one inside another: who calls must be able to be told where it goes."""

LEAVES: tuple[Field[str], ...] = (
    Field("employee", scalars.extension(), "An employee, by extension.", '"101"'),
    Field("department", scalars.slug("a department's name"), "A department, by name.", "sales"),
    Field("menu", scalars.slug("a menu's name"), "A menu, by name.", "main"),
    Field(
        "by_name",
        scalars.slug("a department's name"),
        "Whoever the caller spells by the first letters of a name: of `all`, or of a department.",
        "all",
    ),
    Field("voicemail", MAILBOX_NAME, "A mailbox, by name: the caller leaves a message.", "office"),
    Field("outside", scalars.number(), "A number outside; such a call takes two lines.", '"+79161234567"'),
    Field(
        "sip",
        scalars.matching(
            "a SIP address",
            r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?(:[1-9][0-9]{0,4})?",
            "sip-address",
            "name@host or name@host:port, for example reception@pbx.example",
        ),
        "A SIP address of somebody else; such a call takes two lines and has no price.",
        "reception@pbx.example",
    ),
    Field(
        "hangup",
        scalars.choice("a refusal", REFUSALS),
        "Ends the call: `busy` with 486, `unavailable` with 480.",
        "busy",
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A target that asks something, and leads on by the answer.

    Args: asks: the key that names what is asked. branches: each answer's key, and when it is given.
    """

    asks: Field[str]
    branches: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return self.asks.name

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.name, *(branch for branch, _ in self.branches))

    @property
    def hint(self) -> str:
        """How it is written."""
        branches = ", ".join(f"{name}: {{…}}" for name, _ in self.branches)
        return f"{{{self.name}: {self.asks.example}, {branches}}}"


CHOICES: tuple[Choice, ...] = (
    Choice(
        Field("schedule", scalars.slug("a schedule's name"), "A schedule, by name.", "office"),
        (("open", "Where a call goes while it is open."), ("closed", "Where a call goes while it isn't.")),
    ),
    Choice(
        Field("switch", scalars.slug("a switch's name"), "A switch of the tenant, by name.", "night"),
        (("on", "Where a call goes while it is on."), ("off", "Where a call goes while it is off.")),
    ),
    Choice(
        Field("caller_list", scalars.slug("a caller list's name"), "A caller list, by name.", "vip"),
        (("listed", "Where a call of who is in it goes."), ("others", "Where any other call goes.")),
    ),
    Choice(
        Field(
            "manager",
            scalars.matching(
                "whole seconds (5 to 120 s)",
                r"[5-9]|[1-9][0-9]|1[01][0-9]|120",
                "out-of-range",
                "5 to 120 s are allowed",
                numeric=True,
            ),
            "Rings the employee who last spoke with the caller, for so many seconds.",
            "20",
        ),
        (("reserve", "Where a call goes that nobody has spoken with, or that they don't take."),),
    ),
)
"""A key belongs to one choice alone."""


@dataclass(frozen=True)
class TargetTree(Shape[Target]):
    """A mapping with one key that names a leaf, or a choice with what it leads to by each answer.

    Args: listed: docs list its keys here.
    """

    label: str = "a target"
    listed: bool = True

    def convert(self, node: Marked, path: Path, reading: Reading) -> Target:
        return self._tree(node, path, reading, 0)

    def _tree(self, node: Marked, path: Path, reading: Reading, depth: int) -> Target:
        if isinstance(node, MarkedMapping):
            written = {key.text for key, _ in node.entries}
            meant = [each for each in CHOICES if each.name in written]
            meant += [each for each in CHOICES if written.intersection(each.keys)]
            choice = next(iter(meant), None)
            if choice is not None:
                return self._choice(choice, node, path, reading, depth)
        known = {each.name: each for each in LEAVES}
        if not isinstance(node, MarkedMapping) or len(node.entries) != 1:
            found = f"{len(node.entries)} keys" if isinstance(node, MarkedMapping) else what_is(node)
            reading.refuse(node.position, path, "wrong-type", f"{found} where {self.label} belongs", _hint())
            return self.stand_in(node.position, reading)
        key, value = node.entries[0]
        below = (*path, key.text)
        if key.text not in known:
            message = f"{self.label} can't be {quoted(key.text)}"
            hint = did_you_mean(key.text, [*known, *(each.name for each in CHOICES)])
            reading.refuse(key.position, below, "unknown-key", message, hint)
            return self.stand_in(node.position, reading)
        name = known[key.text].shape.convert(value, below, reading)
        return Target(key.text, name, position=value.position)

    def _choice(
        self, choice: Choice, node: MarkedMapping, path: Path, reading: Reading, depth: int
    ) -> Target:
        if depth == DEEPEST:
            message = f"more than {DEEPEST} choices one inside another"
            hint = "join them to one, or let its number lead to a department with an overflow"
            reading.refuse(node.position, path, "target-depth", message, hint)
            return self.stand_in(node.position, reading)
        written = {key.text: (key, value) for key, value in node.entries}
        for key, _ in node.entries:
            if key.text not in choice.keys:
                message = f"{quoted(key.text)} beside {quoted(choice.name)}: a target is one or the other"
                hint = f"put it below {' or '.join(choice.keys[1:])}"
                reading.refuse(key.position, (*path, key.text), "unknown-key", message, hint)
        for name in choice.keys:
            if name not in written:
                message = f"a target by {choice.name} needs the field {quoted(name)}"
                reading.refuse(node.position, (*path, name), "missing-key", message, choice.hint)
        name, position = "", node.position
        if choice.name in written:
            value = written[choice.name][1]
            name = choice.asks.shape.convert(value, (*path, choice.name), reading)
            position = value.position
        branches = tuple(
            (branch, self._tree(written[branch][1], (*path, branch), reading, depth + 1))
            for branch, _ in choice.branches
            if branch in written
        )
        return Target(choice.name, name, branches, position)

    def stand_in(self, position: Position, reading: Reading) -> Target:  # noqa: ARG002
        return Target("", "", position=position)

    def json_schema(self) -> Mapping[str, Json]:
        return {"$ref": "#/$defs/target"}

    def definition(self) -> Mapping[str, Json]:
        """What `json_schema` refers to: it holds itself."""
        tree = self.json_schema()
        return {
            "type": "object",
            "properties": {
                **{each.name: property_of(each) for each in LEAVES},
                **{each.name: property_of(each.asks) for each in CHOICES},
                **{branch: tree for each in CHOICES for branch, _ in each.branches},
            },
            "additionalProperties": False,
            "oneOf": [
                *({"required": [each.name], "maxProperties": 1} for each in LEAVES),
                *({"required": list(each.keys), "maxProperties": len(each.keys)} for each in CHOICES),
            ],
        }

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        if not self.listed:
            return ()
        shown: list[Field[object]] = [
            replace(each, default="", default_text="one of these") for each in LEAVES
        ]
        for each in CHOICES:
            together = "or these together"
            shown.append(replace(each.asks, default="", default_text=together))
            with_it = f"with `{each.name}`"
            shown += [
                Field(name, self, about, "{department: sales}", None, with_it)
                for name, about in each.branches
            ]
        return tuple((f"{prefix}.{each.name}", each) for each in shown)


def _hint() -> str:
    leaves = (f"{{{each.name}: {each.example}}}" for each in LEAVES)
    return f"write one of: {', '.join([*leaves, *(each.hint for each in CHOICES)])}"


TARGET = TargetTree()

_WHEN: Mapping[str, str] = {
    "busy": "When it is busy, or the call is declined.",
    "no_answer": "When nobody answers in time.",
    "unreachable": "When no phone of it is registered.",
    "any": "In each of these cases that isn't named itself.",
}
_CASES: tuple[Field[Target | None], ...] = tuple(
    Field(when, TargetTree(listed=False), _WHEN[when], "{department: sales}", None, "the call ends")
    for when in OVERFLOWS
)


def _overflow(given: Converted) -> tuple[Overflow, ...]:
    targets = ((case.name, given[case]) for case in _CASES)
    return tuple(Overflow(when, target, target.position) for when, target in targets if target is not None)


OVERFLOW: Field[tuple[Overflow, ...]] = Field(
    "overflow",
    Record("an overflow", _CASES, _overflow),
    "Where a call goes that nobody takes.",
    '{no_answer: {department: sales}, any: {outside: "+79161234567"}}',
    default=(),
    default_text="the call ends",
)

__all__ = ["CHOICES", "DEEPEST", "LEAVES", "OVERFLOW", "TARGET", "TargetTree"]
