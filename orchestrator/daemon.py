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
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.stream import AmiState, EventStream, Retries
from orchestrator.balance_watch import BalanceWatch, WatchStatus
from orchestrator.consumer import Consumer
from orchestrator.courier import Courier, CourierStatus
from orchestrator.credit_control import CreditControl, CreditStatus
from orchestrator.debt_keeper import DebtKeeper
from orchestrator.errors import OrchestratorError
from orchestrator.health import Figures
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.ports import Clock
from orchestrator.postman import Postman, PostmanStatus
from orchestrator.quota_keeper import QuotaKeeper
from orchestrator.recorders import Recorders, RecordersStatus
from orchestrator.registrations import RegistrationWatch
from orchestrator.systemd import READY, STOPPING, WATCHDOG, ServiceManager, status_line
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

    stale_s: a reconciliation longer ago than this is a problem. stuck_s: a writer that has been at one piece
    of work for so long isn't going to end it: the service manager may start the listener anew. tell_every_s:
    at most, between two words to the service manager.
    """

    snapshot_every_s: float = 5.0
    stop_s: float = 10.0
    stale_s: float = 180.0
    stuck_s: float = 600.0
    tell_every_s: float = 10.0


class Listener:
    """Follows one node's switch until stopped.

    Args: login: asked before each attempt. systemname: what the switch calls itself if it is ours. recorders:
    renewed after attended transfers; None: they are left alone. postman: sends messages that callers leave;
    None: nobody does. courier: brings recordings to a store; None: nobody does. registrations: looked at with
    each snapshot; None: they aren't. credit: says how long calls of bounded accounts last; None: nobody does.
    balances: warns of low ones; None: nobody does.
    debts: bars calls of who owes, where there is `credit`; None: nobody does.
    """

    def __init__(
        self,
        node: str,
        systemname: Systemname,
        login: Callable[[], AmiLogin],
        writer: Writer,
        *,
        recorders: Recorders | None = None,
        postman: Postman | None = None,
        courier: Courier | None = None,
        registrations: RegistrationWatch | None = None,
        credit: CreditControl | None = None,
        balances: BalanceWatch | None = None,
        debts: DebtKeeper | None = None,
        clock: Clock | None = None,
        pace: Pace | None = None,
        deadlines: Deadlines | None = None,
        retries: Retries | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        self._node = node
        self._systemname = systemname
        self._login = login
        self._writer = writer
        self._recorders = recorders
        self._postman = postman
        self._courier = courier
        self._registrations = registrations
        self._credit = credit
        self._balances = balances
        self._debts = debts
        self._clock = clock or UtcClock()
        self._pace = pace or Pace()
        self._deadlines = deadlines or Deadlines()
        self._manager = manager or ServiceManager()
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
            on_resync=self._on_resync,
            renew_recorders=recorders.renew if recorders is not None else _leave,
            message_left=postman.look if postman is not None else _nobody,
            noted=credit.note if credit is not None else _forget,
        )

    async def run(self) -> None:
        """Follow the switch until `stop`, then take what is in the queue and let the writer finish."""
        self._writer.start()
        if self._postman is not None:
            self._postman.start()
        if self._courier is not None:
            self._courier.start()
        if self._balances is not None:
            self._balances.start()
        following = [
            asyncio.create_task(self._stream.run(), name="stream"),
            asyncio.create_task(self._consume(), name="consume"),
            asyncio.create_task(self._watch(), name="watch"),
            asyncio.create_task(self._keep_manager(), name="manager"),
        ]
        if self._credit is not None:
            keeper = QuotaKeeper(
                self._credit,
                self._login,
                self._clock,
                lambda: self._writer.status.reconciled_at,
                self._deadlines,
                self._debts,
            )
            following.append(asyncio.create_task(keeper.run(), name="quotas"))
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({stopping, *following}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            stopping.cancel()
            self._manager.tell(STOPPING, status_line("taking what is left, then ending"))
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
        recorders = RecordersStatus() if self._recorders is None else self._recorders.status
        mail = PostmanStatus() if self._postman is None else self._postman.status
        credit = CreditStatus() if self._credit is None else self._credit.status
        warned = WatchStatus() if self._balances is None else self._balances.status
        sound = CourierStatus() if self._courier is None else self._courier.status
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
            recorders_renewed=recorders.renewed,
            recorders_failed=recorders.failed,
            writer_failures=writer.failures,
            messages_mailed=mail.sent,
            messages_given_up=mail.given_up,
            credit_asked=credit.asked,
            credit_refused=credit.refused,
            credit_prolonged=credit.prolonged,
            warnings_sent=warned.sent,
            warnings_failed=warned.failed,
            warnings_given_up=warned.given_up,
            tenants_barred=0 if self._debts is None else self._debts.barred,
            recordings_sent=sound.sent,
            recordings_waiting=sound.waiting,
            recordings_not_sent=sound.failures,
        )

    def _problems(self) -> tuple[str, ...]:
        ami, writer = self._stream.status, self._writer.status
        since = writer.reconciled_at or self._started_at
        stuck_s = self._writer_stuck_s()
        credit_error = "" if self._credit is None else self._credit.status.error
        mail_error = "" if self._postman is None else self._postman.status.error
        warned_error = "" if self._balances is None else self._balances.status.error
        sound_error = "" if self._courier is None else self._courier.status.error
        stale = (self._clock.now() - since).total_seconds() > self._pace.stale_s
        found = {
            f"AMI is {ami.state.value}: {ami.error}": ami.state is not AmiState.UP,
            f"snapshots fail: {self._snapshot_error}": bool(self._snapshot_error),
            f"the last write failed: {writer.error}": bool(writer.error),
            "the switch's record was not read for too long": stale,
            f"the writer has been at one piece of work for {stuck_s:.0f} s": stuck_s > 0,
            "the writer has ended": not self._writer.running,
            f"messages are not sent: {mail_error}": bool(mail_error),
            f"low balances are not told: {warned_error}": bool(warned_error),
            f"what tenants may spend can't be asked: {credit_error}": bool(credit_error),
            f"recordings are not sent to their store: {sound_error}": bool(sound_error),
        }
        lost = () if self._registrations is None else self._registrations.problems
        return (*(text.removesuffix(": ") for text, wrong in found.items() if wrong), *lost)

    def _writer_stuck_s(self) -> float:
        """How long the writer has been stuck; 0 when it isn't."""
        busy_s = self._writer.busy_s
        return busy_s if busy_s > self._pace.stuck_s else 0.0

    def _on_resync(self) -> None:
        self._look_now.set()
        if self._credit is not None:
            self._credit.events_missed()

    async def _keep_manager(self) -> None:
        """Tell the service manager that we are ready, and from then on that we are well.

        Being on the event loop this says nothing when the loop hangs; it is silent on purpose when the writer
        hangs or has ended. A switch or a database that isn't there is no reason: a new start won't bring it.
        """
        self._manager.tell(READY, status_line(self._state()))
        watchdog_s = self._manager.watchdog_s
        every_s = min(self._pace.tell_every_s, watchdog_s / 3) if watchdog_s else self._pace.tell_every_s
        while True:
            well = self._writer.running and not self._writer_stuck_s()
            self._manager.tell(*([WATCHDOG] if well else []), status_line(self._state()))
            await asyncio.sleep(every_s)

    def _state(self) -> str:
        """How it stands, in one line."""
        problems = self._problems()
        if problems:
            return "; ".join(problems)
        posted = sum(self._writer.status.posted.values())
        return f"following {self._node}: {self._calls_up} call(s) up, {posted} charge(s) posted"

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
            if self._registrations is not None:
                self._registrations.take(await switch.trunk_registrations())
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
        if self._recorders is not None:
            await self._recorders.stop(self._pace.stop_s)
        if self._postman is not None and not await asyncio.to_thread(self._postman.stop, self._pace.stop_s):
            _log.warning("postman-still-busy", note="what it sends now may be sent again")
        if self._balances is not None and not await asyncio.to_thread(self._balances.stop, self._pace.stop_s):
            _log.warning("warnings-still-busy", note="what is sent now may be sent again")
        if self._credit is not None:
            await asyncio.to_thread(self._credit.close)
        if self._debts is not None:
            await asyncio.to_thread(self._debts.close)
        if self._courier is not None and not await asyncio.to_thread(self._courier.stop, self._pace.stop_s):
            _log.warning("courier-still-busy", note="what it sends now is sent again")
        ended = await asyncio.to_thread(self._writer.stop, self._pace.stop_s)
        if not ended:
            _log.warning("writer-still-busy", after_s=self._pace.stop_s, note="nothing is half written")
        _log.info("stopped")


def _nobody() -> None:
    """No messages are sent."""


def _forget(_event: SwitchEvent) -> None:
    """No account bounds calls."""


def _leave(_uniqueids: Collection[str]) -> None:
    """Recorders stay as they are."""
