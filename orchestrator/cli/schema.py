"""`vpbx schema`: JSON Schema of the YAML files, for editors."""

from __future__ import annotations

import click

from orchestrator.definitions.schema import KINDS, schema_text


@click.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
def schema(kind: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a kind of file: editors complete and check by it.

    Example: vpbx schema tenant > schemas/tenant.json
    """
    click.echo(schema_text(kind), nl=False)
