"""`vpbx balance`: what tenants have left of their payments, or owe."""

from __future__ import annotations

import json

import click

from orchestrator.cli.books import no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.model.money import roubles_text

_JSON_VERSION = 1


@click.command()
@click.argument("tenant", required=False)
@json_option
@no_reconcile_option
def balance(tenant: str | None, as_json: bool, no_reconcile: bool) -> None:
    """Show what a tenant, or each, was charged, has paid, and has left; below zero it owes.

    \b
    Example:
        vpbx balance acme
    """
    with open_books(bring_in=not no_reconcile) as books:
        found = books.store.balances(tenant)
        books.check_tenant(tenant, found)
        if as_json:
            rows = [
                {
                    "tenant": each.tenant,
                    "charged_kop": each.charged_kop,
                    "paid_kop": each.paid_kop,
                    "balance_kop": each.balance_kop,
                    "last_paid_at": None if each.paid_at is None else each.paid_at.isoformat(),
                }
                for each in found
            ]
            click.echo(json.dumps({"version": _JSON_VERSION, "balances": rows}, ensure_ascii=False))
            return
        print_table(
            ("tenant", "charged", "paid", "balance", "last payment"),
            [
                (
                    each.tenant,
                    roubles_text(each.charged_kop),
                    roubles_text(each.paid_kop),
                    roubles_text(each.balance_kop),
                    books.shown(each.paid_at),
                )
                for each in found
            ],
        )
