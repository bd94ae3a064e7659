"""`vpbx apply`: the definitions brought to the running switch and confirmed there."""

from __future__ import annotations

import asyncio
import json

import click

from orchestrator.asterisk.apply import Applied
from orchestrator.asterisk.apply import apply as apply_rendered
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.candidate import rendered_for_apply
from orchestrator.cli.progress import working
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.errors import AmiUnreachable, SwitchNotRunning
from orchestrator.rendering.render import Rendered


@click.command()
@node_option
@json_option
def apply(node: str | None, as_json: bool) -> None:
    """Check, render and bring the definitions to the switch.

    The new configuration is written beside the live one and swapped in by one rename; only the modules
    whose files changed are reloaded; the switch is asked for each tenant and endpoint that changed. When
    anything isn't there, the configuration before goes back. Calls that are up go on.

    \b
    Example:
        vpbx apply
    """
    session = open_session(node)
    with session.applying(), working("bringing the configuration to the switch"):
        rendered = rendered_for_apply(session.project, session.definitions, session.node)
        applied = asyncio.run(_apply(session, rendered))
    if as_json:
        click.echo(json.dumps({"version": 1, **_as_data(applied)}, ensure_ascii=False))
    else:
        _say(applied)


async def _apply(session: Session, rendered: Rendered) -> Applied:
    """Apply with the switch when it runs, without it when nothing listens on its AMI port.

    Raises: SwitchNotRunning: something listens there that isn't our switch.
    """
    if not await _listens(session):
        return await apply_rendered(rendered, session.paths, session.project.root, None)
    switch: AmiSwitch
    async with session.switch() as switch:
        name = (await switch.status()).systemname
        if name != rendered.systemname:
            raise SwitchNotRunning(
                f"the switch at {session.node.ami} calls itself {name!r}: it isn't this project's",
                "stop it, or give the node another ami: address",
            )
        return await apply_rendered(rendered, session.paths, session.project.root, switch)


async def _listens(session: Session) -> bool:
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(session.node.ami.host, session.node.ami.port), timeout=5
        )
    except ConnectionRefusedError:
        return False
    except (OSError, TimeoutError) as error:
        raise AmiUnreachable(
            f"AMI at {session.node.ami}: {error or 'no answer'}", "vpbx switch status"
        ) from error
    writer.close()
    return True


def _as_data(applied: Applied) -> dict[str, object]:
    return {
        "generation": applied.generation,
        "changed": list(applied.changed),
        "reloaded": list(applied.reloaded),
        "confirmed": None if applied.confirmed is None else list(applied.confirmed),
        "restart_needed": list(applied.restart_needed),
    }


def _say(applied: Applied) -> None:
    if not applied.changed:
        click.echo(f"nothing to do: generation {applied.generation} is live")
        return
    click.echo(f"generation {applied.generation}: {len(applied.changed)} file(s) changed")
    if applied.confirmed is None:
        click.echo("the switch isn't running; it reads this at its start (vpbx switch start)")
        return
    click.echo(f"reloaded: {', '.join(applied.reloaded) or 'nothing'}")
    click.echo(f"confirmed on the switch: {', '.join(applied.confirmed) or 'no tenant changed'}")
    if applied.restart_needed:
        click.echo(
            f"only a restart reads {', '.join(applied.restart_needed)}: vpbx switch stop, start", err=True
        )
