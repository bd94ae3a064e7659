"""`vpbx storage`: how much is kept of each tenant, and whether index and files agree."""

from __future__ import annotations

import json

import click

from orchestrator.cli.books import open_tariff_books
from orchestrator.cli.retaining import places
from orchestrator.cli.session import find_project, json_option
from orchestrator.cli.table import print_table
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import NotFound
from orchestrator.retention.amounts import Amount, Kept, kept_of

_JSON_VERSION = 1


@click.command()
@click.argument("tenant", required=False)
@json_option
def storage(tenant: str | None, as_json: bool) -> None:
    """Show what is kept of one tenant or all: recordings, messages, prompts, call rows, ledger entries.

    Where the index of recordings and the files on disk differ, that is told on stderr.

    \b
    Example:
        vpbx storage acme --json
    """
    with open_tariff_books() as books:
        directory = find_project().root / "tenants"
        known = sorted({*books.store.accounts(), *(path.stem for path in directory.glob("*.yaml"))})
        if tenant is not None and tenant not in known:
            raise NotFound(f"no tenant {tenant!r}", did_you_mean(tenant, known) or "see tenants/")
        where = places(books)
        found = [kept_of(books.store, where, name) for name in ([tenant] if tenant else known)]
    if as_json:
        told = {"version": _JSON_VERSION, "tenants": [_data(each) for each in found]}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    print_table(
        ("tenant", "recordings", "here", "away", "messages", "prompts", "call rows", "ledger entries"),
        [
            (
                each.tenant,
                *(_text(amount) for amount in (each.recordings, each.here, each.away)),
                *(_text(amount) for amount in (each.messages, each.prompts)),
                each.calls,
                each.ledger,
            )
            for each in found
        ],
    )
    for each in found:
        for difference in each.differences:
            click.echo(f"{each.tenant}: {difference}", err=True)


def _text(amount: Amount) -> str:
    return f"{amount.number} ({_size(amount.bytes)})" if amount.number else "0"


def _size(size: int) -> str:
    """A size as people read it.

    >>> _size(999), _size(12_345), _size(3_400_000_000)
    ('999 B', '12.3 kB', '3.4 GB')
    """
    for unit, bytes_of in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size} B"


def _data(each: Kept) -> dict[str, object]:
    amounts = {
        "recordings": each.recordings,
        "recordings_here": each.here,
        "recordings_away": each.away,
        "messages": each.messages,
        "prompts": each.prompts,
    }
    return {
        "tenant": each.tenant,
        **{name: {"number": found.number, "bytes": found.bytes} for name, found in amounts.items()},
        "call_rows": each.calls,
        "ledger_entries": each.ledger,
        "differences": list(each.differences),
    }
