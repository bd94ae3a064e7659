"""The switch's events as one bounded, ordered queue that outlives connections.

Nothing is replayed after a gap: each session begins with a `Resync`, on which the consumer takes stock anew.
When the queue is full the socket isn't read; the switch then waits or hangs up: a gap like any other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from panoramisk.message import Message

from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.protocol import StreamCounts
from orchestrator.errors import AmiRefused, OrchestratorError
from orchestrator.log import Log

_log = Log("vpbx.ami")


@dataclass(frozen=True, slots=True)
class Resync:
    """Events before this point may be missing: a session has begun."""

    at: datetime


StreamItem = Message | Resync


class AmiState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Retries:
    """Seconds between attempts: doubled up to the longest, each shortened at random by up to half.

    Args: refused_s: after a wrong user or secret. settled_s: a session of this length starts the count anew.
    """

    first_s: float = 0.5
    longest_s: float = 15.0
    refused_s: float = 30.0
    settled_s: float = 10.0

    def delay_s(self, failures: int, chance: float) -> float:
        """Args: failures: in a row, 1 or more. chance: 0 to 1.

        >>> [Retries().delay_s(n, 0.0) for n in (1, 2, 3, 20)]
        [0.5, 1.0, 2.0, 15.0]
        """
        return min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 16)) * (1 - chance / 2)


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How the stream stands.

    Args: since: when the state began. error: why the last session ended or none began. sessions: so far.
    held_back: how often the full queue stopped the reading.
    """

    state: AmiState
    since: datetime
    error: str = ""
    sessions: int = 0
    held_back: int = 0


class EventStream:
    """Events of one switch, in order, over as many sessions as it takes.

    Args:
        login: asked before each attempt, so that a new secret is found without a restart.
        depth: items the queue holds.
    """

    def __init__(
        self,
        login: Callable[[], AmiLogin],
        *,
        events: str = "call",
        depth: int = 10_000,
        deadlines: Deadlines | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._login = login
        self._events = events
        self._depth = depth
        self._deadlines = deadlines or Deadlines()
        self._retries = retries or Retries()
        self._queue: asyncio.Queue[StreamItem] = asyncio.Queue()
        self._drained = asyncio.Event()
        self._connection: AmiConnection | None = None
        self._holding = False
        self.counts = StreamCounts()
        self.status = StreamStatus(AmiState.CONNECTING, datetime.now(UTC))

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return self._queue.qsize()

    async def next(self) -> StreamItem:
        """The next item. One consumer only."""
        item = await self._queue.get()
        if self._queue.qsize() <= self._depth // 2:
            self._drained.set()
            if self._holding:
                self._holding = False
                if self._connection is not None:
                    self._connection.resume()
        return item

    async def run(self) -> None:
        """Keep a session open until cancelled."""
        failures = 0
        while True:
            await self._room()
            began = asyncio.get_running_loop().time()
            try:
                refused, error = False, await self._session()
            except AmiRefused as problem:
                refused, error = True, problem.message
            except OrchestratorError as problem:
                refused, error = False, problem.message
            lived_s = asyncio.get_running_loop().time() - began
            failures = 1 if lived_s >= self._retries.settled_s else failures + 1
            self._note(AmiState.REFUSED if refused else AmiState.DOWN, error)
            if refused:
                await asyncio.sleep(self._retries.refused_s)
            else:
                await asyncio.sleep(self._retries.delay_s(failures, random.random()))

    async def _session(self) -> str:
        """Returns: why the session ended. Raises: AmiUnreachable, AmiRefused: it didn't begin."""
        announced = False

        def announce() -> None:
            nonlocal announced
            if not announced:
                announced = True
                self._queue.put_nowait(Resync(datetime.now(UTC)))

        def take(message: Message) -> bool:
            announce()
            self._queue.put_nowait(message)
            if self._queue.qsize() < self._depth:
                return True
            self._holding = True
            self._drained.clear()
            self.status = replace(self.status, held_back=self.status.held_back + 1)
            return False

        self._connection = await AmiConnection.connect(
            self._login(),
            events=self._events,
            on_event=take,
            counts=self.counts,
            deadlines=self._deadlines,
        )
        try:
            announce()
            self._note(AmiState.UP, self.status.error)
            return await self._connection.wait_lost()
        finally:
            self._connection.close()
            self._connection = None
            self._holding = False

    async def _room(self) -> None:
        """Wait until the queue is half empty: a session that can't be read would be cut off at once."""
        if self._queue.qsize() > self._depth // 2:
            self._drained.clear()
            await self._drained.wait()

    def _note(self, state: AmiState, error: str) -> None:
        sessions = self.status.sessions + (state is AmiState.UP)
        if state is self.status.state and error == self.status.error:
            self.status = replace(self.status, sessions=sessions)
            return
        since = self.status.since if state is self.status.state else datetime.now(UTC)
        self.status = replace(self.status, state=state, since=since, error=error, sessions=sessions)
        if state is AmiState.UP:
            _log.info("ami-connected", sessions=sessions)
        else:
            _log.warning("ami-refused" if state is AmiState.REFUSED else "ami-down", error=error)
