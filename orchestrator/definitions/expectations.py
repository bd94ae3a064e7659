"""`expects:` of a tenant file: calls, and whom they must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, Json, ListOf, Path, Reading, Refusal, Scalar, Shape
from orchestrator.definitions.tree import Marked, MarkedMapping, MarkedText
from orchestrator.model.expectation import REACHED, Expectation
from orchestrator.model.moment import HINT, moment
from orchestrator.model.problem import Position

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_WHO: Scalar[str] = scalars.matching(
    "an extension, a department or a number",
    r"[+]?[A-Za-z0-9-]{1,40}",
    "who",
    "an extension, a department's name, or a number outside",
    numeric=True,
)
_DIALLED: Scalar[str] = scalars.matching(
    "something to dial",
    r"[+*]?[0-9]{2,20}",
    "dialled",
    "as a phone dials it: +74951112233, 101, *50",
    numeric=True,
)
_KINDS = "|".join(REACHED)


def _time(given: str) -> str | Refusal:
    if moment(given, _SOME_DAY, ZoneInfo("UTC")) is None:
        return Refusal("time", f"{quoted(given)} is no time", HINT)
    return given


_CALL = Field("call", _DIALLED, "What is dialled.", '"+74951112233"')
_FROM = Field("from", _WHO, "Who calls: an extension, a number outside, or `anonymous`.", '"+79035556677"')
_AT = Field(
    "at",
    scalars.parsed("a time", _time, r"[A-Za-z0-9:+ T-]{4,40}"),
    "When: local, a date and time or a day of the week and time. Needed where the hour decides.",
    '"sat 19:05"',
    default="",
    default_text="the hour makes no difference",
)
_WORDS: Scalar[str] = scalars.matching(
    "what a call reaches",
    rf"({_KINDS})( [+*]?[A-Za-z0-9._+@:-]{{1,160}})?",
    "reaches",
    f"one of {', '.join(REACHED)}; with a name, such as: employee 101",
)


@dataclass(frozen=True)
class _Reaches(Shape[str]):
    """A kind and a name, in words or as a target is written."""

    label: str = "what a call reaches"

    def convert(self, node: Marked, path: Path, reading: Reading) -> str:
        if isinstance(node, MarkedMapping) and len(node.entries) == 1:
            key, value = node.entries[0]
            if isinstance(value, MarkedText):
                return _WORDS.convert(value._replace(text=f"{key.text} {value.text}"), path, reading)
        return _WORDS.convert(node, path, reading)

    def stand_in(self, position: Position, reading: Reading) -> str:
        return _WORDS.stand_in(position, reading)

    def json_schema(self) -> Mapping[str, Json]:
        names: Json = {each: {"type": ["string", "integer"]} for each in REACHED}
        target: Json = {
            "type": "object",
            "properties": names,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"anyOf": [_WORDS.json_schema(), target]}


_REACHES = Field(
    "reaches",
    _Reaches(),
    "Whom it must reach, by kind, or by kind and name; or as a target is written.",
    "employee 101",
)
_PRESS: Field[tuple[str, ...]] = Field(
    "press",
    ListOf(
        scalars.matching(
            "keys",
            r"[0-9*]{1,6}|-",
            "keys",
            "digits or *, as a phone has them; `-` for nothing",
            numeric=True,
        ),
        distinct=False,
    ),
    "What the caller presses, each time a menu asks; `-` for nothing.",
    '["-", "1"]',
    default=(),
    default_text="nothing",
)
_LINES = Field(
    "lines_in_use", scalars.integer(0, 20000), "Lines in use before it.", "14", default=0, default_text="0"
)
_ON: Field[tuple[str, ...]] = Field(
    "on",
    ListOf(scalars.slug("a switch's name")),
    "Switches that are on.",
    "[night]",
    default=(),
    default_text="none",
)


def _who(name: str, doc: str) -> Field[tuple[str, ...]]:
    return Field(name, ListOf(_WHO), doc, '["101"]', default=(), default_text="nobody")


_BUSY = _who("busy", "Who is busy; everybody else answers.")
_NO_ANSWER = _who("no_answer", "Who doesn't answer.")
_UNREACHABLE = _who("unreachable", "Who has no phone registered.")


def _expectation(given: Converted) -> Expectation:
    return Expectation(
        call=given[_CALL],
        caller=given[_FROM],
        at=given[_AT],
        reaches=given[_REACHES],
        press=tuple(each.replace("-", "") for each in given[_PRESS]),
        lines_in_use=given[_LINES],
        on=given[_ON],
        busy=given[_BUSY],
        no_answer=given[_NO_ANSWER],
        unreachable=given[_UNREACHABLE],
        position=given.position,
    )


EXPECTS: Field[tuple[Expectation, ...]] = Field(
    "expects",
    ListOf(
        Record(
            "an expectation",
            (_CALL, _FROM, _AT, _REACHES, _PRESS, _LINES, _ON, _BUSY, _NO_ANSWER, _UNREACHABLE),
            _expectation,
        ),
        distinct=False,
    ),
    "Calls and whom they must reach; `vpbx test` tries them, and so does every apply before it begins.",
    '[{call: "+74951112233", from: "+79035556677", at: "sat 19:05", reaches: refused}]',
    default=(),
    default_text="none",
)
