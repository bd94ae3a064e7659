"""Rows for people: a table on a terminal, tab-separated lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.definitions.quoting import visible


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows on stdout. Control characters in what callers or switches said are made visible."""
    texts = [[visible(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for cells in (list(columns), *texts):
            click.echo("\t".join(cells))
        return
    table = Table(*columns, box=None, header_style="bold")
    for cells in texts:
        table.add_row(*map(Text, cells))
    Console().print(table)
