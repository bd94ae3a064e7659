"""`vpbx charge`: correct one charge."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from orchestrator.cli.books import open_books
from orchestrator.cli.session import json_option
from orchestrator.deployment import who_acts
from orchestrator.model.money import roubles_text

_JSON_VERSION = 1


@click.group()
def charge() -> None:
    """One charge of the ledger.

    Example: vpbx charge reverse s0f3/s0f3-1790000000.4/call --why "the tenant's own test call"
    """


@charge.command()
@click.argument("key")
@click.option(
    "--why", required=True, metavar="TEXT", help="The reason; it stays in the ledger, with your name."
)
@json_option
def reverse(key: str, why: str, as_json: bool) -> None:
    """Take a charge back: post the entry that is its exact opposite in every account.

    Nothing is changed or removed. The charge isn't made again by itself: its key stands. A charge is taken
    back once, and a reversal isn't taken back. `vpbx charges list --json` shows the keys.

    \b
    Example:
        vpbx charge reverse s0f3/s0f3-1790000000.4/call --why "the tenant's own test call"
    """
    if not why.strip():
        raise click.BadParameter("say why", param_hint="--why")
    with open_books(bring_in=False) as books:
        posted = books.store.take_back(key, why.strip(), who_acts(), datetime.now(UTC))
    if as_json:
        told = {
            "version": _JSON_VERSION,
            "key": posted.key,
            "reverses": posted.reverses,
            "tenant": posted.tenant,
            "amount_kop": posted.amount_kop,
            "why": why.strip(),
            "by": who_acts(),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{posted.key}: {roubles_text(posted.amount_kop)} to {posted.tenant}")
