"""`vpbx employee`: state of an employee's own, set as their phone sets it."""

from __future__ import annotations

import asyncio

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.session import Session, node_option, open_session
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import NotFound


@click.group()
def employee() -> None:
    """Set states of employees' own, as codes on their phones do.

    \b
    Example:
        vpbx employee log-out acme 101
    """


@employee.command("log-out")
@click.argument("tenant")
@click.argument("extension")
@node_option
def log_out(tenant: str, extension: str, node: str | None) -> None:
    """Take an employee out of their departments' calls, until they log in.

    \b
    Example:
        vpbx employee log-out acme 101
    """
    _set(tenant, extension, node, "logged_out", on=True)
    click.echo(f"{tenant}: {extension} is logged out")


@employee.command("log-in")
@click.argument("tenant")
@click.argument("extension")
@node_option
def log_in(tenant: str, extension: str, node: str | None) -> None:
    """Let an employee take their departments' calls again.

    \b
    Example:
        vpbx employee log-in acme 101
    """
    _set(tenant, extension, node, "logged_out", on=False)
    click.echo(f"{tenant}: {extension} is logged in")


@employee.command("set")
@click.argument("tenant")
@click.argument("extension")
@click.option("--dnd", type=click.Choice(["on", "off"]), required=True, help="Their phones don't ring.")
@node_option
def set_(tenant: str, extension: str, dnd: str, node: str | None) -> None:
    """Say that an employee isn't to be disturbed, or may be again.

    \b
    Example:
        vpbx employee set acme 101 --dnd on
    """
    _set(tenant, extension, node, "dnd", on=dnd == "on")
    click.echo(f"{tenant}: {extension} {'is not to' if dnd == 'on' else 'may'} be disturbed")


def _set(tenant: str, extension: str, node: str | None, state: str, *, on: bool) -> None:
    session = open_session(node, tenant)
    known = session.tenant(tenant).employees_by_extension()
    if extension not in known:
        raise NotFound(f"{tenant} has no employee {extension!r}", did_you_mean(extension, known))
    asyncio.run(_tell(session, tenant, extension, state, on=on))


async def _tell(session: Session, tenant: str, extension: str, state: str, *, on: bool) -> None:
    control: AmiSwitch
    async with session.switch() as control:
        await control.set_own(tenant, extension, state, on=on)
