"""`vpbx forecast`: what a tenant would be charged, computed from a scenario."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.billing.forecast import forecast as compute
from orchestrator.billing.rating import compile_deck
from orchestrator.cli.problems import problems_json, text_of
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.definitions import show
from orchestrator.definitions.imagined import Imagined, read_imagined
from orchestrator.errors import ScenarioRefused
from orchestrator.model.money import roubles_text
from orchestrator.model.problem import Problem
from orchestrator.model.service import ServiceCharge
from orchestrator.project import Project

_JSON_VERSION = 1


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--tariff",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compute it by this tariff, whatever the scenario names.",
)
@json_option
@click.pass_context
def forecast(ctx: click.Context, scenario: Path, tariff: Path | None, as_json: bool) -> None:
    """Compute every charge of a tenant's whole history, without a database and without a switch.

    A scenario is a tenant, what happens to it and until when: see docs/tariffs.md. It is computed by the code
    that charges real tenants. Exits with 1, and shows where, when the scenario can't happen.

    \b
    Example:
        vpbx -C examples forecast examples/scenarios/first-months.yaml
    """
    project: Project = ctx.obj
    imagined, problems = read_imagined(scenario, project.root, tariff)
    charges: tuple[ServiceCharge, ...] = ()
    if imagined is not None:
        charges, problems = _computed(imagined)
    if problems:
        _show(problems, as_json)
        ctx.exit(1)
    if as_json:
        click.echo(_json(charges))
    else:
        _print(charges)


def _computed(imagined: Imagined) -> tuple[tuple[ServiceCharge, ...], tuple[Problem, ...]]:
    """The charges, without those of calls and SMS that are wholly included; or what can't happen."""
    try:
        charges = compute(imagined.scenario, imagined.tariff, compile_deck(imagined.tariff.deck))
        return tuple(charge for charge in charges if charge.amount_kop), ()
    except ScenarioRefused as refused:
        return (), (Problem(refused.position, "", refused.reason, refused.message, refused.hint),)


def _show(problems: Sequence[Problem], as_json: bool) -> None:
    if as_json:
        click.echo(problems_json(problems))
    else:
        click.echo(show(problems, text_of), nl=False)


def _json(charges: Sequence[ServiceCharge]) -> str:
    entries = [
        {
            "date": charge.day.isoformat(),
            "kind": charge.kind,
            "item": charge.item,
            "quantity": charge.quantity,
            "amount_kop": charge.amount_kop,
            "licence_kop": charge.licence_kop,
            "support_kop": charge.support_kop,
            "vat_kop": charge.vat_kop,
            "period_from": None if charge.period_from is None else charge.period_from.isoformat(),
            "period_to": None if charge.period_to is None else charge.period_to.isoformat(),
            "tariff_version": charge.tariff_version,
            "rule": charge.rule,
            **({} if charge.taken is None else {"included": charge.taken.quantity}),
        }
        for charge in charges
    ]
    data = {"version": _JSON_VERSION, "entries": entries, "total_kop": sum(c.amount_kop for c in charges)}
    return json.dumps(data, ensure_ascii=False, indent=2)


def _print(charges: Sequence[ServiceCharge]) -> None:
    print_table(
        ("date", "kind", "item", "quantity", "amount", "of it VAT", "period", "rule"),
        [
            (
                charge.day,
                charge.kind.replace("_", " "),
                charge.item,
                charge.quantity,
                roubles_text(charge.amount_kop),
                roubles_text(charge.vat_kop),
                "" if charge.period_from is None else f"{charge.period_from} to {charge.period_to}",
                charge.rule,
            )
            for charge in charges
        ],
    )
    click.echo(f"total {roubles_text(sum(charge.amount_kop for charge in charges))}", err=True)
