"""`vpbx ledger`: proof that the books are whole, their canonical text, and their text for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import click

from orchestrator.cli.books import no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.errors import OrchestratorError

_JSON_VERSION = 2


@click.group()
def ledger() -> None:
    """The ledger itself: append-only, double-entry, chained by hashes.

    Example: vpbx ledger verify
    """


@ledger.command()
@json_option
@no_reconcile_option
def verify(as_json: bool, no_reconcile: bool) -> None:
    """Prove the books: no entry changed, none missing, all balanced, every charge computed again.

    Each charge is computed again from the facts in its entry, by the code that charged it, and must come out
    the same. The first entry that doesn't hold is named. The head that is printed, kept elsewhere, later
    proves that no entry was cut off at the end.

    Example: vpbx ledger verify
    """
    with open_books(bring_in=not no_reconcile) as books:
        verified = books.store.verify()
    if as_json:
        data = {
            "version": _JSON_VERSION,
            "entries": verified.entries,
            "recomputed": verified.recomputed,
            "not_recomputed": verified.not_recomputed,
            "reversals": verified.reversals,
            "balances_kop": verified.balances,
            "head": verified.head,
        }
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    click.echo(f"{verified.entries} entries hold, head {verified.head}")
    again = f"{verified.recomputed} charges computed again, {verified.reversals} reversals exact"
    if verified.not_recomputed:
        again += f", {verified.not_recomputed} without what computing again needs"
    click.echo(again)


@ledger.command()
@no_reconcile_option
def dump(no_reconcile: bool) -> None:
    """Print the entries as JSON lines by key, without when and by which path they were posted.

    Two ledgers of the same calls print the same bytes.

    Example: vpbx ledger dump > ledger.jsonl
    """
    with open_books(bring_in=not no_reconcile) as books:
        click.echo(books.store.dump(), nl=False)


@ledger.command()
@click.option(
    "--format", "form", type=click.Choice(["beancount"]), default="beancount", help="What is to read it."
)
@click.option(
    "--from", "begin", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="First day of charges."
)
@click.option(
    "--to", "end", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="First day that is left out."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; stdout by default."
)
@no_reconcile_option
def export(
    form: str,  # noqa: ARG001 - there is one so far
    begin: datetime | None,
    end: datetime | None,
    out: Path | None,
    no_reconcile: bool,
) -> None:
    """Write the ledger for another program that does double entry: a second opinion of every balance.

    Every entry is a transaction on the local date of its charge; a reversal is on that of what it takes back.

    \b
    Example:
        vpbx ledger export --format beancount --out books.beancount
        vpbx ledger export --from 2026-09-01 --to 2026-10-01 > september.beancount
    """
    with open_books(bring_in=not no_reconcile) as books:
        told = books.store.beancount(_date(begin), _date(end))
        if out is None:
            for text in told:
                click.echo(text, nl=False)
            return
        with _replaced(out) as file:
            file.writelines(told)


def _date(typed: datetime | None) -> date | None:
    return None if typed is None else typed.date()


@contextmanager
def _replaced(path: Path) -> Iterator[IO[str]]:
    """A file that stands under its name only when it is whole."""
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
            new = Path(file.name)
            try:
                yield file
                file.close()
                new.rename(path)
            finally:
                new.unlink(missing_ok=True)
    except OSError as error:
        raise OrchestratorError(f"{path}: {error.strerror}", "name a file that you may write") from error
