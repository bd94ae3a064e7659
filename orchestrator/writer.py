"""The one thread that owns the store: heartbeats, reconciliation, and what follows a call's end.

Everything that waits for it is bounded: the latest snapshot, one due time, and the calls that ended. What
doesn't fit is found by the next reconciliation, because the truth is the switch's own record.

Telephony comes first: the thread runs at a lower priority than the switch, and rests after each pass for a
multiple of what the pass took, so that under load each pass settles more calls and a call costs less.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from orchestrator.errors import OrchestratorError
from orchestrator.model.call import LiveChannel
from orchestrator.ports import Clock

NICER = 10
"""By how much less than the process's own the thread's priority is: at 10, a tenth of a contended core."""

_log = structlog.get_logger("vpbx.writer")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was up at one moment. Args: started_at: when the switch's present run began."""

    channels: tuple[LiveChannel, ...]
    taken_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What one reconciliation did. Args: posted: new charges by path. quarantined: records set aside."""

    posted: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    unrated: int = 0


class Books(Protocol):
    """What the writer thread works on. Made, used and closed in that thread only."""

    def reconcile(self, prompted: bool) -> Settled:
        """Charge what the switch's record says.

        Args: prompted: it follows from an event, at once or settling.
        """
        ...

    def heartbeat(self, snapshot: Snapshot) -> None:
        """Note what is up."""
        ...

    def calls_ended(self, linkedids: Sequence[str]) -> int:
        """Finish what belongs to calls that are over, such as recordings.

        Args: linkedids: none after a pass that no event asked for: then what was left is looked for.
        Returns: recordings lost.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Cadence:
    """Seconds. Args: prompt_s: from a call's end to its charge; ends within it are charged together.

    settle_s: once more after that, for what the switch wrote late. regular_s: without any event.
    retry_s: after a failure. rest: times a pass's own length until the next one that an event asks for, but
    no longer than `longest_rest_s`.
    """

    prompt_s: float = 0.25
    settle_s: float = 2.0
    regular_s: float = 60.0
    retry_s: float = 5.0
    rest: float = 9.0
    longest_rest_s: float = 2.0


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """How the writer stands.

    Args: reconciled_at: end of the last whole reconciliation. error: of the last failure, until a success.
    ends_dropped: ended calls that found no room.
    """

    reconciled_at: datetime | None = None
    error: str = ""
    failures: int = 0
    posted: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    unrated: int = 0
    recordings_lost: int = 0
    ends_dropped: int = 0


