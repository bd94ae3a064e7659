"""`vpbx apply`: the definitions brought to the running switch and confirmed there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.asterisk import install as installation
from orchestrator.asterisk.apply import Accounts, Applied
from orchestrator.asterisk.apply import apply as apply_parcel
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.journal import Journal, Pending
from orchestrator.asterisk.parcel import Live
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.candidate import secrets_to_apply
from orchestrator.cli.deploying import (
    applied_data,
    begin_to_wait,
    recovered,
    refuse_while_pending,
    running_switch,
    say_applied,
    warn_of_certificate,
    watch_over,
)
from orchestrator.cli.plan import CHANGES, make_plan, show_plan
from orchestrator.cli.progress import working
from orchestrator.cli.session import Session, disconnect_option, json_option, node_option, open_session
from orchestrator.cli.settling import Settling, posted_data, say_posted, settling
from orchestrator.deployment import candidate, look, origin_of, parcel_of, plan_of
from orchestrator.drift import drift_on_disk, drift_on_switch
from orchestrator.errors import ApplyFailed, OrchestratorError
from orchestrator.expected import refuse_unmet
from orchestrator.orphans import drop_orphans
from orchestrator.planning.plan import Plan, check_fresh, plan_data, read_plan
from orchestrator.rendering.render import node_tenants


class Drifted(ApplyFailed):
    """The switch isn't as it was applied: somebody has edited there."""

    code = "drifted"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to apply.

    Args: saved: a plan that it must be. confirm_within_s: 0: it needn't be confirmed. disconnect: tenants
    without a file that go.
    """

    saved: Plan | None
    overwrite: bool
    confirm_within_s: int
    disconnect: tuple[str, ...]


@click.command()
@click.argument("plan_file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show the plan; nothing is written.")
@click.option(
    "--confirm-within",
    type=click.IntRange(1, 86400),
    metavar="S",
    help="Take it back after so many seconds unless `vpbx confirm` is called.",
)
@click.option("--overwrite", is_flag=True, help="Replace what somebody has edited on the switch (drift).")
@disconnect_option
@node_option
@json_option
def apply(
    plan_file: Path | None,
    dry_run: bool,
    confirm_within: int | None,
    overwrite: bool,
    disconnect: tuple[str, ...],
    node: str | None,
    as_json: bool,
) -> None:
    """Check, render and bring the definitions to the switch.

    The new generation is written beside the live one, checked, and swapped in by one rename. Phones are
    rows; the dialplan of a few tenants is put in without a reload of the others; only modules whose files
    changed are reloaded. The switch is asked for each tenant and phone that changed: when anything isn't
    there, the generation before goes back. Calls that are up go on in the dialplan they began in. PLAN_FILE,
    of `vpbx plan --out`, is applied exactly as it stands, or refused as stale. A call that wouldn't reach
    what its tenant's file expects refuses it before anything (`vpbx test`).

    Once it is live, what has become of tenants' services is posted with today's date, and charged: a trial
    that begins, options, employees, a disconnection, a restore; with --confirm-within, at the confirmation.
    A tenant whose file is gone stays as it is until --disconnect names it.

    \b
    Example:
        vpbx apply --confirm-within 120
    """
    session = open_session(node)
    warn_of_certificate(session)
    saved = _saved(plan_file)
    if saved is not None and disconnect:
        raise click.UsageError("--disconnect belongs to vpbx plan: a saved plan is applied as it stands")
    refuse_unmet(session.definitions, node_tenants(session.definitions, session.node), datetime.now(UTC))
    wishes = Wishes(saved, overwrite, confirm_within or 0, disconnect if saved is None else saved.disconnect)
    with settling(session) as accounts:
        if dry_run:
            _dry_run(session, wishes, accounts, as_json)
            return
        with session.applying(), working("bringing the configuration to the switch"):
            applied, plan = asyncio.run(_apply(session, wishes, accounts))
        posted = accounts.told()
    if as_json:
        told = {"version": 1, **applied_data(applied), **posted_data(posted)}
        click.echo(json.dumps(told, ensure_ascii=False))
    elif plan.empty and not applied.confirmed:
        click.echo(f"nothing to do: generation {applied.generation} is live")
    else:
        say_applied(applied)
        say_posted(posted)
        if wishes.confirm_within_s:
            click.echo(f"it goes back in {wishes.confirm_within_s} s unless you call: vpbx confirm", err=True)


def _saved(plan_file: Path | None) -> Plan | None:
    if plan_file is None:
        return None
    try:
        return read_plan(plan_file.read_text("utf-8"), str(plan_file))
    except (OSError, UnicodeDecodeError) as error:
        raise OrchestratorError(f"{plan_file}: {error}", "make one: vpbx plan --out FILE") from error


def _dry_run(session: Session, wishes: Wishes, accounts: Settling, as_json: bool) -> None:
    now = asyncio.run(make_plan(session, accounts, wishes.disconnect, datetime.now(UTC)))
    if wishes.saved is not None:
        check_fresh(wishes.saved, now)
    if as_json:
        click.echo(json.dumps(plan_data(now), ensure_ascii=False))
    else:
        show_plan(now)
    click.get_current_context().exit(0 if now.empty else CHANGES)


async def _apply(session: Session, wishes: Wishes, accounts: Settling) -> tuple[Applied, Plan]:
    """Returns: what was done, and what was to be done, with the drift that was overwritten."""
    async with running_switch(session) as switch:
        await recovered(session, switch, accounts)
        refuse_while_pending(session)
        at = datetime.now(UTC)
        if wishes.saved is not None:
            check_fresh(wishes.saved, await make_plan(session, accounts, wishes.disconnect, at))
        live = await look(session.project, session.node, switch)
        drift = await _drift(session, live, switch)
        if drift and not wishes.overwrite:
            raise _drifted(drift)
        if drift:
            _distrust(session)
        secrets = secrets_to_apply(session.project, session.definitions, session.node)
        found = candidate(
            session.project, session.definitions, session.node, secrets, live, wishes.disconnect
        )
        _refuse_lost(live, found.kept)
        services = accounts.changes(found.services, live.manifest, at)
        if services:
            accounts.ready()
        plan = replace(
            plan_of(session.project, session.node, found, live, drift, switch is not None), services=services
        )
        number = Generations(session.paths).next_number()
        origin = origin_of(session.project, "apply")
        # What becomes of services is kept with a generation, also when no file shows it.
        anew = bool(drift or services)
        parcel = replace(parcel_of(found, live, number, origin, plan.changes()), anew=anew)
        pending = Pending(number, live.number, wishes.confirm_within_s)
        waits = bool(pending.within_s and live.number)
        if waits and not plan.empty:
            watch_over(session, pending)
        follow = Accounts(at, accounts.settle) if services and not waits else None
        try:
            applied = await apply_parcel(
                parcel, session.paths, session.project.root, switch, installation.find(), follow
            )
        except BaseException:
            Journal(session.paths).confirmed()
            raise
        if waits and applied.generation == number:
            begin_to_wait(session, pending)
        elif switch is not None and not waits:
            await drop_orphans(switch, node_tenants(session.definitions, session.node))
        return applied, plan


async def _drift(session: Session, live: Live, switch: AmiSwitch | None) -> tuple[str, ...]:
    drift = drift_on_disk(session.project, session.node, live)
    if switch is not None and Generations(session.paths).running().confirmed:
        drift += await drift_on_switch(live, switch)
    return drift


def _drifted(drift: tuple[str, ...]) -> Drifted:
    more = f" (and {len(drift) - 1} more)" if len(drift) > 1 else ""
    hint = "vpbx plan shows it all; bring it into the YAML, or vpbx apply --overwrite"
    return Drifted(f"{drift[0]}{more}", hint)


def _refuse_lost(live: Live, kept: tuple[str, ...]) -> None:
    """Raises: Drifted: somebody has edited files of a tenant that there is nothing to make anew of."""
    lost = [name for name in kept if name in live.altered]
    if lost:
        raise Drifted(
            f"files of tenant {lost[0]} were edited since generation {live.number}, and its own file is gone",
            f"bring tenants/{lost[0]}.yaml back, or vpbx apply --disconnect {lost[0]}",
        )


def _distrust(session: Session) -> None:
    """Have everything read and asked for anew."""
    rows = PhoneRows(session.paths.phones)
    rows.distrust(rows.altered())
    Generations(session.paths).forget_running()
