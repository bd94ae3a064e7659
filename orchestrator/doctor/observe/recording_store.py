"""Whether the store of recordings lets us in."""

from __future__ import annotations

from orchestrator.candidate import WrittenSecretMissing, store_keys
from orchestrator.doctor.subject import Subject
from orchestrator.object_store import ObjectStore, StoreUnavailable

_NOBODYS = "vpbx-doctor"


def observe(subject: Subject) -> str:
    """What is wrong with it; empty: nothing, or recordings are kept here."""
    store = subject.definitions.platform.storage.store
    if store is None:
        return ""
    try:
        ObjectStore(store.url, store_keys(subject.project, store)).size(_NOBODYS)
    except (StoreUnavailable, WrittenSecretMissing) as error:
        return error.message
    return ""
