"""Recordings brought to an object store, and removed from it, from a thread of its own beside the writer.

The index is the truth: a copy is noted before anything of it is sent, is `kept` only when it was read back
and is the same to the byte, and only then may the local file go. A process that dies anywhere leaves a copy
that is sent once more under the same name, or removed once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from orchestrator.asterisk.file_lock import file_lock
from orchestrator.errors import OrchestratorError
from orchestrator.model.call import Systemname
from orchestrator.model.platform import RecordingStore
from orchestrator.model.recording import Recording
from orchestrator.model.recording_copy import CopyState, RecordingCopy
from orchestrator.object_store import ObjectStore, StoreUnavailable
from orchestrator.ports import Clock
from orchestrator.postman import next_attempt
from orchestrator.rounds import Rounds
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.store import SqlStore

FAILING_FROM = 3
"""Failures in a row from which on it is told."""

_GIVES_UP_ROUND = 5
_AT_ONCE = 200
_LOCK, _LOCK_S = ".courier.lock", 60.0
_SHORTEST_REST_S = 0.5

_log = structlog.get_logger("vpbx.courier")


class Depot(Protocol):
    """What the courier works with; asked at each round."""

    def wanted(self) -> RecordingStore | None:
        """Where recordings are to be sent; None: nowhere."""
        ...

    def open(self, url: str) -> ObjectStore:
        """A store by its URL. Raises: OrchestratorError: its credentials aren't where they should be."""
        ...


@dataclass(frozen=True, slots=True)
class CourierStatus:
    """Args: sent: copies verified. removed: objects removed. waiting: recordings that are here alone.

    failures: attempts that failed. error: of the last ones, once several failed in a row.
    """

    sent: int = 0
    removed: int = 0
    waiting: int = 0
    failures: int = 0
    error: str = ""


