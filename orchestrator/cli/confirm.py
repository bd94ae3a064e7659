"""`vpbx confirm`: keep what was applied with `--confirm-within`."""

from __future__ import annotations

import json

import click

from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.journal import Journal
from orchestrator.cli.session import json_option, node_option, open_node
from orchestrator.errors import ApplyFailed


class NothingToConfirm(ApplyFailed):
    """No generation waits to be confirmed: it was confirmed already, or has gone back."""

    code = "nothing-to-confirm"


@click.command()
@node_option
@json_option
def confirm(node: str | None, as_json: bool) -> None:
    """Keep the generation that `vpbx apply --confirm-within` made live.

    \b
    Example:
        vpbx apply --confirm-within 120 && vpbx confirm
    """
    session = open_node(node)
    with session.applying():
        journal = Journal(session.paths)
        pending, live = journal.pending(), Generations(session.paths).live()
        if pending is None or live is None or live.number != pending.generation:
            raise NothingToConfirm("no generation waits to be confirmed", "vpbx history shows what is live")
        journal.confirmed()
    if as_json:
        click.echo(json.dumps({"version": 1, "generation": pending.generation}))
    else:
        click.echo(f"generation {pending.generation} stays")
