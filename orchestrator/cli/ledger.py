"""`vpbx ledger`: proof that the books are whole, and their canonical text."""

from __future__ import annotations

import json

import click

from orchestrator.cli.books import no_reconcile_option, open_books
from orchestrator.cli.session import json_option

_JSON_VERSION = 1


@click.group()
def ledger() -> None:
    """The ledger itself: append-only, double-entry, chained by hashes.

    Example: vpbx ledger verify
    """


@ledger.command()
@json_option
@no_reconcile_option
def verify(as_json: bool, no_reconcile: bool) -> None:
    """Walk the whole chain: no entry changed, none missing, all balanced.

    The head that it prints, kept elsewhere, later proves that no entry was cut off at the end.

    Example: vpbx ledger verify
    """
    with open_books(bring_in=not no_reconcile) as books:
        verified = books.store.verify()
    if as_json:
        data = {"version": _JSON_VERSION, "entries": verified.entries, "head": verified.head}
        click.echo(json.dumps(data))
    else:
        click.echo(f"{verified.entries} entries hold, head {verified.head}")


@ledger.command()
@no_reconcile_option
def dump(no_reconcile: bool) -> None:
    """Print the entries as JSON lines by key, without when and by which path they were posted.

    Two ledgers of the same calls print the same bytes.

    Example: vpbx ledger dump > ledger.jsonl
    """
    with open_books(bring_in=not no_reconcile) as books:
        click.echo(books.store.dump(), nl=False)
