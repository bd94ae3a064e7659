"""`vpbx rollback`: an earlier generation, live again."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from orchestrator.asterisk import install as installation
from orchestrator.asterisk.apply import Accounts, Applied
from orchestrator.asterisk.apply import apply as apply_parcel
from orchestrator.asterisk.file_lock import LockHeld
from orchestrator.asterisk.generations import Generation, Generations
from orchestrator.asterisk.journal import Journal
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.parcel import Live, from_generation
from orchestrator.cli.deploying import (
    applied_data,
    begin_to_wait,
    recovered,
    running_switch,
    say_applied,
)
from orchestrator.cli.session import Session, json_option, node_option, open_node
from orchestrator.cli.settling import Settling, posted_data, say_posted, settling
from orchestrator.deployment import changed_tenants, kept_facts, look, origin_of
from orchestrator.drift import altered_shared, part_digest
from orchestrator.errors import ApplyFailed, NotFound

_POLL_S = 0.25


@click.command()
@click.argument("number", required=False, type=int)
@click.option("--unconfirmed", is_flag=True, hidden=True, help="Wait for the confirmation that is due.")
@node_option
@json_option
def rollback(number: int | None, unconfirmed: bool, node: str | None, as_json: bool) -> None:
    """Make an earlier generation live again; without NUMBER, the one before.

    It is brought to the switch and confirmed like any other, as a generation of its own: `vpbx history` keeps
    both. Tenants' services become what they were in it, with today's date and no refund. The YAML is not
    touched: `vpbx plan` shows how it differs from what is live now.

    \b
    Example:
        vpbx history && vpbx rollback 41
    """
    session = open_node(node)
    if unconfirmed:
        _when_due(session)
        return
    with session.applying(), settling(session) as accounts:
        applied = asyncio.run(_back_to(session, accounts, number))
        Journal(session.paths).confirmed()
        posted = accounts.told()
    if as_json:
        told = {"version": 1, **applied_data(applied), **posted_data(posted)}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        say_applied(applied)
        say_posted(posted)


def _when_due(session: Session) -> None:
    """Wait until the pending generation is confirmed, or take it back at its deadline.

    It outlives the apply that started it: when that died in the middle, what it left is undone here.
    """
    watched = Journal(session.paths).pending()
    while watched is not None and _still_waits(session, watched.generation):
        time.sleep(_POLL_S)


def _still_waits(session: Session, generation: int) -> bool:
    """Look once, and act when it is time. Returns: whether to look again."""
    pending = Journal(session.paths).pending()
    if pending is None or pending.generation != generation:
        return False
    if pending.deadline is not None and datetime.now(UTC) < pending.deadline:
        return True
    try:
        with session.applying(_POLL_S):
            return _acted(session, generation)
    except LockHeld:
        return True


def _acted(session: Session, generation: int) -> bool:
    """Nobody else applies now. Returns: whether it goes on waiting."""
    with settling(session) as accounts:
        return _acted_on(session, accounts, generation)


def _acted_on(session: Session, accounts: Settling, generation: int) -> bool:
    journal, generations = Journal(session.paths), Generations(session.paths)
    asyncio.run(_undo_what_died(session, accounts))
    pending, live = journal.pending(), generations.live()
    if pending is None or pending.generation != generation:
        return False
    if live is None or live.number != generation:
        journal.confirmed()
        return False
    if pending.deadline is None:
        begin_to_wait(session, pending)
        return True
    if datetime.now(UTC) < pending.deadline:
        return True
    applied = asyncio.run(_back_to(session, accounts, pending.before, "not confirmed in time"))
    journal.confirmed()
    click.echo(f"generation {generation} was not confirmed: generation {applied.generation} is live")
    return False


async def _undo_what_died(session: Session, accounts: Settling) -> None:
    async with running_switch(session) as switch:
        await recovered(session, switch, accounts)


async def _back_to(session: Session, accounts: Settling, number: int | None, why: str = "") -> Applied:
    """Args: why: it goes back by itself, and no account has followed what it goes back from."""
    generations = Generations(session.paths)
    async with running_switch(session) as switch:
        await recovered(session, switch, accounts)
        live = await look(session.project, session.node, switch)
        target, held = _target(generations, live, number)
        reason = f"rollback to {target.number}{': ' if why else ''}{why}"
        changed = changed_tenants(live, held, lambda name: kept_facts(target, name))
        changes = {change.name: change.sentences for change in changed}
        origin = origin_of(session.project, reason)
        parcel = from_generation(target, held, live, generations.next_number(), origin, changes)
        services = () if why else accounts.changes(parcel.manifest.wanted, live.manifest, origin.made_at)
        if services:
            accounts.ready()
            parcel = replace(parcel, anew=True)
        follow = Accounts(origin.made_at, accounts.settle) if services else None
        root = session.project.root
        return await apply_parcel(parcel, session.paths, root, switch, installation.find(), follow)


def _target(generations: Generations, live: Live, number: int | None) -> tuple[Generation, Manifest]:
    kept = [each.number for each in generations.all() if each.number != live.number]
    if number is None:
        number = max((each for each in kept if each < live.number), default=0)
    target = generations.numbered(number) if number in kept else None
    held = generations.manifest(target)
    if target is None or held is None:
        known = ", ".join(map(str, kept)) or "none"
        raise NotFound(f"no generation {number or 'before the live one'} to go back to", f"kept: {known}")
    altered = [f"{path} was" for path in altered_shared(target.path, held)]
    altered += [
        f"the files of tenant {name} were"
        for name, part in held.tenants.items()
        if part_digest(target.path, name) != part.digest
    ]
    if altered:
        raise ApplyFailed(
            f"generation {number}: {altered[0]} edited since it was made",
            "choose another generation, or apply the YAML of that time",
        )
    return target, held
