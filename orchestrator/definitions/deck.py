"""A destination deck: CSV, one rate a line, every fault with its line and column.

Rule: decisions 7 and 9. Columns `prefix,destination,price,starts_on` must be there; `increment_s` (60),
`minimum_s` (0), `free_below_s` (0) and `connect_fee` (0) may be left out or empty.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePosixPath

from orchestrator.definitions.quoting import did_you_mean, is_invisible, quoted
from orchestrator.definitions.scalars import to_date, to_decimal
from orchestrator.definitions.shapes import PROBLEM_LIMIT
from orchestrator.definitions.source import Source, split_lines
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Deck, Rate

DECK_LIMIT = 16 * 1024 * 1024
"""Bytes of the largest deck, about 300,000 rates."""

_MOST_COLUMNS = 50
_NOTHING = Decimal(0)
_REPEATED = 4096
"""Texts that are looked at once though many lines have them."""

REQUIRED = ("prefix", "destination", "price", "starts_on")
COLUMNS = (*REQUIRED, "increment_s", "minimum_s", "free_below_s", "connect_fee")


def read_deck(source: Source) -> tuple[Deck, tuple[Problem, ...]]:
    """The deck that a file holds, and what is wrong with it.

    Args: source: of the file; its stem names the deck and its digest the version.
    Returns: the deck without its wrong lines.
    """
    reading = DeckReading(source.file)
    rates = tuple(reading.rates(split_lines(source.text)))
    stem = PurePosixPath(source.file).stem
    return Deck(stem, source.digest[:12], rates), tuple(reading.problems)


@dataclass(slots=True)
class DeckReading:
    """A deck being read line by line. Args: problems: found so far, at most a few more than are told."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def rates(self, lines: Iterable[str]) -> Iterator[Rate]:
        """Every right rate, as it comes; what is wrong goes to the problems."""
        seen: dict[tuple[str, date], int] = {}
        header: tuple[str, ...] = ()
        for line, text in enumerate(lines, start=1):
            if len(self.problems) > PROBLEM_LIMIT:
                return
            if not text.strip():
                continue
            cells = self.cells(line, text)
            if cells is None:
                continue
            if not header:
                header = tuple(cells)
                if not self.check_header(line, text, header):
                    return
                continue
            rate = self.rate(line, text, header, cells)
            if rate is None:
                continue
            key = (rate.prefix, rate.starts_on)
            if key in seen:
                message = f"prefix {rate.prefix} from {rate.starts_on} stands at line {seen[key]} already"
                hint = "keep one of them, or give it another starts_on"
                self.refuse(line, 1, "deck-twice", message, hint)
                continue
            seen[key] = line
            yield rate
        if not seen and not self.problems:
            hint = f"the header is {','.join(COLUMNS)}"
            self.refuse(1, 1, "deck-empty", "a deck without rates", hint)

    def refuse(self, line: int, column: int, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(Position(self.file, line, column), "", code, message, hint))

    def cells(self, line: int, text: str) -> list[str] | None:
        try:
            return next(csv.reader([text], strict=True))
        except (csv.Error, StopIteration):
            self.refuse(
                line, 1, "deck-line", "not one line of CSV", "close the quotes; a field has no line break"
            )
            return None

    def check_header(self, line: int, text: str, header: tuple[str, ...]) -> bool:
        before = len(self.problems)
        if len(header) == 1 and ";" in header[0]:
            self.refuse(line, 1, "deck-header", "columns are parted by `;`", "save the deck with commas")
            return False
        if len(header) > _MOST_COLUMNS:
            self.refuse(
                line, 1, "deck-header", f"more than {_MOST_COLUMNS} columns", "delete those without a use"
            )
            return False
        for index, name in enumerate(header):
            if name not in COLUMNS:
                hint = did_you_mean(name, COLUMNS)
                self.refuse(
                    line, column_of(text, index), "deck-column", f"unknown column {quoted(name)}", hint
                )
            elif name in header[:index]:
                self.refuse(
                    line, column_of(text, index), "deck-column", f"column {quoted(name)} is there twice"
                )
        for name in REQUIRED:
            if name not in header:
                self.refuse(
                    line, 1, "deck-column", f"the column {quoted(name)} is missing", "add it to the header"
                )
        return len(self.problems) == before

    def rate(self, line: int, text: str, header: tuple[str, ...], cells: list[str]) -> Rate | None:
        if len(cells) != len(header):
            message = f"{len(cells)} fields where the header has {len(header)}"
            hint = "a price has a point, not a comma; a destination with a comma is quoted"
            self.refuse(line, column_of(text, min(len(cells), len(header)) - 1), "deck-fields", message, hint)
            return None
        given = dict(zip(header, cells, strict=True))
        bad = [name for name, text in given.items() if not _CHECKS[name](text)]
        for name in bad:
            message = f"{quoted(given[name])} is not a valid {name}"
            self.refuse(line, column_of(text, header.index(name)), "deck-value", message, _HINTS[name])
        return None if bad else _rate(given)


