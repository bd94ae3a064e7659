"""`caller_lists:` and `block:` of a tenant file."""

from __future__ import annotations

import re

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field, ListOf, Refusal, Scalar, Surroundings
from orchestrator.model.caller_list import CallerList
from orchestrator.model.number import to_e164

LIST_NAME: Scalar[str] = scalars.slug("a caller list's name")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*")


def _caller(given: str, surroundings: Surroundings) -> str | Refusal:
    """A number, or a prefix with `*` at its end."""
    if given.endswith("*"):
        if _PREFIX.fullmatch(given):
            return given
        return Refusal("caller", f"{quoted(given)} is no prefix of numbers", "write + and digits: +7495*")
    found = to_e164(given, surroundings.region)
    if found is None:
        hint = "write it as +7XXXXXXXXXX, or all that begin so: +7495*"
        return Refusal("caller", f"{quoted(given)} is not an external number", hint)
    return found


CALLER: Scalar[str] = Scalar(
    "a caller's number, or a prefix with *",
    _caller,
    "",
    {"type": ["string", "integer"], "pattern": r"^[+0-9() .\-]{1,25}\*?$"},
)
_NUMBERS: Field[tuple[str, ...]] = Field(
    "numbers",
    ListOf(CALLER),
    "Callers, by number or by what it begins with.",
    '["+79035556677", "+7495*"]',
    default=(),
    default_text="none",
)
_ANONYMOUS = Field(
    "anonymous", scalars.boolean(), "Who withholds their number is in it too.", "true", default=False
)


def _list(given: Converted) -> CallerList:
    written = given[_NUMBERS]
    return CallerList(
        name=given.name,
        numbers=tuple(sorted({each for each in written if each and not each.endswith("*")})),
        prefixes=tuple(sorted({each[:-1] for each in written if each.endswith("*")})),
        anonymous=given[_ANONYMOUS],
        position=given.position,
    )


CALLER_LISTS: Field[tuple[Entry[CallerList], ...]] = Field(
    "caller_lists",
    MapOf(LIST_NAME, Record("a caller list", (_NUMBERS, _ANONYMOUS), _list)),
    "Callers who are led another way, or refused.",
    '{vip: {numbers: ["+79035556677"]}}',
    default=(),
    default_text="none",
)
BLOCK: Field[tuple[str, ...]] = Field(
    "block",
    ListOf(LIST_NAME),
    "Caller lists whose callers are refused with 403 before anything: they hold no line.",
    "[spam]",
    default=(),
    default_text="nobody is",
)
