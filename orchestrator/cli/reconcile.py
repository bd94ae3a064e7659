"""`vpbx reconcile`: every charge from the switch's own record; and operators' lists against our calls."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.books import Books, open_books
from orchestrator.cli.carrier import Wanted, compared
from orchestrator.cli.progress import working
from orchestrator.cli.session import json_option
from orchestrator.definitions.quoting import visible
from orchestrator.errors import SwitchError
from orchestrator.model.call import LiveChannel
from orchestrator.model.platform import Node
from orchestrator.reconciliation import Report, make_up_inbound
from orchestrator.reconciliation import reconcile as run_pass
from orchestrator.secrets import AMI_CONTROL, Secrets

_JSON_VERSION = 1
_DIFFERENCES = 2


@click.command()
@click.option(
    "--statistics",
    "made_up",
    is_flag=True,
    help="Also make up for inbound calls from before `vpbx stats`, once.",
)
@click.option(
    "--carrier",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compare an operator's list of calls with ours; the options below are of this.",
)
@click.option("--trunk", metavar="NAME", help="Whose list it is; without it, all trunks are compared.")
@click.option("--period", metavar="YYYY-MM", help="Calendar month; from the list's first call to its last.")
@click.option(
    "--within", default="60s", show_default=True, metavar="TIME", help="Begins may be so far apart: 30s, 5m."
)
@click.option(
    "--column",
    "titles",
    multiple=True,
    metavar="FIELD=TITLE",
    help="A column's title; started, answered, from, to, direction, duration, minutes, cost. Repeatable.",
)
@click.option("--time-zone", "zone", metavar="ZONE", help="Of the list's times; the platform's.")
@click.option(
    "--increment",
    "increment_s",
    type=click.IntRange(min=1, max=3600),
    metavar="SECONDS",
    help="What the operator counts calls up to, by contract.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the comparison for a spreadsheet.")
@json_option
@click.pass_context
def reconcile(
    ctx: click.Context,
    made_up: bool,
    file: Path | None,
    trunk: str | None,
    period: str | None,
    within: str,
    titles: tuple[str, ...],
    zone: str | None,
    increment_s: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Bring in what the switches have recorded, charge it, and close what a crash cut off.

    The daemon does the same by itself; running it at any time, also beside the daemon, charges nothing twice.
    While a switch doesn't answer, its open calls are left open.

    With --carrier the list of calls that an operator bills is compared with ours: calls that one side lacks,
    lengths apart, sums by trunk. It exits 0 when they are equal, 2 when they aren't, 1 on an error;
    docs/reconciliation.md says how lists may be written.

    \b
    Example:
        vpbx reconcile
        vpbx reconcile --carrier october.csv --trunk main --period 2026-10
    """
    if file is not None:
        if as_csv and as_json:
            raise click.UsageError("--json and --csv exclude each other")
        if made_up:
            raise click.UsageError("--statistics and --carrier exclude each other")
        with open_books(bring_in=True) as books:
            told = compared(books, Wanted(file, trunk, period, within, titles, zone, increment_s))
        told.aside()
        (told.csv if as_csv else told.json if as_json else told.table)()
        ctx.exit(0 if told.equal else _DIFFERENCES)
    if as_csv or any(each is not None for each in (trunk, period, zone, increment_s)) or titles:
        raise click.UsageError("--carrier names the list that these options are of")
    _bring_in(made_up, as_json)


def _bring_in(made_up: bool, as_json: bool) -> None:
    told = {}
    with open_books(bring_in=False) as books:
        for node in books.definitions.platform.nodes.values():
            with working(f"reading the record of {node.name}"):
                report = _reconcile_node(books, node)
            if made_up:
                calls = make_up_inbound(books.store, books.record(node).systemname)
                click.echo(f"{node.name}: {calls} inbound call(s) made up for", err=True)
            told[node.name] = asdict(report)
            if not as_json:
                _print(node.name, report)
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, "nodes": told}, ensure_ascii=False))


def _reconcile_node(books: Books, node: Node) -> Report:
    live: tuple[LiveChannel, ...] | None = None
    started_at: datetime | None = None
    try:
        live, started_at = asyncio.run(_snapshot(books, node))
    except SwitchError as error:
        click.echo(f"{node.name}: {visible(error.message)}: open calls stay open", err=True)
    return run_pass(
        books.store,
        books.record(node),
        books.definitions,
        now=datetime.now(UTC),
        live=live,
        started_at=started_at,
    )


async def _snapshot(books: Books, node: Node) -> tuple[tuple[LiveChannel, ...], datetime]:
    """The switch's live channels, and when its run began."""
    secret = Secrets.open(books.project.secrets_file).ami(node.name, AMI_CONTROL)
    async with AmiSwitch(AmiLogin(node.ami.host, node.ami.port, AMI_CONTROL, secret)) as switch:
        status = await switch.status()
        return await switch.channels(), status.started_at


def _print(node: str, report: Report) -> None:
    counts = {name: count for name, count in asdict(report).items() if isinstance(count, int)}
    click.echo(f"{node}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for problem in report.problems:
        click.echo(f"{node}: not charged: {visible(problem)}", err=True)
