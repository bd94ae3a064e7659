"""`vpbx charges`: what the ledger holds."""

from __future__ import annotations

import json

import click

from orchestrator.cli.books import no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.model.money import roubles_text
from orchestrator.storage.views import Asked, PostedCharge

_JSON_VERSION = 1
_SAID_ALREADY = ("answered_at", "at", "kind")
"""Facts that the entry's own columns tell; a reversal keeps its original's facts."""


@click.group()
def charges() -> None:
    """Charges posted to the ledger.

    Example: vpbx charges list acme
    """


@charges.command("list")
@click.argument("tenant", required=False)
@click.option("--since", metavar="TIME", help="Call ended at or after: 2026-09-22 or 2026-09-22T14:30.")
@click.option("--until", metavar="TIME", help="Call ended before.")
@click.option("--limit", type=click.IntRange(min=1), help="Newest so many; all by default.")
@json_option
@no_reconcile_option
def list_charges(
    tenant: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    as_json: bool,
    no_reconcile: bool,
) -> None:
    """List charges, newest first, each with its working: of calls, and of the service.

    Example: vpbx charges list acme --json
    """
    with open_books(bring_in=not no_reconcile) as books:
        asked = Asked(tenant, books.moment(since, "--since"), books.moment(until, "--until"), limit)
        found = books.store.charges(asked)
        books.check_tenant(tenant, found)
        if as_json:
            data = {"version": _JSON_VERSION, "charges": [charge_json(charge) for charge in found]}
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        print_table(
            ("at", "tenant", "kind", "what", "amount", "working", "linkedid"),
            [
                (
                    books.shown(charge.occurred_at),
                    charge.tenant,
                    charge.kind.replace("_", " "),
                    charge.facts.get("item", "") if charge.leg is None else charge.leg.to_number,
                    roubles_text(charge.amount_kop),
                    _working(charge),
                    charge.facts.get("linkedid", ""),
                )
                for charge in found
            ],
        )


def _working(charge: PostedCharge) -> str:
    """How the amount came about; a call's facts have a working, the service's the rule that made them."""
    if charge.reverses is not None:
        return taken_back(charge)
    working = charge.facts.get("working", charge.facts.get("rule", ""))
    return f"{working} (estimated end)" if charge.facts.get("estimated") else str(working)


def taken_back(charge: PostedCharge) -> str:
    """What a reversal takes back; and why, where a person asked for it."""
    said = f": {charge.facts['why']} ({charge.facts['by']})" if "why" in charge.facts else ""
    return f"takes back {charge.reverses}{said}"


def charge_json(charge: PostedCharge) -> dict[str, object]:
    """A charge as `--json` prints it; `from`, `to`, `direction` are null once the call's data was purged."""
    leg = charge.leg
    return {
        "key": charge.key,
        "tenant": charge.tenant,
        "kind": charge.kind,
        "amount_kop": charge.amount_kop,
        "from": None if leg is None else leg.from_number,
        "to": None if leg is None else leg.to_number,
        "direction": None if leg is None else leg.direction,
        "occurred_at": charge.occurred_at.isoformat(),
        "posted_at": charge.posted_at.isoformat(),
        "path": charge.path,
        "reverses": charge.reverses,
        **{name: value for name, value in charge.facts.items() if name not in _SAID_ALREADY},
    }
