"""`vpbx render`: the files that an apply would bring to the switch, for reading."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.candidate import choose_node, rendered_for_reading
from orchestrator.cli.explained import explained_json, explained_lines
from orchestrator.cli.session import Session, find_project, json_option, node_option, open_session
from orchestrator.definitions import load
from orchestrator.errors import OrchestratorError


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Directory to write.")
@click.option("--explain", "place", metavar="FILE:LINE", help="Say where a line comes from; write nothing.")
@click.option("--check", "only_check", is_flag=True, help="Render every node, and write nothing.")
@node_option
@json_option
def render(out: Path | None, place: str | None, only_check: bool, node: str | None, as_json: bool) -> None:
    """Write the rendered configuration to a directory, secrets masked; or explain one line of it.

    Nothing else is written and the switch isn't asked. The same definitions give the same bytes.

    --explain names the line of YAML (or the field that isn't written there and its default), the line of the
    template, or the hand-written block that a line came from. FILE is a path below the rendered tree, or one
    into the live configuration (.vpbx/switch/NODE/etc) or a directory written by --out.

    \b
    Example:
        vpbx render --out /tmp/rendered
        vpbx render --explain dialplan/tenants/acme.conf:57
    """
    if (out is not None) + (place is not None) + only_check != 1:
        raise click.UsageError("give one of --out DIR, --explain FILE:LINE and --check")
    if only_check:
        _check(node, as_json=as_json)
        return
    session = open_session(node)
    if place is not None:
        if as_json:
            click.echo(json.dumps(explained_json(session, place), ensure_ascii=False))
        else:
            for line in explained_lines(session, place):
                click.echo(line)
    elif out is not None:
        _write(session, out, as_json=as_json)


def _check(node: str | None, *, as_json: bool) -> None:
    """Render the node that was named, or each. Raises: RenderFailed."""
    project = find_project()
    definitions = load(project.root)
    nodes = [choose_node(definitions, node)] if node else list(definitions.platform.nodes.values())
    found = {each.name: rendered_for_reading(project, definitions, each) for each in nodes}
    if as_json:
        told = {
            name: {"generation": each.generation, "files": len(each.files)} for name, each in found.items()
        }
        click.echo(json.dumps({"version": 1, "nodes": told}))
    for name, each in found.items():
        click.echo(f"{name}: {len(each.files)} files can be rendered", err=True)


def _write(session: Session, out: Path, *, as_json: bool) -> None:
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
    if as_json:
        data = {
            "version": 1,
            "generation": rendered.generation,
            "directory": str(out),
            "files": list(rendered.files),
        }
        click.echo(json.dumps(data, ensure_ascii=False))


class OutputNotEmpty(OrchestratorError):
    code = "output-not-empty"
