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
    """An apply that has begun to touch the switch.

    Args:
        before: generation to go back to; 0: none.
        at: what the tenants' accounts are dated with once it is live, aware UTC; None: they don't follow it,
            or not yet.
        live: all is done on the switch, and the accounts alone remain.
    """

    before: int
    after: int
    at: datetime | None = None
    live: bool = False


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
        _write(self._root / _INTENT, {**asdict(intent), "at": _text(intent.at)})

    def end(self) -> None:
        _drop(self._root / _INTENT)

    def intent(self) -> Intent | None:
        """What a dead apply left unfinished."""
        return _read(self._root / _INTENT, _intent)

    def wait_for_confirmation(self, pending: Pending) -> None:
        _write(self._root / _PENDING, {**asdict(pending), "deadline": _text(pending.deadline)})

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
    return Intent(int(told["before"]), int(told["after"]), _moment(told.get("at")), told.get("live") is True)


def _pending(told: Any) -> Pending:
    return Pending(
        int(told["generation"]), int(told["before"]), int(told["within_s"]), _moment(told["deadline"])
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


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
