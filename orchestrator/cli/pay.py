"""`vpbx pay`: a tenant's payment, entered once."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import click

from orchestrator.cli.books import open_books
from orchestrator.cli.session import json_option
from orchestrator.definitions.scalars import to_decimal
from orchestrator.deployment import who_acts
from orchestrator.model.money import roubles_text
from orchestrator.model.payment import Payment

_JSON_VERSION = 1
_MOST_ROUBLES = 100_000_000
_REF = re.compile(r"[^\s/\x00-\x1f\x7f]{1,64}")


@click.command()
@click.argument("tenant")
@click.argument("amount", metavar="ROUBLES")
@click.option(
    "--ref", required=True, help="Names the payment: the number of a payment order. No / and no space."
)
@click.option("--at", metavar="TIME", help="When it was paid; now by default.")
@json_option
def pay(tenant: str, amount: str, ref: str, at: str | None, as_json: bool) -> None:
    """Enter a tenant's payment in the ledger.

    The same reference with the same amount once more changes nothing, so that a script may try again; with
    another amount it is refused. `vpbx charge reverse payment/TENANT/REF` takes a wrong one back.

    \b
    Example:
        vpbx pay acme 12000.00 --ref 1047
    """
    roubles = to_decimal(amount)
    if roubles is None or roubles <= 0 or roubles > _MOST_ROUBLES or roubles * 100 % 1 != 0:
        raise click.BadParameter(
            f"not roubles above zero with at most two digits behind the point, up to {_MOST_ROUBLES}",
            param_hint="ROUBLES",
        )
    if _REF.fullmatch(ref) is None or not ref.isprintable():
        raise click.BadParameter("up to 64 visible characters without / and spaces", param_hint="--ref")
    now = datetime.now(UTC)
    with open_books(bring_in=False) as books:
        paid_at = books.moment(at, "--at") or now
        if paid_at > now:
            raise click.BadParameter("it lies in the future", param_hint="--at")
        books.check_tenant(tenant, books.store.balances(tenant))
        payment = Payment(tenant, ref, int(roubles * 100), paid_at.astimezone(UTC), who_acts())
        new = books.store.pay(payment, now)
        [balance] = books.store.balances(tenant)
    if as_json:
        told = {
            "version": _JSON_VERSION,
            "key": payment.key,
            "tenant": tenant,
            "ref": ref,
            "amount_kop": payment.amount_kop,
            "new": new,
            "balance_kop": balance.balance_kop,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    paid, left = roubles_text(payment.amount_kop), roubles_text(balance.balance_kop)
    click.echo(f"{tenant}: {paid} paid{'' if new else ' (entered before)'}, balance {left}")
