"""`vpbx deck`: what calls to other networks cost."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.asterisk.file_lock import file_lock
from orchestrator.cli.problems import problems_json, text_of
from orchestrator.cli.session import json_option
from orchestrator.definitions import show
from orchestrator.definitions.deck_import import import_deck
from orchestrator.errors import DefinitionsInvalid
from orchestrator.project import Project

_JSON_VERSION = 1
_WAIT_S = 60.0
_DECKS, _DEFAULT = "decks", "multifon-business"


@click.group()
def deck() -> None:
    """Destination decks: prefixes and their prices.

    Example: vpbx deck import new-prices.csv
    """


@deck.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--deck", "name", default=_DEFAULT, show_default=True, metavar="NAME", help="Into decks/NAME.csv."
)
@click.option(
    "--replace", is_flag=True, help="A price that the deck has for the same prefix and date is replaced."
)
@json_option
@click.pass_context
def import_file(ctx: click.Context, file: Path, name: str, replace: bool, as_json: bool) -> None:
    """Bring a CSV of prices into a deck of the project: all of it, or nothing when a line is wrong.

    Columns: prefix, destination, price, starts_on; and where they differ from 60, 0, 0 and 0: increment_s,
    minimum_s, free_below_s, connect_fee. Rates of other dates stay in the deck. Every wrong line is shown.

    \b
    Example:
        vpbx deck import operator-2026-10.csv
    """
    project: Project = ctx.obj
    if "/" in name or name.startswith("."):
        raise click.BadParameter("a name without folders: multifon-business", param_hint="--deck")
    try:
        # Of two at once the second one begins with what the first one wrote.
        with file_lock(project.state / "decks.lock", _WAIT_S, "importing a deck"):
            done = import_deck(file, project.root / _DECKS / f"{name}.csv", replace=replace)
    except DefinitionsInvalid as invalid:
        click.echo(
            problems_json(invalid.problems) if as_json else show(invalid.problems, text_of), nl=as_json
        )
        ctx.exit(1)
    if as_json:
        data = {
            "version": _JSON_VERSION,
            "deck": name,
            "added": done.added,
            "changed": done.changed,
            "unchanged": done.unchanged,
            "kept": done.kept,
        }
        click.echo(json.dumps(data, ensure_ascii=False))
    else:
        counts = f"{done.added} rates added, {done.changed} changed, {done.unchanged} there already"
        click.echo(f"decks/{name}.csv: {counts}, {done.kept} others kept")
