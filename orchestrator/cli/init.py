"""`vpbx init`: a commented project to start from."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from orchestrator.definitions.schema import KINDS, schema_text
from orchestrator.errors import OrchestratorError


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
def init(directory: Path) -> None:
    """Write a project to start from: a platform, a tariff with its deck, a tenant, schemas for editors.

    The directory must be empty or not there yet; nothing is ever overwritten.

    Example: vpbx init my-platform
    """
    try:
        written = _write(directory)
    except OSError as error:
        place = error.filename or directory
        raise OrchestratorError(
            f"{place}: {error.strerror}", "name a directory that can be written"
        ) from error
    for file in sorted(written):
        click.echo(file)
    click.echo(f"next: vpbx -C {directory} validate", err=True)


def _write(directory: Path) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise OrchestratorError(
            f"{directory} is not empty", "name an empty directory, or one that isn't there yet"
        )
    texts = dict(_starter(files("orchestrator.definitions") / "starter", ""))
    texts |= {f"schemas/{kind}.json": schema_text(kind) for kind in KINDS}
    texts[".gitignore"] = "# What vpbx writes: secrets, the ledger, recordings.\n.vpbx/\n"
    for file, text in texts.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def _starter(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _starter(entry, f"{prefix}{entry.name}/")
        else:
            found.append((f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")))
    return found
