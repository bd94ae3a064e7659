"""A run of retention as verbs do it and print it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from orchestrator.accounts import Tariffs
from orchestrator.cli.books import Books
from orchestrator.courier import remove_copies
from orchestrator.errors import OrchestratorError
from orchestrator.recording_files import Stores
from orchestrator.retention.places import Places, places_of
from orchestrator.retention.run import PurgeRan, purge_due
from orchestrator.secrets import Secrets
from orchestrator.storage.copies import CopyIndex

_STORE_S = 60.0


def places(books: Books) -> Places:
    """Where the project's data lies."""
    return places_of(books.project, books.definitions.platform, Secrets.open(books.project.secrets_file))


def retain(books: Books, at: datetime) -> PurgeRan:
    """Remove what is over by a moment, in stores too as far as they answer in time."""
    where, tariffs = places(books), Tariffs(books.definitions.tariffs)
    ran = purge_due(books.store, tariffs, at, where)
    stores = Stores(books.project, lambda: books.definitions.platform)
    index = CopyIndex(books.store.database)
    try:
        gone = remove_copies(index, where.recordings, stores.open, at, _STORE_S)
    except OrchestratorError as error:
        click.echo(f"recordings in the store: {error.message}; {error.hint}", err=True)
        return ran
    if not gone or not ran.waiting:
        return ran
    # What waited for the store alone is finished now.
    after = purge_due(books.store, tariffs, at, where)
    return replace(
        after,
        purged=(*ran.purged, *after.purged),
        failed=after.failed,
        expired=(*ran.expired, *after.expired),
        record=ran.record,
    )


def ran_data(ran: PurgeRan) -> dict[str, object]:
    """What went, for `--json`."""
    return {
        "purged": [{"tenant": each.tenant, "what": each.what} for each in ran.purged],
        "recordings_expired": sum(each.number for each in ran.expired),
        "expired": [
            {"tenant": each.tenant, "recordings": each.number, "bytes": each.bytes} for each in ran.expired
        ],
        "waiting": list(ran.waiting),
        "held": list(ran.held),
        "record_files": ran.record.files,
        "quarantined": ran.record.quarantined,
    }


def say_ran(books: Books, ran: PurgeRan) -> None:
    """Tell what went and what could not, on stderr."""
    for done in ran.purged:
        click.echo(f"purged {done.tenant}: {done.what}", err=True)
    for each in ran.expired:
        click.echo(f"{each.tenant}: {each.number} recording(s) whose term is over removed", err=True)
    for tenant in ran.waiting:
        click.echo(f"{tenant}: nothing is left but recordings in the store, which go next", err=True)
    for tenant in ran.held:
        click.echo(f"{tenant}: all of its data is on hold (vpbx hold list {tenant})", err=True)
    if ran.record.files or ran.record.quarantined:
        click.echo(
            f"{ran.record.files} file(s) of the switch's record and {ran.record.quarantined} unreadable "
            "record(s) removed",
            err=True,
        )
    for failed in ran.failed:
        click.echo(
            f"not done: {failed.tenant or 'the record'}, due {books.shown(failed.at)}: {failed.message}; "
            f"{failed.hint}",
            err=True,
        )
