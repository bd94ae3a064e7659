"""Bring a generation into a running switch, see it there, or put everything back.

    stage beside the live one -> note the intent -> new phones -> dialplan, in one turn -> other phones
    -> ask for all of it -> note that it is confirmed -> accounts follow

Phones are rows, read one by one; a few tenants' dialplan is spliced into the running one; what all share is
reloaded. A switch that says success proves nothing, so it is asked object by object. When what was wanted
isn't there, the generation before goes back; an apply that died is undone by the next verb, or, when the
switch had all of it, ended by it. So accounts hold what the live generation says, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.confirm import NotLoaded, Wanted, confirm
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.difference import (
    Difference,
    dialplan_of,
    difference,
    phones_in,
    retired_contexts,
)
from orchestrator.asterisk.generations import Generation, Generations, Parcel
from orchestrator.asterisk.journal import Intent, Journal
from orchestrator.asterisk.layout import data_dir
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.asterisk.recovery import (
    RESTART,
    Settle,
    follow_states,
    held_by,
    restore,
    rows_to_write,
)
from orchestrator.asterisk.rehearsal import try_out
from orchestrator.asterisk.splice import Splice, splice
from orchestrator.errors import ApplyFailed, SwitchError
from orchestrator.project import SwitchPaths
from orchestrator.rendering.render import generation_global


@dataclass(frozen=True, slots=True)
class Accounts:
    """How accounts follow a generation. Args: at: what their events are dated with, aware UTC."""

    at: datetime
    settle: Settle


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did.

    Args: generation: number now live. changed: files, against what the switch had. reloaded: modules.
    confirmed: tenants whose objects the switch was seen to have; None: the switch isn't running.
    restart_needed: changed files that only a restart reads.
    """

    generation: int
    changed: tuple[str, ...]
    reloaded: tuple[str, ...]
    confirmed: tuple[str, ...] | None
    restart_needed: tuple[str, ...]


async def apply(
    parcel: Parcel,
    paths: SwitchPaths,
    prompts_from: Path,
    switch: AmiSwitch | None,
    asterisk: Asterisk | None,
    accounts: Accounts | None = None,
) -> Applied:
    """Make a parcel the live generation. The caller holds the apply lock and has called `recover`.

    Args: switch: a session with the running switch; None: it isn't running and will read it at its start.
    asterisk: what a scratch switch is made of that tries the parcel first; None: it isn't tried.
    accounts: they follow once it is live; None: they don't, or not yet.
    Raises: ApplyFailed: it could not be staged, was refused by the scratch switch, or the switch doesn't have
        what was wanted; in each case the configuration before is live.
    """
    generations, journal = Generations(paths), Journal(paths)
    before = generations.live()
    old = generations.manifest(before)
    if before is not None and parcel.manifest.same_as(old) and not parcel.anew:
        staged = before
    else:
        staged = generations.stage(parcel, prompts_from)
        if asterisk is not None:
            _try_out(generations, staged, difference(old, parcel.manifest), asterisk, data_dir(paths))
    turn = _Turn(paths, staged)
    at = None if accounts is None else accounts.at
    intent = Intent(0 if before is None else before.number, staged.number, at)
    try:
        journal.begin(intent)
    except ApplyFailed:
        if staged is not before:
            generations.discard(staged)
        raise
    try:
        applied = turn.offline() if switch is None else await turn.online(switch)
    except (SwitchError, ApplyFailed) as error:
        await _back(paths, before, staged, switch, error)
    if accounts is not None:
        journal.begin(replace(intent, live=True))
        accounts.settle(parcel.manifest, accounts.at)
    journal.end()
    generations.forget_oldest()
    return applied


def _try_out(
    generations: Generations, staged: Generation, change: Difference, asterisk: Asterisk, data: Path
) -> None:
    """Raises: ApplyFailed: refused; the staged generation is gone again."""
    if not change.tenants and not change.shared:
        return
    try:
        try_out(staged, change.tenants, bool(change.shared), asterisk, data)
    except SwitchError as error:
        generations.discard(staged)
        raise ApplyFailed(f"no scratch switch to try it on: {error.message}", error.hint) from error
    except BaseException:
        generations.discard(staged)
        raise


