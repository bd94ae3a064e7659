"""`vpbx recordings`: what was recorded, where it lies, and whether it is still what was recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.books import Books, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.model.recording import Recording
from orchestrator.recordings import fault_of, finish
from orchestrator.retention.years import Retention
from orchestrator.secrets import Secrets
from orchestrator.storage.recordings import RecordingIndex

_JSON_VERSION = 1


@click.group()
def recordings() -> None:
    """Recordings of external calls.

    \b
    Example:
        vpbx recordings list acme
    """


@recordings.command("list")
@click.argument("tenant", required=False)
@json_option
def list_recordings(tenant: str | None, as_json: bool) -> None:
    """List recordings, oldest first. In each file the left channel is the outside party.

    \b
    Example:
        vpbx recordings list acme --json
    """
    with _index() as (books, index):
        found = index.find(tenant)
        books.check_tenant(tenant, found)
        directory = recordings_directory(books)
        if as_json:
            data = {
                "version": _JSON_VERSION,
                "recordings": [recording_json(item, directory) for item in found],
            }
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        print_table(
            ("started", "tenant", "length_s", "state", "keep until", "id", "file"),
            [
                (
                    books.shown(item.started_at),
                    item.tenant,
                    "" if item.length_s is None else item.length_s,
                    item.state,
                    item.retain_until or "",
                    item.uniqueid,
                    _shown(directory / item.file) if item.state in ("complete", "short") else item.note,
                )
                for item in found
            ],
        )


@recordings.command()
@click.argument("id")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def get(id: str, out: Path) -> None:
    """Copy a recording out, checked against its SHA-256.

    \b
    Example:
        vpbx recordings get s0f3-1790000000.4 --out call.wav
    """
    with _index() as (books, index):
        found = index.find(uniqueid=id)
        if not found or found[0].state not in ("complete", "short"):
            raise NotFound(f"no recording {id!r}", "vpbx recordings list")
        fault = fault_of(found[0], recordings_directory(books))
        if fault:
            raise RecordingDamaged(f"{found[0].file}: {fault}", "restore it from a backup")
        try:
            shutil.copyfile(recordings_directory(books) / found[0].file, out)
        except OSError as error:
            raise OrchestratorError(f"{out}: {error.strerror}", "name a file that you may write") from error


@recordings.command()
@click.argument("tenant", required=False)
@json_option
@click.pass_context
def verify(context: click.Context, tenant: str | None, as_json: bool) -> None:
    """Compare every recording's file with its SHA-256. Exits 1 when one is gone, changed, short or lost.

    \b
    Example:
        vpbx recordings verify
    """
    with _index() as (books, index):
        found = [item for item in index.find(tenant) if item.state != "open"]
        books.check_tenant(tenant, found)
        faults = {item.uniqueid: _fault(item, recordings_directory(books)) for item in found}
        bad = [item for item in found if faults[item.uniqueid]]
        if as_json:
            rows = [{"id": item.uniqueid, "file": item.file, "fault": faults[item.uniqueid]} for item in bad]
            click.echo(json.dumps({"version": _JSON_VERSION, "checked": len(found), "faults": rows}))
        else:
            for item in bad:
                click.echo(f"{item.uniqueid} {item.file}: {faults[item.uniqueid]}")
            click.echo(f"{len(found)} recordings checked, {len(bad)} faulty", err=True)
        if bad:
            context.exit(1)


class RecordingDamaged(OrchestratorError):
    code = "recording-damaged"


def _fault(item: Recording, directory: Path) -> str:
    return item.note if item.state in ("short", "lost") else fault_of(item, directory)


@contextmanager
def _index() -> Iterator[tuple[Books, RecordingIndex]]:
    """The index, after calls that have ended were brought in."""
    with open_books(bring_in=True) as books:
        index = RecordingIndex(books.store.database)
        for node in books.definitions.platform.nodes.values():
            systemname = Secrets.open(books.project.secrets_file).systemname(node.name)
            monitor = books.project.switch(node.name).monitor
            finish(
                index,
                monitor,
                recordings_directory(books),
                Retention.of(books.definitions),
                systemname,
                datetime.now(UTC),
            )
        yield books, index


def _shown(path: Path) -> Path:
    """A path as people type it: from where they are, when it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def recordings_directory(books: Books) -> Path:
    """Where the project keeps its recordings."""
    return books.project.recordings(books.definitions.platform.storage.recordings)


def recording_json(item: Recording, directory: Path) -> dict[str, object]:
    """A recording as `--json` prints it. Args: directory: where recordings are kept."""
    kept = item.state in ("complete", "short")
    return {
        "id": item.uniqueid,
        "linkedid": item.linkedid,
        "tenant": item.tenant,
        "started_at": item.started_at.isoformat(),
        "length_s": item.length_s,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "state": item.state,
        "retain_until": item.retain_until.isoformat() if item.retain_until else None,
        "file": str(directory / item.file) if kept else None,
        "note": item.note,
    }
