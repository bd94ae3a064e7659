"""A price list of destinations brought into a project's deck: line by line, whole or not at all.

Rates of other dates are kept: calls of last month are rated by last month's price. Rule: decisions 7 and 9.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from orchestrator.definitions.deck import COLUMNS, DeckReading
from orchestrator.durable import replace_file
from orchestrator.errors import DeckUnwritable, DefinitionsInvalid
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Rate

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Imported:
    """Args: added, changed, unchanged: rates of the price list. kept: others, that the deck had."""

    added: int
    changed: int
    unchanged: int
    kept: int


def import_deck(source: Path, deck: Path, *, replace: bool) -> Imported:
    """Merge a price list into a deck file, made when there is none. The deck's old file stands until all is
    well. Only one process at a time may do so.

    Args: replace: a rate of a prefix and date that the deck has with another price takes its place; without
    it that is a problem, for calls may have been charged by it.
    Raises: DefinitionsInvalid: with every problem and its line. DeckUnwritable: nothing is changed.
    """
    known = {(rate.prefix, rate.starts_on): rate for rate in _known(deck)}
    added = changed = unchanged = 0
    reading = DeckReading(str(source))
    for line, rate in _numbered(source, reading):
        key = (rate.prefix, rate.starts_on)
        before = known.get(key)
        if before is not None and before != rate and not replace:
            message = f"the deck has prefix {rate.prefix} from {rate.starts_on} at another price"
            hint = "give it a later starts_on, or add --replace: what is charged already stays"
            reading.refuse(line, 1, "deck-rate-known", message, hint)
            continue
        added += before is None
        unchanged += before == rate
        changed += before is not None and before != rate
        known[key] = rate
    if reading.problems:
        raise DefinitionsInvalid(reading.problems)
    _write(deck, [known[key] for key in sorted(known)])
    return Imported(added, changed, unchanged, len(known) - added - changed - unchanged)


def _known(deck: Path) -> Sequence[Rate]:
    if not deck.exists():
        return ()
    reading = DeckReading(str(deck))
    rates = [rate for _, rate in _numbered(deck, reading)]
    if reading.problems:
        raise DefinitionsInvalid(reading.problems)
    return rates


def _numbered(source: Path, reading: DeckReading) -> Iterator[tuple[int, Rate]]:
    """Every right rate with its line; what can't be read is a problem."""
    at = 0

    def lines(file: BinaryIO) -> Iterator[str]:
        nonlocal at
        for at, raw in enumerate(file, start=1):
            data = raw.removeprefix(codecs.BOM_UTF8) if at == 1 else raw
            try:
                yield data.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                message = f"byte 0x{data[error.start]:02x} is not UTF-8"
                reading.refuse(at, error.start + 1, "not-utf-8", message, "save the file as UTF-8")
                yield ""

    try:
        with source.open("rb") as file:
            for rate in reading.rates(lines(file)):
                yield at, rate
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"{source} can't be read: {reason}"
        reading.problems.append(
            Problem(Position(str(source)), "", "file-unreadable", message, "check its path")
        )


def _write(deck: Path, rates: Sequence[Rate]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_row, rates))
    try:
        deck.parent.mkdir(parents=True, exist_ok=True)
        replace_file(deck, text.getvalue().encode(), _MODE)
    except OSError as error:
        raise DeckUnwritable(
            f"{deck} can't be written: {error.strerror or error}",
            "the deck is as it was; check rights and space",
        ) from error


def _row(rate: Rate) -> tuple[str | int | Decimal | date, ...]:
    return (
        *(rate.prefix, rate.destination, rate.price, rate.starts_on),
        *(rate.increment_s, rate.minimum_s, rate.free_below_s, rate.connect_fee),
    )
