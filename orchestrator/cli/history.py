"""`vpbx history`: the generations of a node: who made them, when, from what, and what was new."""

from __future__ import annotations

import json

import click

from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.journal import Journal
from orchestrator.asterisk.manifest import Manifest
from orchestrator.cli.session import json_option, node_option, open_node
from orchestrator.cli.table import print_table

_MOST_SENTENCES = 6


@click.command()
@node_option
@json_option
def history(node: str | None, as_json: bool) -> None:
    """Show the kept generations, newest first: number, time, who, Git commit, and what was new in each.

    `vpbx rollback NUMBER` makes one of them live again.

    \b
    Example:
        vpbx history
    """
    session = open_node(node)
    generations = Generations(session.paths)
    live, pending = generations.live(), Journal(session.paths).pending()
    number = 0 if live is None else live.number
    waits = 0 if pending is None else pending.generation
    kept = [held for each in reversed(generations.all()) if (held := generations.manifest(each)) is not None]
    if as_json:
        told = [_data(held, number, waits) for held in kept]
        click.echo(json.dumps({"version": 1, "generations": told}, ensure_ascii=False))
        return
    rows = [
        (
            f"{held.number}{'*' if held.number == number else ''}",
            f"{held.origin.made_at.astimezone():%Y-%m-%d %H:%M:%S}",
            held.origin.user,
            held.origin.commit,
            held.origin.why + (" (waits for vpbx confirm)" if held.number == waits else ""),
            _new(held),
        )
        for held in kept
    ]
    print_table(("number", "made", "by", "commit", "why", "what was new"), rows)


def _new(held: Manifest) -> str:
    lines = [f"{name or 'platform'}: {each}" for name, told in held.changes.items() for each in told]
    if len(lines) > _MOST_SENTENCES:
        lines = [*lines[: _MOST_SENTENCES - 1], f"and {len(lines) - _MOST_SENTENCES + 1} more"]
    return "; ".join(lines)


def _data(held: Manifest, live: int, waits: int) -> dict[str, object]:
    return {
        "generation": held.number,
        "live": held.number == live,
        "waits_for_confirmation": held.number == waits,
        "base": held.base,
        "made_at": held.origin.made_at.isoformat(),
        "user": held.origin.user,
        "commit": held.origin.commit,
        "why": held.origin.why,
        "changes": {name: list(told) for name, told in held.changes.items()},
    }
