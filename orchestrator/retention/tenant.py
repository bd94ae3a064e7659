"""All data of one tenant, removed as far as no hold is on it.

Files go first, then rows, and where the tenant stands is written last, by `run`: killed at any moment, the
next run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.asterisk.forgetting import forget_phones, forget_tenant, generations_with
from orchestrator.asterisk.kept_state import count_kept, forget
from orchestrator.asterisk.mailbox_spool import Kept
from orchestrator.model.hold import holder
from orchestrator.retention.places import Places
from orchestrator.retention.sound import AT_ONCE, Removed, drop_recordings, remove_file
from orchestrator.secrets import Secrets
from orchestrator.storage.purge import Scope, TenantData


def beside(tenant: str, places: Places) -> Mapping[str, tuple[int, int | None]]:
    """What there is of a tenant beside recordings, messages and calls: how many, and bytes of files.

    Raises: OrchestratorError: something can't be read.
    """
    generations = [each for paths in places.switches for each in generations_with(paths, tenant)]
    sizes = [path.stat().st_size for each in generations for path in each.path.rglob("*") if path.is_file()]
    return {
        "kept by switches": (sum(count_kept(each, tenant) for each in places.databases), None),
        "generations": (len(generations), sum(sizes)),
        "secrets": (Secrets.open(places.secrets_file).count(tenant), None),
    }


def clear_tenant(data: TenantData, scope: Scope, places: Places) -> None:
    """Everything that is the tenant's.

    Raises: OrchestratorError: something can't be removed; what went before is gone.
    """
    clear_held(data, scope, places, remove_messages=False)
    for spool in places.spools:
        spool.remove(scope.tenant, keep=lambda kept: not goes(kept, scope))
    data.drop_messages(scope)
    for database in places.databases:
        forget(database, scope.tenant)
    for paths in places.switches:
        forget_tenant(paths, scope.tenant)
        forget_phones(paths, scope.tenant)
    for path in () if places.cache is None else places.cache.glob("*"):
        if path.is_file():
            remove_file(path)
    Secrets.open(places.secrets_file).forget(scope.tenant)


def clear_held(data: TenantData, scope: Scope, places: Places, *, remove_messages: bool = True) -> Removed:
    """Recordings, messages and calls alone: what a hold may have kept when all else went.

    Raises: as of `clear_tenant`.
    """
    gone = drop_recordings(data, scope, places)
    if remove_messages:
        for spool in places.spools:
            spool.remove_messages(scope.tenant, lambda kept: goes(kept, scope))
        data.drop_messages(scope)
    while data.drop_calls(scope, AT_ONCE):
        pass
    return gone


def goes(kept: Kept, scope: Scope) -> bool:
    """Whether a message in a mailbox is one of those that go."""
    at = kept.message.received_at
    day = at.astimezone(scope.zone).date()
    held = holder(scope.holds, day, kept.message.uniqueid) is not None
    return not held and (scope.before is None or at < scope.before)
