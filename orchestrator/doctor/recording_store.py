"""The object store that recordings are sent to."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.doctor.finding import Check, Finding
from orchestrator.model.platform import RecordingStore

STORE = Check(
    "recording-store",
    "the store of `storage.recordings`: it answers and knows us; nothing is sent",
    "recordings stay on this machine until it takes them, and fill its disk",
    problem_when="it doesn't answer, or refuses the credentials",
)
CHECKS = (STORE,)


def check(store: RecordingStore | None, trouble: str) -> Iterator[Finding]:
    """Findings. Args: store: None: recordings are kept here. trouble: with it; empty: none."""
    if store is None:
        return
    if trouble:
        yield STORE.problem(trouble, "check storage.recordings, its credentials, and the store itself")
    else:
        yield STORE.ok(f"{store.url.partition('?')[0]} answers")
