"""A recording's copy in an object store, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrator.model.call import Systemname

CopyState = Literal["waiting", "kept", "away", "removing"]
"""waiting: not there yet, or not verified. kept: verified, the local file is there too. away: verified, the
local file is gone. removing: it has to go from the store, and nothing else is left of the recording."""


@dataclass(frozen=True, slots=True)
class RecordingCopy:
    """Args: store: where, as `ObjectStore.url`. object: its key there. next_at: when to try again.

    stored_at: when it was verified. note: why the last attempt failed.
    """

    systemname: Systemname
    uniqueid: str
    tenant: str
    store: str
    object: str
    state: CopyState = "waiting"
    attempts: int = 0
    next_at: datetime | None = None
    stored_at: datetime | None = None
    note: str = ""
