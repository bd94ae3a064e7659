"""`vpbx rate`: what one call would cost, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from orchestrator.billing.rating import compile_tariff, price_call
from orchestrator.cli.session import json_option, no_tenant
from orchestrator.cli.table import print_table
from orchestrator.definitions import load
from orchestrator.definitions.scalars import to_local_time
from orchestrator.model.money import roubles_text
from orchestrator.model.number import to_e164
from orchestrator.project import Project

_JSON_VERSION = 1


@click.command()
@click.option("--tenant", required=True, help="Whose tariff and time zone.")
@click.option("--to", "to", required=True, metavar="NUMBER", help="Number called.")
@click.option("--seconds", required=True, type=click.IntRange(0, 86_400), help="From answer to hangup.")
@click.option("--at", metavar="TIME", help="Local time of the answer: 2026-02-14 11:00; now by default.")
@json_option
@click.pass_context
def rate(ctx: click.Context, tenant: str, to: str, seconds: int, at: str | None, as_json: bool) -> None:
    """Explain the price of one answered outbound call. Nothing is posted.

    It is the price once the period's included minutes are used up; `included minutes` says how many a period
    has for this number.

    Example: vpbx rate --tenant acme --to +74951234567 --seconds 61
    """
    project: Project = ctx.obj
    definitions = load(project.root)
    if tenant not in definitions.tenants:
        raise no_tenant(tenant, definitions)
    given = definitions.tenants[tenant]
    zone = ZoneInfo(given.time_zone)
    number = to_e164(to, definitions.platform.region)
    if number is None:
        raise click.BadParameter(f"{to} is no external number", param_hint="--to")
    answered_at = _moment(at, zone)
    tariff = compile_tariff(definitions.tariffs[given.tariff])
    ended_at = answered_at + timedelta(seconds=seconds)
    answered_on, ended_on = (at.astimezone(zone).date() for at in (answered_at, ended_at))
    priced = price_call(number, max(1, seconds), answered_on, ended_on, tariff.deck, tariff.tariff)
    included = tariff.tariff.prices_on(answered_on).included_minutes
    rows: dict[str, str | int] = {
        "tenant": tenant,
        "to": number,
        "answered": answered_at.astimezone(zone).isoformat(" ", "seconds"),
        "duration_s": max(1, seconds),
        "tariff": f"{tariff.tariff.slug} {priced.tariff_version}",
        "deck": f"{tariff.deck.name} {tariff.deck.version}",
        "deck_prefix": priced.rate.prefix,
        "destination": priced.rate.destination,
        "price": str(priced.rate.price),
        "increment_s": priced.rate.increment_s,
        "minimum_s": priced.rate.minimum_s,
        "free_below_s": priced.rate.free_below_s,
        "connect_fee": str(priced.rate.connect_fee),
        "included_minutes": included.quantity if included is not None and included.covers(number) else 0,
        "amount_kop": priced.cost.amount_kop,
        "vat_kop": priced.cost.vat_kop,
        "rule": f"decision 7: {priced.cost.working}",
    }
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, **rows}, ensure_ascii=False))
        return
    shown = [
        (name.removesuffix("_kop").replace("_", " "), _shown(name, value)) for name, value in rows.items()
    ]
    print_table(("", ""), shown)


def _shown(name: str, value: str | int) -> str:
    if isinstance(value, int) and name.endswith("_kop"):
        return roubles_text(value)
    return f"{value} s" if name.endswith("_s") else str(value)


def _moment(at: str | None, zone: ZoneInfo) -> datetime:
    if at is None:
        return datetime.now(UTC)
    local = to_local_time(at)
    if local is None:
        raise click.BadParameter(f"{at} is no date and time: write 2026-02-14 11:00", param_hint="--at")
    return local.replace(tzinfo=zone).astimezone(UTC)
