"""What verbs that change a node share: its switch when it runs, what a dead apply left, what to tell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from orchestrator.asterisk.apply import Applied
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.journal import Journal, Pending
from orchestrator.asterisk.recovery import recover
from orchestrator.certificates import certificate_warning
from orchestrator.cli.session import Session
from orchestrator.cli.settling import Settling, say_posted
from orchestrator.errors import AmiUnreachable, ApplyFailed, SwitchNotRunning
from orchestrator.secrets import Secrets

_CONNECT_S = 5


class WaitsForConfirmation(ApplyFailed):
    """A generation that was applied with `--confirm-within` isn't confirmed yet."""

    code = "waits-for-confirmation"


@asynccontextmanager
async def running_switch(session: Session) -> AsyncIterator[AmiSwitch | None]:
    """A session with the node's switch; None: nothing listens on its AMI port.

    Raises: SwitchNotRunning: something listens there that isn't our switch. AmiUnreachable: it hangs.
    """
    if not await _listens(session):
        yield None
        return
    async with session.switch() as switch:
        name = (await switch.status()).systemname
        if name != Secrets.open(session.project.secrets_file).known_systemname(session.node.name):
            raise SwitchNotRunning(
                f"the switch at {session.node.ami} calls itself {name!r}: it isn't this project's",
                "stop it, or give the node another ami: address",
            )
        yield switch


async def recovered(session: Session, switch: AmiSwitch | None, accounts: Settling) -> None:
    """Undo or end what a dead apply left, and say so. The caller holds the apply lock."""
    told = await recover(session.paths, switch, accounts.settle)
    if told:
        click.echo(told, err=True)
    say_posted(accounts.told(), err=True)


def warn_of_certificate(session: Session) -> None:
    """Say that the node's certificate is out of date. Raises: CertificateUnusable."""
    told = certificate_warning(session.project, session.node, datetime.now(UTC))
    if told:
        click.echo(f"warning: {told}", err=True)


def refuse_while_pending(session: Session) -> None:
    """Raises: WaitsForConfirmation."""
    pending = Journal(session.paths).pending()
    if pending is not None:
        raise WaitsForConfirmation(
            f"generation {pending.generation} waits to be confirmed",
            "vpbx confirm keeps it, vpbx rollback takes it back",
        )


def watch_over(session: Session, pending: Pending) -> None:
    """Start a process of its own that takes the generation back unless it is confirmed in time."""
    Journal(session.paths).wait_for_confirmation(pending)
    session.paths.log.mkdir(parents=True, exist_ok=True, mode=0o750)
    command = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(session.project.root)]
    with (session.paths.log / "confirm.log").open("ab") as log:
        subprocess.Popen(
            [*command, "rollback", "--unconfirmed", "--node", session.node.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def begin_to_wait(session: Session, pending: Pending) -> None:
    """From now on it must be confirmed in time. The caller holds the apply lock."""
    deadline = datetime.now(UTC) + timedelta(seconds=pending.within_s)
    Journal(session.paths).wait_for_confirmation(replace(pending, deadline=deadline))


def applied_data(applied: Applied) -> Mapping[str, Any]:
    return {
        "generation": applied.generation,
        "changed": list(applied.changed),
        "reloaded": list(applied.reloaded),
        "confirmed": None if applied.confirmed is None else list(applied.confirmed),
        "restart_needed": list(applied.restart_needed),
    }


def say_applied(applied: Applied) -> None:
    """Tell what an apply did."""
    click.echo(f"generation {applied.generation}: {len(applied.changed)} file(s) changed")
    if applied.confirmed is None:
        click.echo("the switch isn't running; it reads this at its start (vpbx switch start)")
        return
    click.echo(f"reloaded: {', '.join(applied.reloaded) or 'nothing'}")
    click.echo(f"confirmed on the switch: {_few(applied.confirmed) or 'no tenant changed'}")
    if applied.restart_needed:
        click.echo(
            f"only a restart reads {', '.join(applied.restart_needed)}: vpbx switch stop, start", err=True
        )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} and {len(names) - 10} more"


async def _listens(session: Session) -> bool:
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(session.node.ami.host, session.node.ami.port), timeout=_CONNECT_S
        )
    except ConnectionRefusedError:
        return False
    except (OSError, TimeoutError) as error:
        raise AmiUnreachable(
            f"AMI at {session.node.ami}: {error or 'no answer'}", "vpbx switch status"
        ) from error
    writer.close()
    return True