class _Turn:
    """One change to a staged generation, from what the switch is known to have."""

    def __init__(self, paths: SwitchPaths, staged: Generation) -> None:
        self._generations = Generations(paths)
        self._rows = PhoneRows(paths.phones)
        self._staged = staged
        self._after = held_by(self._generations, staged)

    def offline(self) -> Applied:
        """For a switch that reads everything at its start."""
        live = self._generations.live()
        change = difference(self._generations.manifest(live), self._after)
        want = phones_in(self._staged, self._after, sorted(self._after.tenants))
        new, other, gone = rows_to_write(want, self._rows.marks(), None)
        self._rows.write([*new, *other], gone)
        self._generations.swap(self._staged)
        return Applied(self._staged.number, change.files, (), None, ())

    async def online(self, switch: AmiSwitch) -> Applied:
        known = self._generations.running()
        old = self._generations.manifest(known.generation)
        change = difference(old, self._after)
        trusted = known.confirmed and old is not None
        asked = change if trusted else difference(None, self._after)
        want = phones_in(self._staged, self._after, asked.tenants)
        touched = {*asked.tenants, *change.gone} if trusted else None
        new, other, gone = rows_to_write(want, self._rows.marks(), touched)
        self._rows.write(new)
        parts = None
        if change.spliced and known.generation is not None and old is not None:
            parts = await self._splice(switch, known.generation, old, change)
            modules = change.reloads
        else:
            self._generations.swap(self._staged)
            modules = change.all_reloads
        for module in modules:
            await switch.reload(module)
        self._rows.write(other, gone)
        await switch.expire_registrations(gone)
        await confirm(switch, Wanted(self._staged, self._after, asked, parts, want, gone))
        await follow_states(switch, self._rows, new)
        self._generations.confirm(self._staged)
        restarts: tuple[str, ...] = ()
        if old is not None and known.generation is not None:
            transports = (self._staged.path / "pjsip.conf").read_text("utf-8")
            restarts = change.restarts(known.generation, transports)
        return Applied(self._staged.number, change.files, modules, asked.tenants, restarts)

    async def _splice(
        self, switch: AmiSwitch, running: Generation, old: Manifest, change: Difference
    ) -> Splice:
        names = [*change.steps, *change.gone]
        retired = retired_contexts(self._after)
        wanted = dialplan_of(self._staged, names)
        if wanted.unread:
            raise NotLoaded(f"the switch would not take `{wanted.unread[0].text}`: {wanted.unread[0].why}")
        parts = splice(dialplan_of(running, names), wanted, retired)
        await switch.actions(parts.prepare)
        self._generations.swap(self._staged)
        marks = [
            {
                "Action": "Setvar",
                "Variable": generation_global(name),
                "Value": self._after.tenants[name].steps,
            }
            for name in change.steps
        ]
        await switch.actions([*parts.swing, *marks])
        left = sorted(retired_contexts(old) - retired - set(parts.wanted))
        await switch.actions([*parts.clear, *parts.removals(left)])
        return parts


async def _back(
    paths: SwitchPaths,
    before: Generation | None,
    staged: Generation,
    switch: AmiSwitch | None,
    error: SwitchError | ApplyFailed,
) -> None:
    """Put the generation before back, and say so. Raises: ApplyFailed: always."""
    generations, journal = Generations(paths), Journal(paths)
    if before is None or before.number == staged.number:
        journal.end()
        raise ApplyFailed(
            f"{error.message}; there is no earlier configuration to go back to", error.hint
        ) from error
    try:
        await restore(paths, before, switch)
    except (SwitchError, ApplyFailed) as second:
        raise ApplyFailed(
            f"{error.message}; generation {before.number} is back on disk, but the switch did not take it: "
            f"{second.message}",
            RESTART,
        ) from error
    generations.discard(staged)
    journal.end()
    raise ApplyFailed(f"{error.message}; generation {before.number} is back", error.hint) from error
