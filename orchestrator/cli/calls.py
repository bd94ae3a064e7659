"""`vpbx calls`: the calls of a platform or a tenant."""

from __future__ import annotations

import json

import click

from orchestrator.cli.books import no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.model.call import Leg
from orchestrator.storage.views import Asked

_JSON_VERSION = 1


@click.group()
def calls() -> None:
    """Calls, one row for each leg.

    Example: vpbx calls list acme
    """


@calls.command("list")
@click.argument("tenant", required=False)
@click.option("--since", metavar="TIME", help="Begun at or after: 2026-09-22 or 2026-09-22T14:30.")
@click.option("--until", metavar="TIME", help="Begun before.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Newest so many.")
@json_option
@no_reconcile_option
def list_calls(
    tenant: str | None, since: str | None, until: str | None, limit: int, as_json: bool, no_reconcile: bool
) -> None:
    """List calls, newest first: external, internal and refused ones.

    Example: vpbx calls list acme --since 2026-09-01 --json
    """
    with open_books(bring_in=not no_reconcile) as books:
        asked = Asked(tenant, books.moment(since, "--since"), books.moment(until, "--until"), limit)
        found = books.store.calls(asked)
        books.check_tenant(tenant, found)
        if as_json:
            data = {"version": _JSON_VERSION, "calls": [leg_json(leg) for leg in found]}
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        print_table(
            ("started", "tenant", "direction", "from", "to", "decision", "talked_s", "linkedid"),
            [
                (
                    books.shown(leg.started_at),
                    leg.tenant,
                    leg.direction,
                    leg.from_number,
                    leg.to_number,
                    leg.decision,
                    _talked(leg),
                    leg.linkedid,
                )
                for leg in found
            ],
        )


def leg_json(leg: Leg) -> dict[str, object]:
    """A leg as `--json` prints it."""
    return {
        "systemname": leg.systemname,
        "uniqueid": leg.uniqueid,
        "linkedid": leg.linkedid,
        "tenant": leg.tenant,
        "direction": leg.direction,
        "from": leg.from_number,
        "to": leg.to_number,
        "employee": leg.employee,
        "trunk": leg.trunk,
        "decision": leg.decision,
        "started_at": leg.started_at.isoformat(),
        "answered_at": None if leg.answered_at is None else leg.answered_at.isoformat(),
        "ended_at": None if leg.ended_at is None else leg.ended_at.isoformat(),
        "cause": leg.cause,
        "estimated": leg.estimated,
    }


def _talked(leg: Leg) -> str:
    if leg.answered_at is None:
        return "" if leg.ended_at else "ringing"
    if leg.ended_at is None:
        return "up"
    return str(int((leg.ended_at - leg.answered_at).total_seconds()))
