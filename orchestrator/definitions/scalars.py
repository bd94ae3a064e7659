"""Scalars of the YAML files: from text to a value, or why not. Nothing here ever makes a float."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache

from orchestrator.definitions.quoting import did_you_mean, is_invisible, quoted
from orchestrator.definitions.shapes import Json, Refusal, Scalar, Surroundings
from orchestrator.model.number import to_e164

NO_TIME = datetime.combine(date.min, time())
"""Stands for a local time that can't be read."""

SLUG = r"[a-z][a-z0-9-]{0,30}"
_EXTENSION = re.compile(r"[0-9]{2,6}")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,8}")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def text(most: int = 100, label: str = "a text") -> Scalar[str]:
    """One line that people read: no control or invisible characters, no outer spaces."""

    def read(given: str, _: Surroundings) -> str | Refusal:
        if not given.strip():
            return Refusal("text", f"an empty text where {label} belongs", "write one")
        if len(given) > most:
            return Refusal(
                "text-too-long", f"a text of {len(given)} characters; at most {most} fit", "shorten it"
            )
        bad = None if given.isprintable() else next((char for char in given if is_invisible(char)), None)
        if bad is not None:
            message = (
                f"{quoted(given)} has the character U+{ord(bad):04X}, which can't be seen or breaks the line"
            )
            return Refusal("text-character", message, "delete that character")
        if given != given.strip():
            return Refusal("text", f"{quoted(given)} begins or ends with a space", "delete the space")
        return given

    schema: Mapping[str, Json] = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": most}
    return Scalar(label, read, "", schema)


def matching(label: str, pattern: str, code: str, hint: str, numeric: bool = False) -> Scalar[str]:
    """A text of one pattern. Args: numeric: an editor may take it for a number."""
    whole = re.compile(pattern)

    def read(given: str, _: Surroundings) -> str | Refusal:
        if whole.fullmatch(given):
            return given
        return Refusal(code, f"{quoted(given)} is not {label}", hint)

    kind: Json = ["string", "integer"] if numeric else "string"
    return Scalar(label, read, "", {"type": kind, "pattern": f"^{pattern}$"})


def slug(label: str) -> Scalar[str]:
    """A name that stands in file names, contexts and step ids."""
    hint = "a small Latin letter, then up to 30 small letters, digits and `-`"
    return matching(label, SLUG, "slug", hint)


def extension() -> Scalar[str]:
    """What is dialled inside: 2 to 6 digits."""

    def read(given: str, surroundings: Surroundings) -> str | Refusal:
        if _EXTENSION.fullmatch(given):
            return given
        if re.fullmatch(r"\+?[0-9]{10,}", given) or to_e164(given, surroundings.region):
            message = f"{quoted(given)} looks like an external number and can't be an extension"
            return Refusal("extension-like-number", message, "an extension has 2 to 6 digits")
        return Refusal("extension", f"{quoted(given)} is not an extension", "an extension has 2 to 6 digits")

    return Scalar("an extension", read, "", {"type": ["string", "integer"], "pattern": "^[0-9]{2,6}$"})


def number(label: str = "an external number") -> Scalar[str]:
    """An external number as E.164. Rule: decision 15."""

    def read(given: str, surroundings: Surroundings) -> str | Refusal:
        found = to_e164(given, surroundings.region)
        if found is None:
            hint = "write it as +7XXXXXXXXXX; 8XXXXXXXXXX and ten digits are read as +7"
            return Refusal("number", f"{quoted(given)} is not an external number", hint)
        return found

    return Scalar(label, read, "", {"type": ["string", "integer"], "pattern": r"^[+0-9() .\-]{7,25}$"})


def integer(least: int, most: int, label: str = "a whole number", unit: str = "") -> Scalar[int]:
    """A whole number within bounds."""
    bounds = f"{least} to {most}{unit and ' '}{unit}"

    def read(given: str, _: Surroundings) -> int | Refusal:
        if not _INTEGER.fullmatch(given):
            hint = f"digits alone, {bounds}"
            return Refusal("integer", f"{quoted(given)} is not a whole number", hint)
        value = int(given)
        if not least <= value <= most:
            return Refusal("out-of-range", f"{value} is outside {bounds}", f"{bounds} are allowed")
        return value

    schema: Mapping[str, Json] = {
        "type": ["integer", "string"],
        "pattern": "^(0|[1-9][0-9]{0,8})$",
        "minimum": least,
        "maximum": most,
    }
    return Scalar(f"{label} ({bounds})", read, least, schema)


def seconds(least: int, most: int) -> Scalar[int]:
    """Whole seconds; the unit is in the field's name."""
    return integer(least, most, "whole seconds", "s")


def decimal(most: int, label: str) -> Scalar[Decimal]:
    """An exact decimal from text, never through a float. Rule: decision 12."""

    def read(given: str, _: Surroundings) -> Decimal | Refusal:
        value = to_decimal(given)
        if value is None:
            hint = "digits with a point: 2.50; no exponent, sign, comma or unit"
            return Refusal("decimal", f"{quoted(given)} is not {label}", hint)
        if value > most:
            return Refusal("out-of-range", f"{given} is more than {most}", f"at most {most}")
        return value

    pattern = f"^{_DECIMAL.pattern}$"
    return Scalar(label, read, Decimal(0), {"type": ["number", "string"], "pattern": pattern, "minimum": 0})


