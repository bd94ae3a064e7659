"""`vpbx listen`: the switch's events followed, its live calls noted, every call charged from its record.

    events over AMI -> bounded queue -> consumer: something is to be charged
                                            -> writer thread: record -> legs, charges -> ledger
    snapshots over a second session -> heartbeats of live calls, and ends that were missed

Killed at any moment it loses nothing: the record is the switch's own, and the place reached in it is
committed with the charges.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.stream import AmiState, EventStream, Retries
from orchestrator.consumer import Consumer
from orchestrator.errors import OrchestratorError
from orchestrator.health import Figures
from orchestrator.model.call import Systemname
from orchestrator.ports import Clock
from orchestrator.writer import Snapshot, Writer

_BREATH = 200
"""Events after which other tasks get their turn, however full the queue is."""

_log = structlog.get_logger("vpbx.listen")


class UtcClock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. Args: snapshot_every_s: between heartbeats. stop_s: for each part to end after SIGTERM.

    stale_s: a reconciliation longer ago than this is a problem.
    """

    snapshot_every_s: float = 5.0
    stop_s: float = 10.0
    stale_s: float = 180.0


class Listener:
    """Follows one node's switch until stopped.

    Args: login: asked before each attempt. systemname: what the switch calls itself if it is ours.
    """

    def __init__(
        self,
        node: str,
        systemname: Systemname,
        login: Callable[[], AmiLogin],
        writer: Writer,
        *,
        clock: Clock | None = None,
        pace: Pace | None = None,
        deadlines: Deadlines | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._node = node
        self._systemname = systemname
        self._login = login
        self._writer = writer
        self._clock = clock or UtcClock()
        self._pace = pace or Pace()
        self._deadlines = deadlines or Deadlines()
        self._stream = EventStream(login, deadlines=self._deadlines, retries=retries)
        self._reader = EventReader(systemname)
        self._look_now = asyncio.Event()
        self._stopping = asyncio.Event()
        self._calls_up = 0
        self._started_at = self._clock.now()
        self._snapshot_error = ""
        self._consumer = Consumer(
            self._reader,
            self._clock,
            ask_reconcile=writer.reconcile_soon,
            call_ended=writer.call_ended,
            on_resync=self._look_now.set,
        )

    async def run(self) -> None:
        """Follow the switch until `stop`, then take what is in the queue and let the writer finish."""
        self._writer.start()
        following = [
            asyncio.create_task(self._stream.run(), name="stream"),
            asyncio.create_task(self._consume(), name="consume"),
            asyncio.create_task(self._watch(), name="watch"),
        ]
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({stopping, *following}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            stopping.cancel()
            await self._drain(following)

    def stop(self) -> None:
        """End orderly; may be called from a signal handler of the loop."""
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """Make SIGTERM and SIGINT mean `stop`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    def figures(self) -> Figures:
        """How it stands; any thread may ask."""
        ami, writer, consumer = self._stream.status, self._writer.status, self._consumer.status
        messages, events = self._stream.counts, self._reader.counts
        problems = self._problems()
        return Figures(
            node=self._node,
            ami=ami.state.value,
            ami_since=ami.since,
            last_event_at=consumer.last_event_at,
            last_reconcile_at=writer.reconciled_at,
            last_error=writer.error or self._snapshot_error or ami.error,
            problems=problems,
            lag_s=consumer.lag_s,
            queue_depth=self._stream.waiting,
            calls_up=self._calls_up,
            events=events.events,
            forged=messages.forged + messages.fragments + events.forged,
            failed=messages.failed + consumer.failed,
            held_back=ami.held_back,
            sessions=ami.sessions,
            oversized=messages.oversized,
            posted=writer.posted,
            unrated=writer.unrated,
            quarantined=writer.quarantined,
            recordings_lost=writer.recordings_lost,
            writer_failures=writer.failures,
        )

    def _problems(self) -> tuple[str, ...]:
        ami, writer = self._stream.status, self._writer.status
        since = writer.reconciled_at or self._started_at
        stale = (self._clock.now() - since).total_seconds() > self._pace.stale_s
        found = {
            f"AMI is {ami.state.value}: {ami.error}": ami.state is not AmiState.UP,
            f"snapshots fail: {self._snapshot_error}": bool(self._snapshot_error),
            f"the last write failed: {writer.error}": bool(writer.error),
            "the switch's record was not read for too long": stale,
        }
        return tuple(text.removesuffix(": ") for text, wrong in found.items() if wrong)

    async def _consume(self) -> None:
        while True:
            for _ in range(_BREATH):
                self._consumer.take(await self._stream.next())
            await asyncio.sleep(0)

    async def _watch(self) -> None:
        """Take snapshots while the event session is up, over a session of their own."""
        while True:
            await self._look_now.wait()
            try:
                async with AmiSwitch(self._login(), self._deadlines) as switch:
                    await self._watch_session(switch)
            except OrchestratorError as error:
                self._snapshot_error = error.message
                _log.warning("snapshot-failed", error=error.message)
            except Exception as error:  # noqa: BLE001 - a fault in one snapshot must not end the daemon
                self._snapshot_error = f"{type(error).__name__}: {error}"
                _log.exception("snapshot-fault")
            self._look_now.clear()
            if self._stream.status.state is AmiState.UP:
                asyncio.get_running_loop().call_later(self._pace.snapshot_every_s, self._look_now.set)

    async def _watch_session(self, switch: AmiSwitch) -> None:
        status = await switch.status()
        if status.systemname != self._systemname:
            raise OrchestratorError(
                f"the switch calls itself {status.systemname!r}: it isn't this project's",
                "apply the configuration, or correct the node's ami: address",
            )
        first = True
        while True:
            self._look_now.clear()
            taken_at = self._clock.now()
            channels = await switch.channels()
            self._snapshot_error = ""
            self._calls_up = len({channel.linkedid for channel in channels})
            self._writer.beat(Snapshot(channels, taken_at, status.started_at))
            self._consumer.confirm({channel.uniqueid for channel in channels}, taken_at)
            if first:
                self._writer.reconcile_soon()
                first = False
            try:
                async with asyncio.timeout(self._pace.snapshot_every_s):
                    await self._look_now.wait()
            except TimeoutError:
                continue

    async def _drain(self, following: list[asyncio.Task[None]]) -> None:
        """Stop reading, finish what was read, and let the writer reconcile once more; with a deadline."""
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        while self._stream.waiting:
            self._consumer.take(await self._stream.next())
        ended = await asyncio.to_thread(self._writer.stop, self._pace.stop_s)
        if not ended:
            _log.warning("writer-still-busy", after_s=self._pace.stop_s, note="nothing is half written")
        _log.info("stopped")
