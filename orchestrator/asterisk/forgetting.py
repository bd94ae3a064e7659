"""A tenant that is served no longer, taken out of what a node keeps of earlier configurations.

Generations hold what was rendered of it, with its employees' names. Those that knew it go whole: to go back
to one would serve a tenant whose data is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.generations import Generation, Generations
from orchestrator.asterisk.journal import Journal
from orchestrator.asterisk.manifest import MANIFEST, Manifest, write_manifest
from orchestrator.asterisk.parcel import facts_file
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.durable import replace_file
from orchestrator.errors import StorageError
from orchestrator.project import SwitchPaths

_WAIT_S = 5.0


class GenerationsKept(StorageError):
    """Generations of a switch's configuration that hold a tenant can't be removed yet."""

    code = "generations-kept"


def generations_with(paths: SwitchPaths, tenant: str) -> list[Generation]:
    """Those of a node that hold anything of a tenant, oldest first. Raises: ApplyFailed: one is damaged."""
    generations = Generations(paths)
    return [each for each in generations.all() if _holds(each, generations.manifest(each), tenant)]


def forget_tenant(paths: SwitchPaths, tenant: str) -> int:
    """Remove the generations that hold a tenant; what the live one has of its past is taken out of it.

    Returns: how many were removed or rewritten.
    Raises: GenerationsKept: the live one serves it, or an apply is under way. LockHeld, ApplyFailed.
    """
    if not generations_with(paths, tenant):
        return 0
    with _alone(paths):
        generations, number = Generations(paths), 0
        live = generations.live()
        for each in generations_with(paths, tenant):
            manifest = generations.manifest(each)
            if live is not None and each.number == live.number:
                _take_out(each, manifest, tenant)
            else:
                generations.discard(each)
            number += 1
        return number


def forget_phones(paths: SwitchPaths, tenant: str) -> None:
    """Take a tenant's phones out of the rows that the switch reads. Raises: ApplyFailed."""
    if paths.phones.is_file():
        rows = PhoneRows(paths.phones)
        gone = [endpoint for endpoint, (owner, _) in rows.marks().items() if owner == tenant]
        if gone:
            rows.write(drop=gone)


@contextmanager
def _alone(paths: SwitchPaths) -> Iterator[None]:
    with file_lock(paths.root / "apply.lock", _WAIT_S, "applying"):
        journal = Journal(paths)
        if journal.pending() is not None or journal.intent() is not None:
            raise GenerationsKept(
                f"{paths.root}: an apply waits to be confirmed or finished",
                "vpbx confirm, or vpbx apply; the purge goes on at the next run",
            )
        yield


def _holds(generation: Generation, manifest: Manifest | None, tenant: str) -> bool:
    if manifest is None:
        return (generation.path / facts_file(tenant)).exists()
    return (
        tenant in manifest.tenants
        or tenant in manifest.changes
        or any((generation.path / old.file).exists() for old in manifest.retired if old.tenant == tenant)
    )


def _take_out(live: Generation, manifest: Manifest | None, tenant: str) -> None:
    if manifest is None or tenant in manifest.tenants:
        raise GenerationsKept(
            f"generation {live.number} is live and still serves {tenant}",
            "vpbx apply; the purge goes on at the next run",
        )
    for old in manifest.retired:
        if old.tenant == tenant:
            (live.path / old.file).unlink(missing_ok=True)
    changes = {name: lines for name, lines in manifest.changes.items() if name != tenant}
    text = write_manifest(replace(manifest, changes=changes))
    replace_file(live.path / MANIFEST, text.encode(), 0o640)
