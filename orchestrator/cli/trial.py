"""`vpbx try`: the definitions proved by real calls on a scratch switch, before they go live."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import click

from orchestrator.asterisk import install
from orchestrator.cli.progress import working
from orchestrator.cli.session import json_option, node_option, open_session
from orchestrator.definitions.quoting import visible
from orchestrator.trial.trial import Outcome, cast_of
from orchestrator.trial.trial import trial as run_trial

_JSON_VERSION = 1


@click.command("try")
@click.argument("tenant", required=False)
@node_option
@json_option
@click.pass_context
def trial(ctx: click.Context, tenant: str | None, node: str | None, as_json: bool) -> None:
    """Prove the definitions by real calls: on a switch of their own, beside the live one.

    A scratch switch starts with the whole configuration on free loopback ports; two phones of TENANT (of the
    first tenant, when none is named) register; one calls the other; a customer calls from outside. SIPp plays
    the phones and the operator. Nothing of the project, the live switch or an operator is touched. Exits with
    1 when something was not as it should be.

    \b
    Example:
        vpbx try acme
    """
    session = open_session(node, tenant)
    cast = cast_of(session.definitions, session.node, tenant)
    asterisk = install.require()
    work = Path(tempfile.mkdtemp(prefix="vpbx-try-"))
    failed = True
    outcomes: list[Outcome] = []
    try:
        with working("placing calls on a scratch switch"):
            for outcome in run_trial(
                session.project, session.definitions, cast, session.node, asterisk, work
            ):
                outcomes.append(outcome)
                if not as_json:
                    click.echo(_line(outcome))
        failed = any(outcome.fault for outcome in outcomes)
    finally:
        if failed:
            click.echo(f"logs of the switch and of SIPp: {work}", err=True)
        else:
            shutil.rmtree(work, ignore_errors=True)
    if as_json:
        rows = [{"what": each.what, "ok": not each.fault, "fault": each.fault or None} for each in outcomes]
        click.echo(
            json.dumps({"version": _JSON_VERSION, "ok": not failed, "outcomes": rows}, ensure_ascii=False)
        )
    if failed:
        ctx.exit(1)


def _line(outcome: Outcome) -> str:
    return visible(f"failed: {outcome.what}: {outcome.fault}" if outcome.fault else f"ok: {outcome.what}")