class Writer:
    """Args: open_books: called in the thread, again after a failure to open."""

    def __init__(
        self,
        open_books: Callable[[], Books],
        clock: Clock,
        cadence: Cadence | None = None,
        most_ends: int = 10_000,
    ) -> None:
        self._open_books = open_books
        self._clock = clock
        self._cadence = cadence or Cadence()
        self._wakeup = threading.Condition()
        self._due = time.monotonic()
        self._prompted = False
        self._settling = False
        self._rested = self._due
        self._snapshot: Snapshot | None = None
        self._ended: deque[str] = deque(maxlen=most_ends)
        self._stopping = False
        self._books: Books | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="vpbx-writer", daemon=True)
        self.status = WriterStatus()

    @property
    def waiting(self) -> int:
        """Ended calls that wait for their finish."""
        return len(self._ended)

    @property
    def busy_s(self) -> float:
        """How long the present piece of work has been going on; 0 between two.

        Opening the books doesn't count: it may bring the schema up, which nothing should cut off.
        """
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Reconcile once more and end.

        Returns: False when the deadline passed; nothing is half written even so.
        """
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def reconcile_soon(self) -> None:
        """An event says that there is something to charge."""
        with self._wakeup:
            self._prompted = True
            soon = max(time.monotonic() + self._cadence.prompt_s, self._rested)
            self._due = min(self._due, soon)
            self._wakeup.notify()

    def beat(self, snapshot: Snapshot) -> None:
        """A snapshot; a newer one replaces one that still waits."""
        with self._wakeup:
            self._snapshot = snapshot
            self._wakeup.notify()

    def call_ended(self, linkedid: str) -> None:
        """A call is over. It is finished after the next reconciliation, which knows its legs."""
        with self._wakeup:
            if len(self._ended) == self._ended.maxlen:
                self.status = replace(self.status, ends_dropped=self.status.ends_dropped + 1)
            self._ended.append(linkedid)
        self.reconcile_soon()

    def _run(self) -> None:
        _step_back()
        while self._wait():
            self._guarded("heartbeat", self._beat)
            if time.monotonic() >= self._due:
                began = time.monotonic()
                self._guarded("reconcile", self._reconcile)
                self._rest(time.monotonic() - began)
        self._guarded("heartbeat", self._beat)
        self._guarded("reconcile", self._reconcile)
        if self._books is not None:
            self._guarded("close", self._books.close)

    def _wait(self) -> bool:
        """Wait for work. Returns: False when the thread shall end."""
        with self._wakeup:
            while not self._stopping and self._snapshot is None and time.monotonic() < self._due:
                self._wakeup.wait(self._due - time.monotonic())
            return not self._stopping

    def _rest(self, took_s: float) -> None:
        """No event shortens the rest; the due time of a pass that is asked for already is moved on."""
        with self._wakeup:
            rest_s = min(self._cadence.longest_rest_s, self._cadence.rest * took_s)
            self._rested = time.monotonic() + rest_s
            if self._prompted:
                self._due = max(self._due, self._rested)

    def _guarded(self, work: str, do: Callable[[], None]) -> None:
        self._busy_since = time.monotonic()
        try:
            do()
        except OrchestratorError as error:
            self._failed(work, error.message)
        except Exception as error:  # noqa: BLE001 - a fault in one run must not end the thread
            _log.exception("writer-fault", work=work)
            self._failed(work, f"{work}: {type(error).__name__}: {error}")
        finally:
            self._busy_since = None

    def _failed(self, work: str, message: str) -> None:
        if message != self.status.error:
            _log.error("writer-failed", work=work, error=message)
        self.status = replace(self.status, error=message, failures=self.status.failures + 1)
        if work == "reconcile":
            with self._wakeup:
                self._due = time.monotonic() + self._cadence.retry_s

    def _opened(self) -> Books:
        if self._books is None:
            self._busy_since = None
            self._books = self._open_books()
            self._busy_since = time.monotonic()
        return self._books

    def _beat(self) -> None:
        with self._wakeup:
            snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            self._opened().heartbeat(snapshot)

    def _reconcile(self) -> None:
        with self._wakeup:
            asked, self._prompted = self._prompted, False
            prompted = asked or self._settling
            self._settling = asked
            ended = tuple(dict.fromkeys(self._ended))
            self._ended.clear()
            pause_s = self._cadence.settle_s if asked else self._cadence.regular_s
            self._due = time.monotonic() + pause_s
        try:
            self._note(self._opened().reconcile(prompted))
            if ended or not asked:
                lost = self._opened().calls_ended(ended)
                self.status = replace(self.status, recordings_lost=self.status.recordings_lost + lost)
        except BaseException:
            self._put_back(ended)
            raise

    def _note(self, settled: Settled) -> None:
        posted = dict(self.status.posted)
        for path, number in settled.posted.items():
            posted[path] = posted.get(path, 0) + number
        self.status = replace(
            self.status,
            reconciled_at=self._clock.now(),
            error="",
            posted=posted,
            quarantined=self.status.quarantined + settled.quarantined,
            unrated=settled.unrated,
        )

    def _put_back(self, ended: Sequence[str]) -> None:
        with self._wakeup:
            room = (self._ended.maxlen or 0) - len(self._ended)
            self._ended.extendleft(reversed(ended[-room:] if room else ()))


def _step_back() -> None:
    """Let the switch, and this process's own reading of events, go first on a busy machine."""
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICER)
    except OSError as error:
        _log.warning("writer-priority", error=error.strerror)