class Courier:
    """Args: directory: of recordings. open_store: called in the thread. every_s: between rounds."""

    def __init__(
        self,
        systemname: Systemname,
        directory: Path,
        open_store: Callable[[], SqlStore],
        depot: Depot,
        clock: Clock,
        every_s: float = 15.0,
    ) -> None:
        self._systemname = systemname
        self._directory = directory
        self._depot = depot
        self._clock = clock
        self._every_s = every_s
        self._in_a_row = self._failed_now = 0
        self._rounds = Rounds(
            "courier", open_store, lambda store: self.round(CopyIndex(store.database)), self._failed, every_s
        )
        self.status = CourierStatus()

    def start(self) -> None:
        self._rounds.start()

    def stop(self, deadline_s: float) -> bool:
        """End after what is being sent. Returns: whether it has ended in time; nothing is lost if not."""
        return self._rounds.stop(deadline_s)

    def round(self, index: CopyIndex) -> float:
        """Send, remove and let go what is due. Returns: seconds until the next round."""
        wanted, now = self._depot.wanted(), self._clock.now()
        if wanted is not None:
            while index.add_missing(self._systemname, wanted.url, now, _AT_ONCE) == _AT_ONCE:
                pass
        self._failed_now = 0
        for copy in index.removing(self._systemname, now, _AT_ONCE):
            if self._goes_on():
                self._remove(index, copy)
        for copy, item in index.due(self._systemname, "waiting", now, _AT_ONCE):
            if self._goes_on():
                self._send(index, copy, item, 0 if wanted is None else wanted.keep_local_days)
        for copy, item in index.due(self._systemname, "kept", now, _AT_ONCE):
            if self._goes_on():
                self._let_go(index, copy, item)
        return self._rest_s(index)

    def _goes_on(self) -> bool:
        """Whether there is a point in going on with this round."""
        return not self._rounds.stopping and self._failed_now < _GIVES_UP_ROUND

    def _rest_s(self, index: CopyIndex) -> float:
        self.status = replace(self.status, waiting=index.count(self._systemname).get("waiting", 0))
        next_at = index.next_at(self._systemname)
        if next_at is None or self._failed_now >= _GIVES_UP_ROUND:
            return self._every_s
        left_s = (next_at - self._clock.now()).total_seconds()
        return min(self._every_s, max(_SHORTEST_REST_S, left_s))

    def _send(self, index: CopyIndex, copy: RecordingCopy, item: Recording, keep_days: int) -> None:
        def do() -> None:
            store = self._depot.open(copy.store)
            store.put(copy.object, self._directory / item.file)
            differs = store.compare(copy.object, item.bytes or 0, item.sha256 or "")
            if differs:
                raise StoreUnavailable(f"{copy.store}: {copy.object} was sent, and {differs}", "")
            now = self._clock.now()
            kept = replace(
                copy, state="kept", stored_at=now, note="", next_at=now + timedelta(days=keep_days)
            )
            # Purged meanwhile it stands as `removing`, and the next round removes what was sent.
            index.keep(kept, "waiting")
            self.status = replace(self.status, sent=self.status.sent + 1)

        self._tried(index, copy, "waiting", do)

    def _remove(self, index: CopyIndex, copy: RecordingCopy) -> None:
        def do() -> None:
            self._depot.open(copy.store).remove(copy.object)
            index.forget(copy)
            self.status = replace(self.status, removed=self.status.removed + 1)

        self._tried(index, copy, "removing", do)

    def _let_go(self, index: CopyIndex, copy: RecordingCopy, item: Recording) -> None:
        """Remove a local file, if its copy is where it was verified; else it has to be sent once more."""

        def do() -> None:
            if self._depot.open(copy.store).size(copy.object) == item.bytes:
                (self._directory / item.file).unlink(missing_ok=True)
                index.keep(replace(copy, state="away", next_at=None, note=""), "kept")
                return
            _log.error("recording-copy-lost", tenant=copy.tenant, object=copy.object, note="sent once more")
            index.keep(replace(copy, state="waiting", next_at=self._clock.now()), "kept")

        self._tried(index, copy, "kept", do)

    def _tried(self, index: CopyIndex, copy: RecordingCopy, state: CopyState, do: Callable[[], None]) -> None:
        """Do it alone with the store; put it off when it fails."""
        try:
            with alone(self._directory):
                do()
        except OrchestratorError as error:
            self._put_off(index, copy, state, error.message)
        except OSError as error:
            self._put_off(index, copy, state, f"{error.filename}: {error.strerror}")
        else:
            self._in_a_row = self._failed_now = 0
            self.status = replace(self.status, error="")

    def _put_off(self, index: CopyIndex, copy: RecordingCopy, state: CopyState, why: str) -> None:
        attempts = copy.attempts + 1
        next_at = next_attempt(self._clock.now(), attempts)
        index.keep(replace(copy, attempts=attempts, next_at=next_at, note=why), state)
        _log.warning(
            "recording-put-off", tenant=copy.tenant, object=copy.object, error=why, attempts=attempts
        )
        self._failed(why)

    def _failed(self, why: str) -> None:
        self._in_a_row += 1
        self._failed_now += 1
        told = why if self._in_a_row >= FAILING_FROM else self.status.error
        self.status = replace(self.status, failures=self.status.failures + 1, error=told)


def remove_copies(
    index: CopyIndex, directory: Path, open_store: Callable[[str], ObjectStore], at: datetime, within_s: float
) -> int:
    """Remove what has to go from stores, of all switches, as far as the time lasts. Returns: how many went.

    Raises: OrchestratorError: a store doesn't answer; the listener goes on.
    """
    number, deadline = 0, time.monotonic() + within_s
    while time.monotonic() < deadline and (found := index.removing(None, at, _AT_ONCE)):
        for copy in found:
            if time.monotonic() >= deadline:
                break
            with alone(directory):
                open_store(copy.store).remove(copy.object)
                index.forget(copy)
            number += 1
    return number


def alone(directory: Path) -> AbstractContextManager[None]:
    """The only one that sends to stores or removes from them. Args: directory: of recordings."""
    return file_lock(directory / _LOCK, _LOCK_S, "sending recordings")
