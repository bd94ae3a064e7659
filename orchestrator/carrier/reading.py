"""An operator's list read line by line: calls, and the lines that can't be read with their reasons."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from zoneinfo import ZoneInfo

from orchestrator.carrier import columns as at
from orchestrator.carrier import values
from orchestrator.carrier.calls import ListedCall, Unread
from orchestrator.carrier.columns import AND, Columns, NoColumn, columns_of

_SEPARATORS = ";,\t|"
_TITLE_LINES = 30
"""Lines at a list's top among which its header is looked for: whose list it is, of which contract."""


class _Wrong(Exception):
    """Why a line can't be read."""


@dataclass(slots=True)
class ListReading:
    """A list being read.

    Args: titles: see `columns_of`. zone: of its times. unread: lines that can't be read, as they come.
    """

    titles: Mapping[str, str]
    zone: ZoneInfo
    region: str
    unread: list[Unread] = field(default_factory=list)
    columns: Columns = field(default_factory=lambda: Columns({}, 0))
    _separator: str = ";"

    def calls(self, lines: Iterable[str]) -> Iterator[ListedCall]:
        """Every call that can be read. Raises: NoColumn: its header isn't there."""
        numbered = enumerate(lines, start=1)
        self._find_header(numbered)
        for line, text in numbered:
            if not text or text.isspace():
                continue
            try:
                yield self._call(line, self._cells(text))
            except _Wrong as wrong:
                self.unread.append(Unread(line, str(wrong)))

    def _find_header(self, numbered: Iterator[tuple[int, str]]) -> None:
        missing = NoColumn("the list is empty")
        best = 0
        for _, text in islice(numbered, _TITLE_LINES):
            for separator in _SEPARATORS:
                header = next(csv.reader([text], delimiter=separator), [])
                try:
                    self.columns = columns_of(header, self.titles)
                except NoColumn as error:
                    if len(header) > best:
                        missing, best = error, len(header)
                else:
                    self._separator = separator
                    return
        raise missing

    def _cells(self, text: str) -> Sequence[str]:
        """The fields of a line; by itself, so that a quote left open doesn't swallow those below."""
        line = text.rstrip("\r\n")
        if '"' not in line:
            return line.split(self._separator)
        try:
            return next(csv.reader([line], delimiter=self._separator, strict=True))
        except csv.Error as error:
            raise _Wrong("quotes aren't closed") from error

    def _call(self, line: int, cells: Sequence[str]) -> ListedCall:
        if len(cells) < self.columns.width and any(
            place >= len(cells) for places in self.columns.places.values() for place in places
        ):
            raise _Wrong(f"{len(cells)} fields where the header has {self.columns.width}")
        return ListedCall(
            line,
            values.direction(self._text(cells, at.DIRECTION)),
            self._number(cells, at.FROM),
            self._number(cells, at.TO),
            self._time(cells),
            self._seconds(cells),
            self._cost(cells),
        )

    def _time(self, cells: Sequence[str]) -> int:
        text = self._text(cells, at.ANSWERED if self.columns.of_answer else at.STARTED)
        found = values.epoch(text, self.zone)
        if found is None:
            raise _Wrong(f"{text[:40]!r} is no date with a time: 2026-10-31 14:05:09, 31.10.2026 14:05:09")
        return found

    def _seconds(self, cells: Sequence[str]) -> int:
        in_seconds = at.DURATION in self.columns.places
        text = self._text(cells, at.DURATION if in_seconds else at.MINUTES)
        found = values.length_s(text) if in_seconds else values.length_of_minutes_s(text)
        if found is None:
            raise _Wrong(f"{text[:40]!r} is no length: 65, 1:05, 0:01:05")
        return found

    def _number(self, cells: Sequence[str], field: str) -> str:
        text = self._text(cells, field)
        found = values.number(text, self.region)
        if found is None:
            raise _Wrong(f"{text[:40]!r} is no number")
        return found

    def _cost(self, cells: Sequence[str]) -> Decimal | None:
        text = self._text(cells, at.COST)
        if not text:
            return None
        found = values.roubles(text)
        if found is None:
            raise _Wrong(f"{text[:40]!r} is no sum in roubles")
        return found

    def _text(self, cells: Sequence[str], field: str) -> str:
        places = self.columns.places.get(field)
        if places is None:
            return ""
        if len(places) == 1:
            return cells[places[0]].strip()
        return " ".join(cells[place].strip() for place in places).strip()


def titles_of(given: Iterable[str]) -> dict[str, str]:
    """Titles by field out of `started=Дата + Время`. Raises: ValueError: one names no field, or no title."""
    titles = {}
    for each in given:
        name, _, title = each.partition("=")
        if name not in at.FIELDS or not all(part.strip() for part in title.split(AND)):
            raise ValueError(each)
        titles[name] = title
    return titles
