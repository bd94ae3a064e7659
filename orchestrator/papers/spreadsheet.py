"""CSV for spreadsheets, as the reader's own opens it by a double click.

UTF-8 with a byte order mark, without which a spreadsheet takes Cyrillic for another encoding. Russian: fields
apart by semicolons and a decimal comma, for there a point makes `2.50` the second of May; English: commas and
a point.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from orchestrator.model.money import roubles_text
from orchestrator.papers.figures import decimal
from orchestrator.papers.words import RUSSIAN

_FORMULA = ("=", "@", "-", "\t", "\r")
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def spreadsheet(columns: Sequence[str], rows: Iterable[Sequence[object]], language: str) -> str:
    """Rows below their columns.

    Args: rows: a `Kopecks` is a sum, a Decimal or whole number a number, None nothing, the rest text.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language == RUSSIAN else ",", lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value, language) for value in row] for row in rows)
    return f"{_MARK}{text.getvalue()}"


class Sum(int):
    """Kopecks to be written as roubles."""


def _cell(value: object, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Sum):
        return decimal(Decimal(roubles_text(value)), language)
    if isinstance(value, Decimal):
        return decimal(value, language)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    return _text(str(value))


def _text(value: str) -> str:
    """A text that no spreadsheet takes for a formula; a number called begins with + and stays as it is."""
    one_line = " ".join(value.split())
    signed = one_line.startswith("+") and not one_line[1:].isdigit()
    return f"'{one_line}" if signed or one_line.startswith(_FORMULA) else one_line
