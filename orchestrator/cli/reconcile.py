"""`vpbx reconcile`: every charge from the switch's own record."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.books import Books, open_books
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


@click.command()
@click.option(
    "--statistics",
    "made_up",
    is_flag=True,
    help="Also make up for inbound calls from before `vpbx stats`, once.",
)
@json_option
def reconcile(made_up: bool, as_json: bool) -> None:
    """Bring in what the switches have recorded, charge it, and close what a crash cut off.

    The daemon does the same by itself; running it at any time, also beside the daemon, charges nothing twice.
    While a switch doesn't answer, its open calls are left open.

    Example: vpbx reconcile
    """
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
