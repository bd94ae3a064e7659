"""A table of ported numbers: CSV, a number or a range a line, every fault with its line.

Columns, in any order and case: `number`, or `numberfrom` and `numberto`; at least one of `route`, `ownerid`
and `mnc`; `regioncode` and `portdate` may be left out. Others are passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.number import to_e164
from orchestrator.model.portability import PARTED_BY, Porting, prefixes
from orchestrator.model.problem import Position, Problem

MOST_TOLD = 1000
"""Wrong lines that are told; the others are counted."""

NUMBERS, CODES = ("number", "numberfrom", "numberto"), ("route", "ownerid", "mnc")
COLUMNS = (*NUMBERS, *CODES, "regioncode", "portdate")
CODE = r"[A-Za-z0-9_]{1,20}"
_MOST_COLUMNS = 50
_IS_CODE = re.compile(CODE).fullmatch
_IS_REGION = re.compile(r"[A-Za-z0-9_-]{0,10}").fullmatch
_COUNTRY = {"RU": "250"}
"""Mobile country code by region. Rule: ITU-T E.212."""


@dataclass(slots=True)
class PortingReading:
    """A table being read line by line. Args: region, zone: of the platform. unread: columns passed over.

    wrong: how many lines are, of which the first `MOST_TOLD` are told.
    """

    file: str
    region: str
    zone: ZoneInfo
    problems: list[Problem] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    wrong: int = 0

    def portings(self, lines: Iterable[str]) -> Iterator[tuple[int, Porting]]:
        """Every right line, with its number, as it comes; one for each beginning of a range."""
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        at = {name.strip().lower(): index for index, name in enumerate(header)}
        if not self._is_header(header, at):
            return
        self.unread = tuple(name for name in header if name.strip().lower() not in COLUMNS)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error:
                self.refuse(reader.line_num, "portability-line", "not one line of CSV", "close the quotes")
                continue
            if cells is None:
                break
            if len(cells) != len(header):
                if cells:
                    message = f"{len(cells)} fields where the header has {len(header)}"
                    self.refuse(
                        reader.line_num, "portability-fields", message, "a field with a comma is quoted"
                    )
                continue
            for each in self._read(reader.line_num, at, cells):
                yield reader.line_num, each

    def refuse(self, line: int, code: str, message: str, hint: str) -> None:
        self.wrong += 1
        if self.wrong <= MOST_TOLD:
            self.problems.append(Problem(Position(self.file, line, 1), "", code, message, hint))
        elif self.wrong == MOST_TOLD + 1:
            more = "there are more wrong lines than are told"
            self.problems.append(
                Problem(Position(self.file, line, 1), "", "too-many", more, "correct these first")
            )

    def _is_header(self, header: Sequence[str], at: Mapping[str, int]) -> bool:
        before = self.wrong
        hint = "the header is Number,OwnerId,MNC,Route,RegionCode,PortDate"
        if len(header) == 1 and ";" in header[0]:
            self.refuse(1, "portability-header", "columns are parted by `;`", "save the table with commas")
        elif not header or len(header) > _MOST_COLUMNS or len(at) < len(header):
            self.refuse(
                1, "portability-header", "no header, one of too many columns, or a column twice", hint
            )
        elif ("number" in at) == ("numberfrom" in at and "numberto" in at):
            near = "; ".join(
                filter(None, (did_you_mean(name, NUMBERS) for name in at if name not in COLUMNS))
            )
            message = "the column Number belongs here, or both NumberFrom and NumberTo"
            self.refuse(1, "portability-column", message, near or hint)
        elif not any(name in at for name in CODES):
            message = "none of the columns Route, OwnerId and MNC says who has a number"
            self.refuse(1, "portability-column", message, hint)
        return self.wrong == before

    def _read(self, line: int, at: Mapping[str, int], cells: Sequence[str]) -> Iterator[Porting]:
        given = {name: cells[index].strip() for name, index in at.items() if name in COLUMNS}
        first, last = self._range(given)
        codes, since = (
            _codes(*(given.get(name, "") for name in CODES), self.region),
            _since(given.get("portdate", ""), self.zone),
        )
        before = self.wrong
        if not first or not last:
            written = given.get("number") or f"{given.get('numberfrom', '')}-{given.get('numberto', '')}"
            hint = "ten digits, +7XXXXXXXXXX, or a range of them: 9160000000-9160009999"
            self.refuse(
                line, "portability-number", f"{quoted(written)} is neither a number nor a range", hint
            )
        if not codes:
            hint = "letters, digits and _; at least one of Route, OwnerId and MNC"
            self.refuse(line, "portability-code", "it isn't said who has it, or by no code", hint)
        if since is None:
            message = f"{quoted(given['portdate'])} is not a date"
            self.refuse(line, "portability-date", message, "2026-11-26, or 2026-11-26T03:00:00+03:00")
        region = given.get("regioncode", "")
        if not _IS_REGION(region):
            message = f"{quoted(region)} is not a region's code"
            self.refuse(line, "portability-region", message, "up to ten letters and digits: 77")
        if self.wrong == before and since is not None:
            size = int(last) - int(first) + 1
            for prefix in (first,) if size == 1 else prefixes(first, last):
                yield Porting(prefix, since, codes, region, size)

    def _range(self, given: Mapping[str, str]) -> tuple[str, str]:
        """First and last number, digits; empty where they are none."""
        if "number" in given:
            one, _, two = given["number"].partition("-")
            first = self._digits(one)
            last = self._digits(two) if two else first
        else:
            first, last = self._digits(given["numberfrom"]), self._digits(given["numberto"])
        return (first, last) if len(first) == len(last) and first <= last else ("", "")

    def _digits(self, given: str) -> str:
        if len(given) == 10 and given.isascii() and given.isdigit() and self.region == "RU":
            return f"7{given}"
        return (to_e164(given, self.region) or "").removeprefix("+")


@lru_cache(4096)
def _codes(route: str, owner: str, network: str, region: str) -> str:
    """As a table has them; empty: there are none, or one is none."""
    if not all(_IS_CODE(each) for each in (route, owner, network) if each):
        return ""
    whole = f"{_COUNTRY.get(region, '')}{network}" if network else ""
    return PARTED_BY.join(dict.fromkeys(each.lower() for each in (route, owner, whole) if each))


@lru_cache(4096)
def _since(given: str, zone: ZoneInfo) -> int | None:
    """Epoch, s; 0: always. Returns: None: it is no date."""
    if not given:
        return 0
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        return None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=zone)).timestamp())