def roubles(most: int, *, below_zero: bool = False) -> Scalar[int]:
    """Roubles with at most two digits behind the point. Returns: kopecks.

    Args: below_zero: as many with a minus are taken too.
    """

    def read(given: str, _: Surroundings) -> int | Refusal:
        is_negative = below_zero and given.startswith("-")
        value = to_decimal(given[1:] if is_negative else given)
        if value is None or value * 100 % 1:
            hint = "digits, with at most two behind the point: 500 or 499.50"
            return Refusal("roubles", f"{quoted(given)} is not roubles and kopecks", hint)
        if value > most:
            return Refusal("out-of-range", f"{given} is more than {most}", f"at most {most}")
        return int(value * 100) * (-1 if is_negative else 1)

    pattern = rf"^{'-?' if below_zero else ''}[0-9]{{1,9}}(\.[0-9]{{1,2}})?$"
    least = -most if below_zero else 0
    return Scalar("roubles", read, 0, {"type": ["number", "string"], "pattern": pattern, "minimum": least})


def to_decimal(given: str) -> Decimal | None:
    """A text of digits with at most one point, exactly; None for anything else.

    >>> to_decimal("2.50"), to_decimal("1e3"), to_decimal("-1"), to_decimal("NaN")
    (Decimal('2.50'), None, None, None)
    """
    return Decimal(given) if _DECIMAL.fullmatch(given) else None


def boolean() -> Scalar[bool]:
    """`true` or `false`, and none of YAML's other spellings."""

    def read(given: str, _: Surroundings) -> bool | Refusal:
        if given in ("true", "false"):
            return given == "true"
        guess = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
        meant = guess.get(given.lower(), given.lower() if given.lower() in ("true", "false") else "")
        hint = f"write {meant}" if meant else "write true or false"
        return Refusal("boolean", f"{quoted(given)} is neither true nor false", hint)

    return Scalar("true or false", read, False, {"type": "boolean"})


def to_date(given: str) -> date | None:
    """A date written YYYY-MM-DD; None for anything else."""
    if not _DATE.fullmatch(given):
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def day(label: str) -> Scalar[date]:
    """A date."""

    def read(given: str, _: Surroundings) -> date | Refusal:
        return to_date(given) or _no_date(given)

    return Scalar(label, read, date.min, {"type": "string", "pattern": f"^{_DATE.pattern}$"})


def local_time() -> Scalar[datetime]:
    """A local date and time of day, without a zone: whoever reads it knows the zone."""

    def read(given: str, _: Surroundings) -> datetime | Refusal:
        found = to_local_time(given)
        hint = "write YYYY-MM-DD HH:MM, local time of the tenant"
        return Refusal("time", f"{quoted(given)} is no date and time", hint) if found is None else found

    return Scalar("a local time", read, NO_TIME, {"type": "string", "pattern": f"^{_LOCAL_TIME.pattern}$"})


def to_local_time(given: str) -> datetime | None:
    """A time written YYYY-MM-DD HH:MM, seconds if wanted, without a zone; None for anything else."""
    if not _LOCAL_TIME.fullmatch(given):
        return None
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        return None


def day_key(label: str) -> Scalar[str]:
    """A date as the key of a mapping, kept as ISO text, which sorts by time."""

    def read(given: str, _: Surroundings) -> str | Refusal:
        return _no_date(given) if to_date(given) is None else given

    return Scalar(label, read, "", {"type": "string", "pattern": f"^{_DATE.pattern}$"})


def _no_date(given: str) -> Refusal:
    return Refusal("date", f"{quoted(given)} is not a date", "write YYYY-MM-DD")


def time_zone() -> Scalar[str]:
    """A name of the IANA time zone database."""

    def read(given: str, _: Surroundings) -> str | Refusal:
        if given in _zones():
            return given
        return Refusal("time-zone", f"{quoted(given)} is no time zone", _nearest_zone(given))

    return Scalar("a time zone", read, "", {"type": "string"})


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _nearest_zone(given: str) -> str:
    near = did_you_mean(given, _zones())
    return near or "a name of the IANA database, such as Europe/Moscow"


def choice(label: str, known: tuple[str, ...], code: str = "choice", hint: str = "") -> Scalar[str]:
    """One of some words."""

    def read(given: str, _: Surroundings) -> str | Refusal:
        if given in known:
            return given
        return Refusal(code, f"{quoted(given)} is not {label}", hint or did_you_mean(given, known))

    schema: Mapping[str, Json] = {
        "enum": [*known, *(int(word) for word in known if _INTEGER.fullmatch(word))]
    }
    return Scalar(label, read, "", schema, known)


def parsed(label: str, read: Callable[[str], str | Refusal], pattern: str) -> Scalar[str]:
    """A text with a grammar of its own."""
    return Scalar(label, lambda given, _: read(given), "", {"type": "string", "pattern": pattern})
