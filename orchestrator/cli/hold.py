"""`vpbx hold`: what must stay, whatever its term: for a court, an authority, a dispute."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import click

from orchestrator.cli.books import open_tariff_books
from orchestrator.cli.session import find_project, json_option
from orchestrator.cli.table import print_table
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.deployment import who_acts
from orchestrator.errors import NotFound
from orchestrator.model.hold import Hold
from orchestrator.storage.holds import Holds
from orchestrator.storage.store import SqlStore

_JSON_VERSION = 1


@click.group()
def hold() -> None:
    """Legal holds: what is kept whatever its term.

    \b
    Example:
        vpbx hold add acme --from 2026-01-01 --to 2026-03-31 --reason "case 12/345"
    """


@hold.command()
@click.argument("tenant")
@click.option(
    "--from",
    "first",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="First day that is held, the tenant's local date.",
)
@click.option(
    "--to", "last", type=click.DateTime(formats=["%Y-%m-%d"]), help="Last day that is held, itself included."
)
@click.option("--call", metavar="UNIQUEID", help="One call alone, by its uniqueid or linkedid.")
@click.option(
    "--reason", required=True, help="Why; it stays on record for good: write no personal data into it."
)
@json_option
def add(
    tenant: str, first: datetime | None, last: datetime | None, call: str | None, reason: str, as_json: bool
) -> None:
    """Hold all of a tenant's data, that of some days, or one call: nothing of it is removed.

    A hold on all keeps the tenant's purge off; with any other the rest goes in its time.

    \b
    Example:
        vpbx hold add acme --reason "case 12/345"
        vpbx hold add acme --call s0f3-1790000000.4 --reason "case 12/345"
    """
    if call is not None and (first is not None or last is not None):
        raise click.UsageError("--call names one call: it goes without --from and --to")
    if first is not None and last is not None and last < first:
        raise click.BadParameter("it is before --from", param_hint="--to")
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    with open_tariff_books() as books:
        _check_tenant(books.store, tenant)
        days = [None if each is None else each.date() for each in (first, last)]
        placed = Hold(0, tenant, reason, datetime.now(UTC), who_acts(), days[0], days[1], call or "")
        number = Holds(books.store.database).place(placed)
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, "id": number, "tenant": tenant, "on": placed.on}))
    else:
        click.echo(f"hold {number} on {tenant}: {placed.on}")


@hold.command("list")
@click.argument("tenant", required=False)
@click.option("--all", "lifted", is_flag=True, help="Those too that were lifted.")
@json_option
def list_holds(tenant: str | None, lifted: bool, as_json: bool) -> None:
    """List the holds that stand, the oldest first.

    \b
    Example:
        vpbx hold list --all --json
    """
    with open_tariff_books() as books:
        found = Holds(books.store.database).find(tenant, lifted=lifted)
        if as_json:
            rows = [_data(each) for each in found]
            click.echo(json.dumps({"version": _JSON_VERSION, "holds": rows}, ensure_ascii=False))
            return
        print_table(
            ("id", "tenant", "on", "reason", "placed", "by", "lifted"),
            [
                (
                    each.id,
                    each.tenant,
                    each.on,
                    each.reason,
                    books.shown(each.placed_at),
                    each.placed_by,
                    books.shown(each.lifted_at),
                )
                for each in found
            ],
        )


@hold.command()
@click.argument("id", type=int)
@click.option(
    "--reason", required=True, help="Why; it stays on record for good: write no personal data into it."
)
@json_option
def remove(id: int, reason: str, as_json: bool) -> None:
    """Lift a hold: the next run removes what is over by then. The hold stays on record.

    \b
    Example:
        vpbx hold remove 3 --reason "case closed"
    """
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    with open_tariff_books() as books:
        lifted = Holds(books.store.database).lift(id, reason, who_acts(), datetime.now(UTC))
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, "id": id, "tenant": lifted.tenant, "on": lifted.on}))
    else:
        click.echo(f"hold {id} on {lifted.tenant} is lifted: {lifted.on}")


def _check_tenant(store: SqlStore, name: str) -> None:
    """Raises: NotFound: the name is no tenant's, neither of the files nor of the books."""
    directory = find_project().root / "tenants"
    known = {*store.accounts(), *(path.stem for path in directory.glob("*.yaml"))}
    if name not in known:
        raise NotFound(f"no tenant {name!r}", did_you_mean(name, sorted(known)) or "see tenants/")


def _data(each: Hold) -> dict[str, object]:
    return {
        "id": each.id,
        "tenant": each.tenant,
        "from": _text(each.from_day),
        "to": _text(each.to_day),
        "call": each.call or None,
        "reason": each.reason,
        "placed_at": each.placed_at.isoformat(),
        "placed_by": each.placed_by,
        "lifted_at": None if each.lifted_at is None else each.lifted_at.isoformat(),
        "lifted_why": each.lifted_why,
        "lifted_by": each.lifted_by,
    }


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
