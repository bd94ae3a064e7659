"""A statistics report on stdout: with bars on a terminal, tab-separated in a pipe, as JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.table import print_table
from orchestrator.definitions.quoting import visible
from orchestrator.statistics.figures import SECOND, Figures
from orchestrator.statistics.periods import Span
from orchestrator.statistics.report import Line, Report

_JSON_VERSION = 1
_LONGEST_BAR, _SHORTEST_BAR = 40, 6
_NOBODY = "-"
_COUNTED = ("calls", "answered", "missed", "abandoned", "full")
_VOICEMAIL = "voicemail"
"""Only where somebody left a message."""
_MEASURED = ("wait", "90%", "talk", "again")
_QUEUE = ("queued", "in queue", "90%")
"""Only where somebody waited in a queue."""
_COLOURS = (("answered", "green"), ("voicemail", "blue"), ("missed", "red"), ("abandoned", "yellow"))


@dataclass(frozen=True, slots=True)
class Told:
    """A report with what was asked.

    Args: tenant: None: all. spans: by tenant, in its own time zone. titles: of employees and departments, by
    tenant and name.
    """

    report: Report
    tenant: str | None
    spans: tuple[tuple[str, Span], ...]
    service_level_s: int
    again_within: str
    titles: Mapping[tuple[str, str], str] = field(default_factory=dict)


def print_json(told: Told) -> None:
    """One JSON object, times in seconds."""
    data = {
        "version": _JSON_VERSION,
        "by": told.report.by,
        "tenant": told.tenant,
        "spans": [
            {"tenant": tenant, "from": span.since.isoformat(), "to": span.until.isoformat()}
            for tenant, span in told.spans
        ],
        "service_level_s": told.service_level_s,
        "again_within": told.again_within,
        "lines": [_values(line) for line in told.report.lines],
        "total": _values(_total(told.report)),
    }
    click.echo(json.dumps(data, ensure_ascii=False))


def print_csv(told: Told) -> None:
    """A line a group, without the total: a spreadsheet adds up by itself."""
    rows = [_values(line) for line in told.report.lines]
    names = list(_values(_total(told.report)))
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_lines(told: Told) -> None:
    """A table for people; the last line is the total."""
    report = told.report
    lines = [*report.lines, _total(report)]
    columns = (*_names(told), *_counted(report), f"≤{told.service_level_s}s %", *_MEASURED)
    if report.total.queued:
        columns = (*columns, *_QUEUE)
    if report.by == "employee":
        columns = (*columns, "rung")
    rows = [_cells(told, line, last=line is lines[-1]) for line in lines]
    if not sys.stdout.isatty():
        print_table(columns, rows)
        return
    _print_on_terminal(told, lines, columns, rows)


def _print_on_terminal(
    told: Told, lines: Sequence[Line], columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """With people's own names and with bars, where there is room for them."""
    console = Console()
    place = len(_names(told)) - 1
    texts = [[visible(cell) for cell in row] for row in rows]
    titles = [visible(told.titles.get((line.tenant, line.name), "")) for line in lines]
    titled = [
        [*row[:place], f"{row[place]} {title}".strip(), *row[place + 1 :]]
        for row, title in zip(texts, titles, strict=True)
    ]
    if _width(columns, titled) <= console.width:
        texts = titled
    room = min(_LONGEST_BAR, console.width - _width(columns, texts) - 1)
    has_bars = room >= _SHORTEST_BAR
    heads = [*columns, *([""] if has_bars else [])]
    table = Table(*heads, box=None, header_style="bold", padding=(0, 1, 0, 0))
    most = max((line.figures.calls for line in told.report.lines), default=0)
    for line, cells in zip(lines, texts, strict=True):
        last = line is lines[-1]
        bar = [Text() if last else _bar(line.figures, most, room)] if has_bars else []
        table.add_row(*map(Text, cells), *bar, style="bold" if last else "")
    console.print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(1 + max(map(len, column)) for column in zip(columns, *rows, strict=True))


def _bar(figures: Figures, most: int, room: int) -> Text:
    """Calls by what became of them; the longest bar is the group with most calls."""
    bar = Text()
    done = drawn = 0
    for name, colour in _COLOURS:
        done += getattr(figures, name)
        upto = round(room * done / most) if most else 0
        bar.append("█" * (upto - drawn), colour)
        drawn = upto
    return bar


def _names(told: Told) -> tuple[str, ...]:
    by = told.report.by
    if by in ("tenant", "hour"):
        return (by,)
    return (by,) if told.tenant is not None else ("tenant", by)


def _cells(told: Told, line: Line, *, last: bool) -> list[str]:
    figures = line.figures
    names = _names(told)
    shown = {name: line.tenant if name == "tenant" else line.name for name in names}
    level = figures.service_level
    cells = [
        *(("total", *("" for _ in names[1:])) if last else (shown[name] or _NOBODY for name in names)),
        *(str(getattr(figures, name)) for name in _counted(told.report)),
        "" if level is None else f"{level:.1f}",
        _clock(figures.wait_median_us),
        _clock(figures.wait_p90_us),
        _clock(figures.talk_us),
        str(figures.again),
    ]
    if told.report.total.queued:
        cells += [str(figures.queued), _clock(figures.queue_median_us), _clock(figures.queue_p90_us)]
    if told.report.by == "employee":
        cells.append("" if line.rung is None else str(line.rung))
    return cells


def _counted(report: Report) -> Sequence[str]:
    """Columns that count calls."""
    calls, answered, *others = _COUNTED
    return (calls, answered, *([_VOICEMAIL] if report.total.voicemail else []), *others)


def _clock(length_us: int | None) -> str:
    """Hours, minutes and seconds, as far as they are needed."""
    if length_us is None:
        return ""
    seconds = (length_us + SECOND // 2) // SECOND
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _total(report: Report) -> Line:
    return Line("", "", report.total)


def _values(line: Line) -> dict[str, object]:
    figures = line.figures
    level = figures.service_level
    return {
        "tenant": line.tenant,
        "name": line.name,
        "calls": figures.calls,
        "answered": figures.answered,
        "voicemail": figures.voicemail,
        "missed": figures.missed,
        "abandoned": figures.abandoned,
        "full": figures.full,
        "blocked": figures.blocked,
        "in_time": figures.in_time,
        "service_level_percent": None if level is None else round(level, 2),
        "wait_median_s": _seconds(figures.wait_median_us),
        "wait_p90_s": _seconds(figures.wait_p90_us),
        "talk_s": _seconds(figures.talk_us),
        "again": figures.again,
        "again_callers": figures.again_callers,
        "queued": figures.queued,
        "queue_median_s": _seconds(figures.queue_median_us),
        "queue_p90_s": _seconds(figures.queue_p90_us),
        "rung": line.rung,
    }


def _seconds(length_us: int | None) -> float | None:
    return None if length_us is None else length_us / SECOND
