"""`vpbx balance`: what tenants have left of their payments, or owe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import click

from orchestrator.billing.debt import debt
from orchestrator.cli.books import Books, no_reconcile_option, open_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.credit_asked import ListenerAway, standing_of
from orchestrator.model.credit import CreditStanding, Debt
from orchestrator.model.money import roubles_text
from orchestrator.model.payment import Balance

_JSON_VERSION = 1


@click.command()
@click.argument("tenant", required=False)
@json_option
@no_reconcile_option
def balance(tenant: str | None, as_json: bool, no_reconcile: bool) -> None:
    """Show what a tenant, or each, was charged, has paid, and has left; below zero it owes.

    Where the account bounds its calls also what those hold that are up, and with --json what they may hold
    in all, as the listener of its node says; nothing when that doesn't run. Where something follows when it
    owes: what does now, and when the next comes.

    \b
    Example:
        vpbx balance acme
    """
    with open_books(bring_in=not no_reconcile) as books:
        found = books.store.balances(tenant)
        books.check_tenant(tenant, found)
        found = found or ([] if tenant is None else [Balance(tenant, 0, 0, None)])
        live = _live(books, [each.tenant for each in found])
        debts = _debts(books, [each.tenant for each in found])
        if as_json:
            rows = [
                {
                    "tenant": each.tenant,
                    "charged_kop": each.charged_kop,
                    "paid_kop": each.paid_kop,
                    "balance_kop": each.balance_kop,
                    "last_paid_at": None if each.paid_at is None else each.paid_at.isoformat(),
                    "reserved_kop": None if each.tenant not in live else live[each.tenant].held_kop,
                    "spendable_kop": None if each.tenant not in live else live[each.tenant].spendable_kop,
                    "debt": _debt_data(debts.get(each.tenant, Debt())),
                }
                for each in found
            ]
            click.echo(json.dumps({"version": _JSON_VERSION, "balances": rows}, ensure_ascii=False))
            return
        print_table(
            ("tenant", "charged", "paid", "balance", "reserved", "last payment", "debt"),
            [
                (
                    each.tenant,
                    roubles_text(each.charged_kop),
                    roubles_text(each.paid_kop),
                    roubles_text(each.balance_kop),
                    roubles_text(live[each.tenant].held_kop) if each.tenant in live else "",
                    books.shown(each.paid_at),
                    _debt_words(books, debts.get(each.tenant, Debt())),
                )
                for each in found
            ],
        )


def _debts(books: Books, tenants: Sequence[str]) -> dict[str, Debt]:
    """Where those stand who owe more than they may, by what their accounts say of it."""
    known = {name: books.definitions.tenants.get(name) for name in tenants}
    terms = {name: each.account for name, each in known.items() if each is not None and each.account.on_debt}
    owing = books.store.owing({name: each.allowed_kop for name, each in terms.items()}, {})
    return {name: debt(terms[name], each.since, datetime.now(UTC)) for name, each in owing.items()}


def _debt_words(books: Books, found: Debt) -> str:
    if found.since is None:
        return ""
    ahead = "" if found.next_at is None else f", until {books.shown(found.next_at)}"
    return f"{found.stage} since {books.shown(found.since)}{ahead}"


def _debt_data(found: Debt) -> dict[str, str | None]:
    return {
        "stage": found.stage,
        "since": None if found.since is None else found.since.isoformat(),
        "next_at": None if found.next_at is None else found.next_at.isoformat(),
    }


def _live(books: Books, tenants: Sequence[str]) -> dict[str, CreditStanding]:
    """What calls of bounded accounts hold now; a tenant whose listener is away is left out."""
    found = {}
    for name in tenants:
        tenant = books.definitions.tenants.get(name)
        if tenant is not None and tenant.account.controlled and tenant.service == "active":
            with suppress(ListenerAway):
                found[name] = standing_of(books.definitions.platform.nodes[tenant.node].metrics, name)
    return found