def column_of(line: str, index: int) -> int:
    """The 1-based column where a CSV line's field begins.

    >>> column_of('7,"a,b",2', 2)
    9
    """
    inside, found = False, 0
    if index == 0:
        return 1
    for place, char in enumerate(line):
        if char == '"':
            inside = not inside
        elif char == "," and not inside:
            found += 1
            if found == index:
                return place + 2
    return 1


def _rate(given: Mapping[str, str]) -> Rate:
    return Rate(
        prefix=given["prefix"].removeprefix("+"),
        destination=given["destination"],
        price=_amount(given["price"]),
        starts_on=_date(given["starts_on"]) or date.min,
        increment_s=int(given.get("increment_s") or 60),
        minimum_s=int(given.get("minimum_s") or 0),
        free_below_s=int(given.get("free_below_s") or 0),
        connect_fee=_amount(fee) if (fee := given.get("connect_fee")) else _NOTHING,
    )


def _amount(given: str) -> Decimal:
    return to_decimal(given) or Decimal(0)


def _is_prefix(given: str) -> bool:
    digits = given.removeprefix("+")
    return digits.isascii() and digits.isdigit() and len(digits) <= 15 and not digits.startswith("0")


def _is_price(given: str) -> bool:
    value = to_decimal(given)
    return value is not None and value <= 100_000


@lru_cache(_REPEATED)
def _is_destination(given: str) -> bool:
    return 0 < len(given.strip()) <= 100 and not any(map(is_invisible, given))


@lru_cache(_REPEATED)
def _date(given: str) -> date | None:
    return to_date(given)


def _is_whole(least: int, most: int) -> Callable[[str], bool]:
    def check(given: str) -> bool:
        if given == "":
            return True
        plain = given.isascii() and given.isdigit() and len(given) <= 6 and (given == "0" or given[0] != "0")
        return plain and least <= int(given) <= most

    return check


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "prefix": _is_prefix,
    "destination": _is_destination,
    "price": _is_price,
    "starts_on": lambda given: _date(given) is not None,
    "increment_s": _is_whole(1, 3600),
    "minimum_s": _is_whole(0, 3600),
    "free_below_s": _is_whole(0, 3600),
    "connect_fee": lambda given: given == "" or _is_price(given),
}

_HINTS: Mapping[str, str] = {
    "prefix": "1 to 15 digits of E.164, with or without `+`",
    "destination": "a name of at most 100 characters",
    "price": "roubles a minute with a point: 2.50",
    "starts_on": "YYYY-MM-DD",
    "increment_s": "whole seconds, 1 to 3600",
    "minimum_s": "whole seconds, 0 to 3600",
    "free_below_s": "whole seconds, 0 to 3600",
    "connect_fee": "roubles with a point: 0.50",
}
