"""A generation made live again, whatever the switch has: after a failure, or after an apply that died.

What a dead apply left is undone by the next verb, or ended by it when the switch had all of it; the accounts
of tenants then follow. So they hold what the live generation says, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from orchestrator.asterisk.confirm import Wanted, confirm
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.difference import difference, phones_in
from orchestrator.asterisk.generations import Generation, Generations
from orchestrator.asterisk.journal import Intent, Journal
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.phones import Phone, PhoneRows
from orchestrator.errors import ApplyFailed, SwitchError
from orchestrator.log import Log
from orchestrator.project import SwitchPaths

Settle = Callable[[Manifest, datetime], None]
"""Brings the tenants' accounts to what a live generation says, dated so. Doing it again changes nothing."""

RESTART = "restart the switch: vpbx switch stop, vpbx switch start"
_FOLLOWED_AT_ONCE = 10

_log = Log("vpbx.apply")


async def recover(paths: SwitchPaths, switch: AmiSwitch | None, settle: Settle) -> str:
    """Undo what a dead apply left, or end it when the switch has all of it. The caller holds the apply lock.

    Returns: what was done, in words; empty when there was nothing to do.
    Raises: ApplyFailed: the generation before is gone, or the switch doesn't take it.
    """
    generations, journal = Generations(paths), Journal(paths)
    intent = journal.intent()
    if intent is None:
        return ""
    if intent.live or _was_seen(generations, intent.after):
        _end(generations, journal, intent, settle)
        return f"an apply of generation {intent.after} died when all was done: it is live"
    before, after = generations.numbered(intent.before), generations.numbered(intent.after)
    if before is None and intent.before:
        raise ApplyFailed(
            f"an apply of generation {intent.after} died, and generation {intent.before} before it is gone",
            f"bring back {paths.generations / str(intent.before)}; or, to go on from what is there, remove "
            f"{journal.intent_file} and start the switch anew",
        )
    try:
        await restore(paths, before, switch)
    except (SwitchError, ApplyFailed) as error:
        raise ApplyFailed(
            f"an apply of generation {intent.after} died, and the switch did not take generation "
            f"{intent.before} again: {error.message}",
            RESTART,
        ) from error
    if after is not None and before is not None and after.number != before.number:
        generations.discard(after)
    journal.end()
    told = f"generation {before.number} is live" if before is not None else "none is live"
    return f"an apply of generation {intent.after} that died is undone: {told}"


def _was_seen(generations: Generations, number: int) -> bool:
    """Whether the switch was asked for all of a generation, and had it."""
    running = generations.running()
    return running.confirmed and running.generation is not None and running.generation.number == number


def _end(generations: Generations, journal: Journal, intent: Intent, settle: Settle) -> None:
    """What remained of an apply, or of a confirmation, that died when the switch had all of it."""
    if intent.at is not None:
        manifest = generations.manifest(generations.numbered(intent.after))
        if manifest is None:
            raise ApplyFailed(
                f"an apply of generation {intent.after} died before its service events were posted, and that "
                "generation is gone",
                f"bring back its directory; or, to go on without them, remove {journal.intent_file}",
            )
        settle(manifest, intent.at)
        pending = journal.pending()
        if pending is not None and pending.generation == intent.after:
            journal.confirmed()
    journal.end()


async def restore(paths: SwitchPaths, before: Generation | None, switch: AmiSwitch | None) -> None:
    """Make a generation live again, whatever the switch has of another: everything is read and asked anew."""
    generations, rows = Generations(paths), PhoneRows(paths.phones)
    if before is None:
        generations.unswap(None)
        rows.write(drop=sorted(rows.marks()))
        return
    held = held_by(generations, before)
    generations.swap(before)
    want = phones_in(before, held, sorted(held.tenants))
    new, other, gone = rows_to_write(want, rows.marks(), None)
    rows.write([*new, *other], gone)
    if switch is None:
        return
    everything = difference(None, held)
    for module in everything.all_reloads:
        await switch.reload(module)
    await switch.expire_registrations(gone)
    await confirm(switch, Wanted(before, held, everything, None, want, gone))
    await follow_states(switch, rows, new)
    generations.confirm(before)


def rows_to_write(
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


async def follow_states(switch: AmiSwitch, rows: PhoneRows, new: Sequence[Phone]) -> None:
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


def held_by(generations: Generations, generation: Generation) -> Manifest:
    manifest = generations.manifest(generation)
    if manifest is None:
        raise ApplyFailed(
            f"generation {generation.number} was made by an older vpbx and can't be gone back to",
            "vpbx apply makes a new one",
        )
    return manifest
