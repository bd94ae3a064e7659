"""What an apply is in the middle of, and what waits to be confirmed: small files that outlive the process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.durable import replace_file, sync_directory
from orchestrator.errors import ApplyFailed
from orchestrator.project import SwitchPaths

_INTENT, _PENDING = "apply.json", "pending.json"
_MODE = 0o640
_DAMAGED = {
    _INTENT: "remove it and start the switch anew (vpbx switch stop, start), then vpbx apply",
    _PENDING: "remove it; vpbx history shows what is live",
}

_Noted = TypeVar("_Noted")


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
    """Of one node. Only who holds the apply lock writes.

    Raises: ApplyFailed: a file of it can't be written or read, or is damaged.
    """

    def __init__(self, paths: SwitchPaths) -> None:
        self._root = paths.root

    @property
    def intent_file(self) -> Path:
        return self._root / _INTENT

    def begin(self, intent: Intent) -> None:
        _write(self._root / _INTENT, {"before": intent.before, "after": intent.after})

    def end(self) -> None:
        _drop(self._root / _INTENT)

    def intent(self) -> Intent | None:
        """What a dead apply left unfinished."""
        return _read(self._root / _INTENT, _intent)

    def wait_for_confirmation(self, pending: Pending) -> None:
        deadline = None if pending.deadline is None else pending.deadline.isoformat()
        _write(self._root / _PENDING, {**asdict(pending), "deadline": deadline})

    def confirmed(self) -> None:
        _drop(self._root / _PENDING)

    def pending(self) -> Pending | None:
        return _read(self._root / _PENDING, _pending)


def _write(path: Path, told: dict[str, object]) -> None:
    with _on(path):
        replace_file(path, json.dumps(told).encode(), _MODE)


def _drop(path: Path) -> None:
    with _on(path):
        path.unlink(missing_ok=True)
        sync_directory(path.parent)


def _intent(told: Any) -> Intent:
    return Intent(int(told["before"]), int(told["after"]))


def _pending(told: Any) -> Pending:
    deadline = told["deadline"]
    return Pending(
        int(told["generation"]),
        int(told["before"]),
        int(told["within_s"]),
        None if deadline is None else datetime.fromisoformat(deadline),
    )


@contextmanager
def _on(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ApplyFailed(f"{path}: {error.strerror}", "check space and rights there") from error


def _read(path: Path, made: Callable[[Any], _Noted]) -> _Noted | None:
    if not path.exists():
        return None
    try:
        with _on(path):
            return made(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ApplyFailed(f"{path}: damaged ({type(error).__name__})", _DAMAGED[path.name]) from error
