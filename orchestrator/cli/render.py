"""`vpbx render`: the files that an apply would bring to the switch, for reading."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.candidate import rendered_for_reading
from orchestrator.cli.session import node_option, open_session
from orchestrator.errors import OrchestratorError


@click.command()
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Directory to write."
)
@node_option
def render(out: Path, node: str | None) -> None:
    """Write the rendered configuration to a directory, secrets masked.

    Nothing else is written and the switch isn't asked. The same definitions give the same bytes.

    \b
    Example:
        vpbx render --out /tmp/rendered
    """
    session = open_session(node)
    rendered = rendered_for_reading(session.project, session.definitions, session.node)
    try:
        if out.exists() and any(out.iterdir()):
            raise OutputNotEmpty(f"{out} is not empty", "name an empty or a new directory")
        for name, file in rendered.files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            path.chmod(file.mode)
    except OSError as error:
        raise OrchestratorError(f"{out}: {error.strerror}", "name a directory that you may write") from error
    click.echo(f"{len(rendered.files)} files, generation {rendered.generation}, in {out}", err=True)


class OutputNotEmpty(OrchestratorError):
    code = "output-not-empty"
