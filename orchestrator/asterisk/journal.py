"""What an apply is in the middle of, and what waits to be confirmed: small files that outlive the process."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.project import SwitchPaths

_INTENT, _PENDING = "apply.json", "pending.json"


@dataclass(frozen=True, slots=True)
class Intent:
    """An apply that has begun to touch the switch. Args: before: generation to go back to; 0: none."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A generation that goes away again unless somebody confirms it.

    Args: before: generation that comes back. within_s: to be confirmed in. deadline: aware UTC; None: it is
    being applied, or the apply died, and the time hasn't begun.
    """

    generation: int
    before: int
    within_s: int
    deadline: datetime | None = None


class Journal:
    """Of one node. Only who holds the apply lock writes."""

    def __init__(self, paths: SwitchPaths) -> None:
        self._root = paths.root

    def begin(self, intent: Intent) -> None:
        _write(self._root / _INTENT, {"before": intent.before, "after": intent.after})

    def end(self) -> None:
        _drop(self._root / _INTENT)

    def intent(self) -> Intent | None:
        """What a dead apply left unfinished."""
        told = _read(self._root / _INTENT)
        return None if told is None else Intent(int(told["before"]), int(told["after"]))

    def wait_for_confirmation(self, pending: Pending) -> None:
        deadline = None if pending.deadline is None else pending.deadline.isoformat()
        _write(self._root / _PENDING, {**asdict(pending), "deadline": deadline})

    def confirmed(self) -> None:
        _drop(self._root / _PENDING)

    def pending(self) -> Pending | None:
        told = _read(self._root / _PENDING)
        if told is None:
            return None
        deadline = told["deadline"]
        return Pending(
            int(told["generation"]),
            int(told["before"]),
            int(told["within_s"]),
            None if deadline is None else datetime.fromisoformat(deadline),
        )


def _write(path: Path, told: dict[str, object]) -> None:
    """Whole and synced, the directory entry too: it must be there after a power cut."""
    new = path.with_name(f".{path.name}")
    with new.open("w", encoding="utf-8") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    _sync(path.parent)


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return told
