"""`vpbx purge`: remove what has been kept long enough, or show what would go and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from orchestrator.cli.books import Books, open_tariff_books
from orchestrator.cli.retaining import places, ran_data, retain, say_ran
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.retention.due import DueItem, what_is_due

_JSON_VERSION = 1


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would go; nothing is changed.")
@click.option(
    "--at", "at_text", metavar="TIME", help="What is over by then: 2026-09-22T14:30; now by default."
)
@json_option
@click.pass_context
def purge(ctx: click.Context, dry_run: bool, at_text: str | None, as_json: bool) -> None:
    """Remove what has been kept long enough, as `vpbx billing run` and the listener do by themselves.

    With an --at that is still to come it is removed now as if it were then, so try --dry-run first. What a
    legal hold keeps is listed as such. Exits with 1 when something could not be removed.

    \b
    Example:
        vpbx purge --dry-run --at 2027-01-01
        vpbx purge
    """
    with open_tariff_books() as books:
        at = books.moment(at_text, "--at") or datetime.now(UTC)
        if dry_run:
            _show(books, at, what_is_due(books.store, places(books), at), as_json=as_json)
            return
        ran = retain(books, at)
        if as_json:
            failed = [
                {"tenant": each.tenant, "message": each.message, "hint": each.hint} for each in ran.failed
            ]
            told = {"version": _JSON_VERSION, "at": at.isoformat(), **ran_data(ran), "failed": failed}
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            say_ran(books, ran)
    if ran.failed:
        ctx.exit(1)


def _show(books: Books, at: datetime, items: list[DueItem], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "tenant": each.tenant or None,
                "what": each.what,
                "number": each.number,
                "bytes": each.bytes,
                "due_since": each.since.isoformat(),
                "rule": each.rule,
                "held_by": list(each.held_by),
            }
            for each in items
        ]
        told = {"version": _JSON_VERSION, "at": at.isoformat(), "items": rows}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    print_table(
        ("tenant", "what", "number", "bytes", "due since", "rule", "held by"),
        [
            (
                each.tenant,
                each.what,
                each.number,
                "" if each.bytes is None else each.bytes,
                books.shown(each.since),
                each.rule,
                ", ".join(map(str, each.held_by)),
            )
            for each in items
        ],
    )
    held = sum(bool(each.held_by) for each in items)
    click.echo(f"{len(items) - held} would go, {held} on hold; nothing was changed", err=True)
