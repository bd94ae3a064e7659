"""`vpbx billing`: charge what is due."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from orchestrator.accounts import Ran, Tariffs, charge_due
from orchestrator.cli.books import Books, open_tariff_books
from orchestrator.cli.retaining import ran_data, retain, say_ran
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.model.money import roubles_text
from orchestrator.retention.run import PurgeRan

_JSON_VERSION = 1


@click.group()
def billing() -> None:
    """Charges that fall due by themselves.

    Example: vpbx billing run
    """


@billing.command("run")
@click.option(
    "--at", "at_text", metavar="TIME", help="What is due until then: 2026-09-22T14:30; now by default."
)
@json_option
@click.pass_context
def run(ctx: click.Context, at_text: str | None, as_json: bool) -> None:
    """Charge everything that is due: subscriptions, extra employees and options, each on its day.

    Whatever was missed while nothing ran is charged with its own dates. It may run at any time, also twice
    at once: nothing is charged twice. What has been kept long enough is removed (`vpbx purge`). With an
    --at that is still to come, all of that happens now as if it were then.

    Exits with 1 when a tenant could not be charged; the others are.

    \b
    Example:
        vpbx billing run
        vpbx billing run --at 2026-10-01 --json
    """
    with open_tariff_books() as books:
        now = datetime.now(UTC)
        at = books.moment(at_text, "--at") or now
        tariffs = Tariffs(books.definitions.tariffs)
        ran = charge_due(books.store, tariffs, at, posted_at=now)
        purged = retain(books, at)
        if as_json:
            click.echo(json.dumps(_data(at, ran, purged), ensure_ascii=False))
        else:
            _print(books, ran, purged)
    if ran.stopped or purged.failed:
        ctx.exit(1)


def _data(at: datetime, ran: Ran, purged: PurgeRan) -> dict[str, object]:
    failed = (*ran.stopped, *purged.failed)
    return {
        "version": _JSON_VERSION,
        "at": at.isoformat(),
        "items": ran.items,
        "charged": [
            {"tenant": tenant, "entries": charged.entries, "amount_kop": charged.amount_kop}
            for tenant, charged in sorted(ran.charged.items())
        ],
        **ran_data(purged),
        "failed": [
            {"tenant": each.tenant, "due_at": each.at.isoformat(), "message": each.message, "hint": each.hint}
            for each in failed
        ],
    }


def _print(books: Books, ran: Ran, purged: PurgeRan) -> None:
    print_table(
        ("tenant", "charges", "amount"),
        [
            (tenant, charged.entries, roubles_text(charged.amount_kop))
            for tenant, charged in sorted(ran.charged.items())
        ],
    )
    say_ran(books, purged)
    for failed in ran.stopped:
        click.echo(
            f"not done: {failed.tenant}, due {books.shown(failed.at)}: {failed.message}; {failed.hint}",
            err=True,
        )
    total = sum(charged.amount_kop for charged in ran.charged.values())
    click.echo(f"total {roubles_text(total)}", err=True)
