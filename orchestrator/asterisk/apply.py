"""Bring a generation into a running switch, see it there, or put everything back.

    stage beside the live one -> note the intent -> new phones -> dialplan, in one turn -> other phones
    -> ask for all of it -> note that it is confirmed

Phones are rows, read one by one; a few tenants' dialplan is spliced into the running one; what all share is
reloaded. A switch that says success proves nothing, so it is asked object by object. When what was wanted
isn't there, the generation before goes back; an apply that died is undone by the next verb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from orchestrator.asterisk.phones import Phone, PhoneRows
from orchestrator.asterisk.rehearsal import try_out
from orchestrator.asterisk.splice import Splice, splice
from orchestrator.errors import ApplyFailed, SwitchError
from orchestrator.log import Log
from orchestrator.project import SwitchPaths
from orchestrator.rendering.render import generation_global

_RESTART = "restart the switch: vpbx switch stop, vpbx switch start"
_FOLLOWED_AT_ONCE = 10

_log = Log("vpbx.apply")


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
) -> Applied:
    """Make a parcel the live generation. The caller holds the apply lock and has called `recover`.

    Args: switch: a session with the running switch; None: it isn't running and will read it at its start.
    asterisk: what a scratch switch is made of that tries the parcel first; None: it isn't tried.
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
    try:
        journal.begin(Intent(0 if before is None else before.number, staged.number))
    except ApplyFailed:
        if staged is not before:
            generations.discard(staged)
        raise
    try:
        applied = turn.offline() if switch is None else await turn.online(switch)
    except (SwitchError, ApplyFailed) as error:
        await _back(paths, before, staged, switch, error)
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


async def recover(paths: SwitchPaths, switch: AmiSwitch | None) -> str:
    """Undo what a dead apply left. The caller holds the apply lock.

    Returns: what was done, in words; empty when there was nothing to do.
    Raises: ApplyFailed: the generation before is gone, or the switch doesn't take it.
    """
    generations, journal = Generations(paths), Journal(paths)
    intent = journal.intent()
    if intent is None:
        return ""
    running = generations.running()
    if running.confirmed and running.generation is not None and running.generation.number == intent.after:
        journal.end()
        return f"an apply of generation {intent.after} died when all was done: it is live"
    before, after = generations.numbered(intent.before), generations.numbered(intent.after)
    if before is None and intent.before:
        raise ApplyFailed(
            f"an apply of generation {intent.after} died, and generation {intent.before} before it is gone",
            f"bring back {paths.generations / str(intent.before)}; or, to go on from what is there, remove "
            f"{journal.intent_file} and start the switch anew",
        )
    try:
        await _restore(paths, before, switch)
    except (SwitchError, ApplyFailed) as error:
        raise ApplyFailed(
            f"an apply of generation {intent.after} died, and the switch did not take generation "
            f"{intent.before} again: {error.message}",
            _RESTART,
        ) from error
    if after is not None and before is not None and after.number != before.number:
        generations.discard(after)
    journal.end()
    told = f"generation {before.number} is live" if before is not None else "none is live"
    return f"an apply of generation {intent.after} that died is undone: {told}"


class _Turn:
    """One change to a staged generation, from what the switch is known to have."""

    def __init__(self, paths: SwitchPaths, staged: Generation) -> None:
        self._generations = Generations(paths)
        self._rows = PhoneRows(paths.phones)
        self._staged = staged
        self._after = _held(self._generations, staged)

    def offline(self) -> Applied:
        """For a switch that reads everything at its start."""
        live = self._generations.live()
        change = difference(self._generations.manifest(live), self._after)
        want = phones_in(self._staged, self._after, sorted(self._after.tenants))
        new, other, gone = _rows(want, self._rows.marks(), None)
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
        new, other, gone = _rows(want, self._rows.marks(), touched)
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
        await _follow_states(switch, self._rows, new)
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


def _rows(
    want: dict[str, Phone], have: dict[str, tuple[str, str]], touched: set[str] | None
) -> tuple[list[Phone], list[Phone], list[str]]:
    """Phones to add, phones to change, endpoints to drop. Args: touched: tenants that `want` is whole for."""
    new = [phone for phone in want.values() if phone.endpoint not in have]
    other = [
        phone for phone in want.values() if phone.endpoint in have and have[phone.endpoint][1] != phone.mark
    ]
    gone = [
        endpoint
        for endpoint, (tenant, _) in have.items()
        if endpoint not in want and (touched is None or tenant in touched)
    ]
    return new, other, sorted(gone)


async def _follow_states(switch: AmiSwitch, rows: PhoneRows, new: Sequence[Phone]) -> None:
    """Have the states of new phones shown on keys, a few phones at a time.

    For each the switch reads all that are listed: 2 ms when these alone are, and a second, in which
    calls wait, when 7,000 are.
    """
    for begin in range(0, len(new), _FOLLOWED_AT_ONCE):
        few = [phone.endpoint for phone in new[begin : begin + _FOLLOWED_AT_ONCE]]
        try:
            with rows.listed(few):
                await switch.follow_states(few)
        except (SwitchError, ApplyFailed) as error:
            # The phones work all the same: no reason to take a change back from a switch at its limit.
            _log.warning(
                "keys don't show these phones yet",
                phones=few,
                why=error.message,
                hint="pjsip reload qualify endpoint PHONE, in vpbx switch console",
            )


async def _restore(paths: SwitchPaths, before: Generation | None, switch: AmiSwitch | None) -> None:
    """Make a generation live again, whatever the switch has of another: everything is read and asked anew."""
    generations, rows = Generations(paths), PhoneRows(paths.phones)
    if before is None:
        generations.unswap(None)
        rows.write(drop=sorted(rows.marks()))
        return
    held = _held(generations, before)
    generations.swap(before)
    want = phones_in(before, held, sorted(held.tenants))
    new, other, gone = _rows(want, rows.marks(), None)
    rows.write([*new, *other], gone)
    if switch is None:
        return
    everything = difference(None, held)
    for module in everything.all_reloads:
        await switch.reload(module)
    await switch.expire_registrations(gone)
    await confirm(switch, Wanted(before, held, everything, None, want, gone))
    await _follow_states(switch, rows, new)
    generations.confirm(before)


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
        await _restore(paths, before, switch)
    except (SwitchError, ApplyFailed) as second:
        raise ApplyFailed(
            f"{error.message}; generation {before.number} is back on disk, but the switch did not take it: "
            f"{second.message}",
            _RESTART,
        ) from error
    generations.discard(staged)
    journal.end()
    raise ApplyFailed(f"{error.message}; generation {before.number} is back", error.hint) from error


def _held(generations: Generations, generation: Generation) -> Manifest:
    manifest = generations.manifest(generation)
    if manifest is None:
        raise ApplyFailed(
            f"generation {generation.number} was made by an older vpbx and can't be gone back to",
            "vpbx apply makes a new one",
        )
    return manifest
