"""`vpbx validate`: every problem in a project's YAML and decks at once."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.problems import problems_json
from orchestrator.cli.progress import working
from orchestrator.definitions import check, show
from orchestrator.definitions.deck import DECK_LIMIT
from orchestrator.definitions.source import read_source
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Problem
from orchestrator.project import Project


@click.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--no-cache", is_flag=True, help="Read every file, also those that didn't change since.")
@click.pass_context
def validate(ctx: click.Context, directory: Path | None, as_json: bool, no_cache: bool) -> None:
    """Check a project's YAML and decks, and show every problem at once.

    Exits with 1 when there are problems. Nothing is changed and no switch is needed.

    Example: vpbx validate examples
    """
    project: Project = ctx.obj
    root = directory.absolute() if directory else project.root
    with working("checking the definitions") as told:
        definitions, problems = check(root, told, cached=not no_cache)
    if as_json:
        click.echo(problems_json(problems))
    elif problems:
        click.echo(show(problems, lambda file: _text(root, file)), nl=False)
        files = len({problem.position.file for problem in problems})
        click.echo(f"{_count(len(problems), 'problem')} in {_count(files, 'file')}", err=True)
    elif definitions is not None:
        click.echo(_summary(definitions), err=True)
    if problems:
        ctx.exit(1)


def _text(root: Path, file: str) -> str | None:
    source = read_source(root, file, DECK_LIMIT)
    return None if isinstance(source, Problem) else source.text


def _summary(definitions: Definitions) -> str:
    employees = sum(len(tenant.employees) for tenant in definitions.tenants.values())
    numbers = sum(len(tenant.numbers) for tenant in definitions.tenants.values())
    return (
        f"no problems: {_count(len(definitions.tenants), 'tenant')}, {_count(employees, 'employee')}, "
        f"{_count(numbers, 'number')}, {_count(len(definitions.tariffs), 'tariff')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
