"""All data of one tenant, removed as far as no hold is on it.

Files go first, then rows, and where the tenant stands is written last, by `run`: killed at any moment, the
next run goes on.
"""

from __future__ import annotations

from orchestrator.asterisk.forgetting import forget_phones, forget_tenant
from orchestrator.asterisk.kept_state import forget
from orchestrator.asterisk.mailbox_spool import Kept
from orchestrator.model.hold import holder
from orchestrator.retention.places import Places
from orchestrator.retention.sound import AT_ONCE, Removed, drop_recordings, remove_file
from orchestrator.secrets import Secrets
from orchestrator.storage.purge import Scope, TenantData


def clear_tenant(data: TenantData, scope: Scope, places: Places) -> str:
    """Everything that is the tenant's. Returns: what beside recordings, messages and calls went, in words.

    Raises: OrchestratorError: something can't be removed; what went before is gone.
    """
    clear_held(data, scope, places, remove_messages=False)
    for spool in places.spools:
        spool.remove(scope.tenant, keep=lambda kept: not goes(kept, scope))
    data.drop_messages(scope)
    more = {
        "kept by switches": sum(forget(database, scope.tenant) for database in places.databases),
        "generations": _forget_configurations(scope.tenant, places),
        "secrets": Secrets.open(places.secrets_file).forget(scope.tenant),
    }
    return "".join(f", {name}: {number}" for name, number in more.items() if number)


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


def _forget_configurations(tenant: str, places: Places) -> int:
    number = 0
    for paths in places.switches:
        number += forget_tenant(paths, tenant)
        forget_phones(paths, tenant)
    if places.cache is not None:
        for path in places.cache.glob("*"):
            if path.is_file():
                remove_file(path)
    return number
