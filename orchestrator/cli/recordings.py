"""`vpbx recordings`: what was recorded, where it lies, and whether it is still what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.books import Books, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.model.recording import Recording
from orchestrator.recording_files import RecordingFiles, Stores
from orchestrator.recordings import finish
from orchestrator.retention.years import Retention
from orchestrator.secrets import Secrets
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.recordings import RecordingIndex

_JSON_VERSION = 1
_WITH_SOUND = ("complete", "short")


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
        files = recording_files(books, found)
        if as_json:
            data = {
                "version": _JSON_VERSION,
                "recordings": [
                    {**recording_json(item, directory), **_where_json(item, files)} for item in found
                ],
            }
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        print_table(
            ("started", "tenant", "length_s", "state", "keep until", "id", "where"),
            [
                (
                    books.shown(item.started_at),
                    item.tenant,
                    "" if item.length_s is None else item.length_s,
                    item.state,
                    item.retain_until or "",
                    item.uniqueid,
                    _where(item, files, directory),
                )
                for item in found
            ],
        )


@recordings.command()
@click.argument("id")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def get(id: str, out: Path) -> None:
    """Copy a recording out, checked against its SHA-256; one that is away is fetched.

    \b
    Example:
        vpbx recordings get s0f3-1790000000.4 --out call.wav
    """
    with _index() as (books, index):
        found = index.find(uniqueid=id)
        if not found or found[0].state not in ("complete", "short"):
            raise NotFound(f"no recording {id!r}", "vpbx recordings list")
        try:
            recording_files(books, found).fetch(found[0], out)
        except OSError as error:
            raise OrchestratorError(f"{out}: {error.strerror}", "name a file that you may write") from error


@recordings.command()
@click.argument("tenant", required=False)
@json_option
@click.pass_context
def verify(context: click.Context, tenant: str | None, as_json: bool) -> None:
    """Compare every recording with its SHA-256, here or in the store; those that are away are read there.

    Exits 1 when one is gone, changed, short or lost.

    \b
    Example:
        vpbx recordings verify
    """
    with _index() as (books, index):
        found = [item for item in index.find(tenant) if item.state != "open"]
        books.check_tenant(tenant, found)
        files = recording_files(books, found)
        faults = {item.uniqueid: _fault(item, files) for item in found}
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


def _fault(item: Recording, files: RecordingFiles) -> str:
    return item.note if item.state in ("short", "lost") else files.fault(item)


def recording_files(books: Books, items: Sequence[Recording]) -> RecordingFiles:
    """Where the sound of some recordings is."""
    stores = Stores(books.project, lambda: books.definitions.platform)
    return RecordingFiles(recordings_directory(books), CopyIndex(books.store.database), stores, items)


def _where(item: Recording, files: RecordingFiles, directory: Path) -> str:
    """Where a recording's sound is, as people read it; for one without any, why."""
    if item.state not in _WITH_SOUND:
        return item.note
    copy = files.copy(item)
    if files.place(item) == "away" and copy is not None:
        return f"{copy.store.partition('?')[0]}/{copy.object}"
    return str(_shown(directory / item.file))


def _where_json(item: Recording, files: RecordingFiles) -> dict[str, object]:
    copy = files.copy(item)
    return {
        "place": files.place(item) if item.state in _WITH_SOUND else None,
        "store": None if copy is None else copy.store,
        "object": None if copy is None else copy.object,
    }


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
