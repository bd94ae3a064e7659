"""Recorders renewed on channels that talk to somebody else since an attended transfer, or after music.

Asterisk 22.10 as Debian builds it keeps the RTP sequence number of whoever spoke last inside a channel's
recorder, and takes the next speaker's packets for late ones as often as not: the caller hears them, the
recording doesn't. Music, whose packets have no number, is such a speaker too. A recorder that is attached
anew has no such memory. Blind transfers pass the dialplan, which does it (`vpbx-record-on`); attended ones
don't, nor does the end of music, so the listener does it over AMI.

The old recorder goes with the next packet that it can take. When the outside party sends none and the new
speaker's are all taken for late, it stays, and so does the memory: hence the look at what was written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.errors import ActionFailed, OrchestratorError

FILE_VARIABLE = "VPBX_RECORDING"
"""The channel variable by which the dialplan says that a channel is recorded, and the recording's name."""

_FILE = re.compile(r"[A-Za-z0-9]{1,64}-[0-9]{1,11}\.[0-9]{1,10}\.raw")

_log = structlog.get_logger("vpbx.recorders")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. Args: release_s: from stop to start, for the old recorder to go: several packets of 20 ms.

    look_after_s: from a start to the look at what it wrote, once for each attempt; the switch writes 32 KiB
    at once, 2.05 s of a side. retry_s: after an action that failed, so many times as there are.
    """

    release_s: float = 0.1
    look_after_s: tuple[float, ...] = (3.0, 4.0, 6.0, 12.0)
    retry_s: tuple[float, ...] = (0.2, 1.0, 3.0)


class Written(Protocol):
    """What recorders have written so far, by the name of the file below the switch's monitor directory."""

    def size(self, file: str) -> int:
        """Bytes so far."""
        ...

    def hears_inside(self, file: str, beyond: int) -> bool:
        """Whether the inside party is heard after so many bytes. True when the file is gone: no more call."""
        ...


@dataclass(frozen=True, slots=True)
class RecordersStatus:
    """What was done. Args: renewed: recorders attached anew. failed: channels that were given up."""

    renewed: int = 0
    failed: int = 0


class Recorders:
    """Renews recorders beside everything else; a call is never touched otherwise.

    Args: login: asked before each session. most: channels in work at once; more are given up. sessions: AMI
    sessions at once.
    """

    def __init__(
        self,
        login: Callable[[], AmiLogin],
        written: Written,
        *,
        deadlines: Deadlines | None = None,
        patience: Patience | None = None,
        most: int = 500,
        sessions: int = 10,
    ) -> None:
        self._login = login
        self._written = written
        self._deadlines = deadlines or Deadlines()
        self._patience = patience or Patience()
        self._most = most
        self._sessions = asyncio.Semaphore(sessions)
        self._stopping = asyncio.Event()
        self._work: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, asyncio.Event] = {}
        self.status = RecordersStatus()

    def renew(self, uniqueids: Collection[str]) -> None:
        """Renew the recorders of those channels that have one. Returns at once."""
        for uniqueid in uniqueids:
            if uniqueid in self._work:
                self._again[uniqueid].set()
            elif self._stopping.is_set() or len(self._work) >= self._most:
                self._gave_up(uniqueid, "too much to do")
            else:
                self._again[uniqueid] = asyncio.Event()
                self._work[uniqueid] = asyncio.create_task(self._follow(uniqueid))

    async def stop(self, deadline_s: float) -> None:
        """Begin nothing more, and wait for what was begun: a recorder that was stopped is started."""
        self._stopping.set()
        for again in self._again.values():
            again.set()
        if self._work:
            _, late = await asyncio.wait(self._work.values(), timeout=deadline_s)
            for task in late:
                task.cancel()

    async def _follow(self, uniqueid: str) -> None:
        """Renew one channel's recorder until it hears, with patience."""
        try:
            waits = list(self._patience.look_after_s)
            while waits:
                before = await self._renewed(uniqueid)
                if before is None:
                    return
                again = await self._waited(uniqueid, waits.pop(0))
                if self._stopping.is_set():
                    return
                if again:
                    waits = list(self._patience.look_after_s)
                    continue
                heard = await asyncio.to_thread(self._written.hears_inside, *before)
                if heard and not self._again[uniqueid].is_set():
                    return
            _log.info("recorder-hears-nobody", uniqueid=uniqueid)
        except Exception as error:  # noqa: BLE001 - a fault here costs one recording a piece, and is told
            _log.exception("recorder-fault")
            self._gave_up(uniqueid, f"{type(error).__name__}: {error}")
        finally:
            del self._work[uniqueid], self._again[uniqueid]

    async def _renewed(self, uniqueid: str) -> tuple[str, int] | None:
        """Attach a channel's recorder anew. Returns: its file and that file's size; None: nothing to do."""
        reason = ""
        for wait_s in (*self._patience.retry_s, 0.0):
            try:
                async with self._sessions, AmiSwitch(self._login(), self._deadlines) as switch:
                    return await self._renew_on(switch, uniqueid)
            except OrchestratorError as error:
                reason = error.message
            await asyncio.sleep(wait_s)
        self._gave_up(uniqueid, reason)
        return None

    async def _renew_on(self, switch: AmiSwitch, uniqueid: str) -> tuple[str, int] | None:
        try:
            file = await switch.channel_variable(uniqueid, FILE_VARIABLE)
            if not _FILE.fullmatch(file):
                return None
            try:
                await switch.stop_recorder(uniqueid)
            except ActionFailed:
                _log.info("recorder-was-stopped", uniqueid=uniqueid)  # by an attempt that got no further
            await asyncio.sleep(self._patience.release_s)
            size = await asyncio.to_thread(self._written.size, file)
            await switch.start_recorder(uniqueid, file)
        except ActionFailed:
            if uniqueid not in {channel.uniqueid for channel in await switch.channels()}:
                return None  # the call is over: nothing misses
            raise
        self.status = replace(self.status, renewed=self.status.renewed + 1)
        return file, size

    async def _waited(self, uniqueid: str, wait_s: float) -> bool:
        """Wait, unless the listener stops. Returns: whether the channel was transferred once more."""
        again = self._again[uniqueid]
        try:
            async with asyncio.timeout(wait_s):
                await again.wait()
        except TimeoutError:
            return False
        again.clear()
        return True

    def _gave_up(self, uniqueid: str, reason: str) -> None:
        self.status = replace(self.status, failed=self.status.failed + 1)
        _log.error("recorder-not-renewed", uniqueid=uniqueid, reason=reason)
