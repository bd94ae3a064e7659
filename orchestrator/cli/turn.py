"""`vpbx turn`: a switch of a tenant turned, as its code on a phone does."""

from __future__ import annotations

import asyncio

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.session import Session, node_option, open_session
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import NotFound


@click.command()
@click.argument("tenant")
@click.argument("switch")
@click.argument("to", type=click.Choice(["on", "off"]))
@node_option
def turn(tenant: str, switch: str, to: str, node: str | None) -> None:
    """Turn a switch of a tenant on or off, as its code on a phone does.

    The switch (Asterisk) keeps it: it survives reload, apply and restart, until somebody turns it again.

    \b
    Example:
        vpbx turn acme night on
    """
    session = open_session(node, tenant)
    known = [each.name for each in session.tenant(tenant).switches]
    if switch not in known:
        raise NotFound(f"{tenant} has no switch {switch!r}", did_you_mean(switch, known))
    asyncio.run(_turn(session, tenant, switch, to))
    click.echo(f"{tenant}: {switch} is {to}")


async def _turn(session: Session, tenant: str, switch: str, to: str) -> None:
    control: AmiSwitch
    async with session.switch() as control:
        await control.turn(tenant, switch, to)
