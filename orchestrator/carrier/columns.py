"""Which column of a list holds what: as its form says, else by the titles that operators use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STARTED, ANSWERED, FROM, TO = "started", "answered", "from", "to"
DIRECTION, DURATION, MINUTES, COST = "direction", "duration", "minutes", "cost"
AND = " + "
"""Between the titles of two columns that make one value: a date and a time."""

_TITLES = {
    STARTED: """
        начало, начало вызова, начало звонка, начало соединения, время начала, время вызова, время звонка,
        дата и время, дата время, дата и время начала, дата время начала, дата и время вызова, started,
        start, start time, started at, setup time, call start, call time, date and time, date time, datetime,
        calldate, timestamp, дата + время, дата + время начала, date + time, дата, date""",
    ANSWERED: """
        время ответа, ответ, начало разговора, дата и время ответа, answered, answer, answer time,
        answered at, connect time, connected""",
    FROM: """
        номер а, а номер, абонент а, вызывающий, вызывающий номер, вызывающий абонент, номер вызывающего,
        исходящий номер, откуда, кто звонил, с номера, from, from number, a number, number a, caller,
        caller number, calling, calling number, src, source, ani, cli""",
    TO: """
        номер б, б номер, номер в, в номер, абонент б, вызываемый, вызываемый номер, вызываемый абонент,
        номер вызываемого, набранный номер, номер назначения, куда, на номер, кому звонили, to, to number,
        b number, number b, callee, called, called number, dialled, dialled number, dialed number, dst,
        destination number, dnis, destination""",
    DIRECTION: """
        направление, направление вызова, тип вызова, тип звонка, вид связи, direction, call direction,
        call type, type""",
    DURATION: """
        длительность, длительность сек, длительность с, длительность в секундах, длительность вызова,
        длительность звонка, длительность разговора, длительность соединения, продолжительность,
        продолжительность сек, тарифицируемая длительность, секунд, секунды, сек, duration, duration s,
        duration sec, duration seconds, billed duration, call duration, talk time, billsec, billed seconds,
        seconds""",
    MINUTES: """
        минут, минуты, мин, длительность мин, длительность в минутах, продолжительность мин, minutes,
        duration min, duration minutes, billed minutes""",
    COST: """
        стоимость, стоимость руб, стоимость с ндс, сумма, сумма руб, сумма с ндс, начислено, руб, рублей,
        cost, cost rub, amount, amount rub, charge, total""",
}
TITLES: Mapping[str, tuple[str, ...]] = {
    field: tuple(title.strip() for title in titles.split(",")) for field, titles in _TITLES.items()
}
"""By field, the likeliest title first; compared without case, punctuation and the dots of `ё`."""

FIELDS = tuple(TITLES)
_WORDS = re.compile(r"[^\w+]+|_+")


class NoColumn(Exception):
    """A header lacks a column. Its text says which."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row: one place, or those of a date and a time.

    Args: width: of the header.
    """

    places: Mapping[str, tuple[int, ...]]
    width: int

    @property
    def of_answer(self) -> bool:
        """Whether times are those of answers: the list has no others."""
        return STARTED not in self.places


def columns_of(header: Sequence[str], own: Mapping[str, str]) -> Columns:
    """The columns of a header. Args: own: titles by field, as the operator's form has them.

    Raises: NoColumn.

    >>> columns_of(["Дата", "Время", "Номер А", "Номер Б", "Длительность, сек"], {}).places["started"]
    (0, 1)
    """
    at: dict[str, int] = {}
    for index, title in enumerate(header):
        at.setdefault(_plain(title), index)
    places = {}
    for field in FIELDS:
        wanted = (own[field],) if field in own else TITLES[field]
        found = next((place for title in wanted if (place := _places(title, at)) is not None), None)
        if found is not None:
            places[field] = found
        elif field in own:
            raise NoColumn(f"no column {own[field]!r} for {field}")
    if STARTED not in own and ANSWERED in own:
        places.pop(STARTED, None)
    for needed in ((STARTED, ANSWERED), (FROM, TO), (DURATION, MINUTES)):
        if not any(field in places for field in needed):
            raise NoColumn(f"no column for {' or '.join(needed)}")
    return Columns(places, len(header))


def _places(title: str, at: Mapping[str, int]) -> tuple[int, ...] | None:
    parts = [at.get(_plain(part)) for part in title.split(AND)]
    found = tuple(part for part in parts if part is not None)
    return found if len(found) == len(parts) else None


def _plain(title: str) -> str:
    return _WORDS.sub(" ", title.lower().replace("ё", "е")).strip()
