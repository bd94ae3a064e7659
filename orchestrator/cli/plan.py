"""`vpbx plan`: what an apply would change, before it is made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.asterisk.journal import Journal
from orchestrator.candidate import secrets_to_plan
from orchestrator.cli.deploying import running_switch, warn_of_certificate
from orchestrator.cli.session import Session, disconnect_option, json_option, node_option, open_session
from orchestrator.cli.settling import Settling, money_lines, settling, total_lines
from orchestrator.deployment import candidate, look, plan_of
from orchestrator.drift import drift_on_disk, drift_on_switch
from orchestrator.errors import OrchestratorError
from orchestrator.planning.plan import Plan, plan_data

CHANGES = 2
_STYLES = {"added": "green", "changed": "yellow", "removed": "red"}


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to a file.")
@disconnect_option
@node_option
@json_option
def plan(out: Path | None, disconnect: tuple[str, ...], node: str | None, as_json: bool) -> None:
    """Show what `vpbx apply` would change, and what it costs. Nothing is written but the file of --out.

    By tenant in service terms, with what happens to its service, what is charged at once and what a period
    costs before and after; then files, phones and what the switch must reload; and drift: what on the switch
    isn't as it was applied. Exits with 0 when there is nothing to do, 2 when something would change, 1 for an
    error.

    \b
    Example:
        vpbx plan --out monday.plan && vpbx apply monday.plan
    """
    session = open_session(node)
    warn_of_certificate(session)
    with settling(session) as accounts:
        found = asyncio.run(make_plan(session, accounts, disconnect, datetime.now(UTC)))
    data = plan_data(found)
    if out is not None:
        _save(out, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
    else:
        show_plan(found)
    click.get_current_context().exit(0 if found.empty else CHANGES)


async def make_plan(session: Session, accounts: Settling, disconnect: Sequence[str], at: datetime) -> Plan:
    """The plan of an apply, with nothing made up and nothing written. Args: at: the moment of the charges."""
    async with running_switch(session) as switch:
        live = await look(session.project, session.node, switch)
        secrets = secrets_to_plan(session.project, session.definitions, session.node)
        found = candidate(session.project, session.definitions, session.node, secrets, live, disconnect)
        services = accounts.changes(found.services, live.manifest, at)
        drift = drift_on_disk(session.project, session.node, live)
        if switch is not None:
            drift += await drift_on_switch(live, switch)
        drift = (*_unfinished(session), *drift)
        plan = plan_of(session.project, session.node, found, live, drift, switch is not None)
        return replace(plan, services=services, disconnect=tuple(disconnect))


def _unfinished(session: Session) -> tuple[str, ...]:
    intent = Journal(session.paths).intent()
    if intent is None:
        return ()
    return (f"an apply of generation {intent.after} goes on, or died and is undone by the next apply",)


def show_plan(plan: Plan) -> None:
    """The plan for a person."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    money = {change.tenant: change for change in plan.services}
    for change in plan.tenants:
        title = Text(change.name, style="bold")
        title.append(f"  {change.kind}", style=_STYLES[change.kind])
        before, after = change.lines
        if before != after and change.kind == "changed":
            title.append(f"  lines {before} -> {after}")
        console.print(title)
        for sentence in change.sentences or ("as the switch has it: only what is written there",):
            console.print(Text(f"  {sentence}"))
        for line in money_lines(money.pop(change.name)) if change.name in money else ():
            console.print(Text(f"  {line}"))
    for name, service in money.items():
        console.print(Text(name, style="bold"))
        for line in money_lines(service):
            console.print(Text(f"  {line}"))
    for name in plan.kept:
        console.print(Text(f"{name}: file gone; stays as it is until apply --disconnect {name}"))
    if plan.platform:
        console.print(Text("what all tenants share", style="bold"))
        for path in plan.platform:
            console.print(Text(f"  {path}"))
    for line in plan.drift:
        console.print(Text(f"drift: {line}", style="magenta"))
    for line in total_lines(plan.services):
        console.print(Text(line))
    console.print(Text(_summary(plan)))


def _summary(plan: Plan) -> str:
    if plan.empty:
        return f"nothing to do: generation {plan.base} is live" if plan.base else "nothing to do"
    added, changed, removed = plan.phones
    phones = f"phones: {added} more, {changed} changed, {removed} less"
    files = f"{len(plan.files)} file(s)"
    if not plan.running:
        return f"{files}; {phones}; the switch isn't running"
    does = [f"reload {', '.join(plan.reloads)}"] if plan.reloads else ["no reload"]
    if plan.spliced:
        does.append("the dialplan of these tenants alone is put in")
    if plan.restarts:
        does.append(f"only a restart reads {', '.join(plan.restarts)}")
    return f"{files}; {phones}; {'; '.join(does)}"


def _save(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OrchestratorError(f"{out}: {error.strerror}", "name a file that you may write") from error
