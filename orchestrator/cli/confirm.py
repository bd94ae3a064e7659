"""`vpbx confirm`: keep what was applied with `--confirm-within`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import click

from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.journal import Intent, Journal, Pending
from orchestrator.cli.deploying import recovered, running_switch
from orchestrator.cli.session import Session, json_option, node_option, open_node
from orchestrator.cli.settling import Settling, posted_data, say_posted, settling
from orchestrator.errors import ApplyFailed


class NothingToConfirm(ApplyFailed):
    """No generation waits to be confirmed: it was confirmed already, or has gone back."""

    code = "nothing-to-confirm"


@click.command()
@node_option
@json_option
def confirm(node: str | None, as_json: bool) -> None:
    """Keep the generation that `vpbx apply --confirm-within` made live.

    What has become of tenants' services is posted now, with today's date.

    \b
    Example:
        vpbx apply --confirm-within 120 && vpbx confirm
    """
    session = open_node(node)
    with session.applying(), settling(session) as accounts:
        pending = _confirm(session, accounts)
        posted = accounts.told()
    if as_json:
        told = {"version": 1, "generation": pending.generation, **posted_data(posted)}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"generation {pending.generation} stays")
        say_posted(posted)


def _confirm(session: Session, accounts: Settling) -> Pending:
    """The confirmation stands once the intent is noted: from then on the generation doesn't go back."""
    journal, generations = Journal(session.paths), Generations(session.paths)
    if journal.intent() is not None:
        asyncio.run(_end_what_died(session, accounts))
    pending, live = journal.pending(), generations.live()
    manifest = generations.manifest(live)
    if pending is None or live is None or manifest is None or live.number != pending.generation:
        raise NothingToConfirm("no generation waits to be confirmed", "vpbx history shows what is live")
    at = datetime.now(UTC)
    followed = generations.manifest(generations.numbered(pending.before))
    changes = accounts.changes(manifest.wanted, followed, at)
    if changes:
        accounts.ready()
        journal.begin(Intent(pending.before, pending.generation, at, live=True))
    journal.confirmed()
    if changes:
        accounts.settle(manifest, at)
        journal.end()
    return pending


async def _end_what_died(session: Session, accounts: Settling) -> None:
    async with running_switch(session) as switch:
        await recovered(session, switch, accounts)
