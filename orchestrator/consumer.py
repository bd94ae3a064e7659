"""What the daemon makes of the switch's events: the live picture, and when to look at the durable record.

An event never makes a charge by itself: over AMI its time is not exact, and one may be lost. It says that
there is something to charge; the record says what.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.stream import Resync, StreamItem
from orchestrator.calls.state import (
    CallEnded,
    CallsState,
    Effect,
    LegEnded,
    MessageLeft,
    RecordersStale,
    UsageReady,
    step,
    without,
)
from orchestrator.model.call import SwitchEvent
from orchestrator.ports import Clock

_log = structlog.get_logger("vpbx.listen")


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """Args: lag_s: from the last event's time to its turn here. failed: events whose handling raised."""

    lag_s: float = 0.0
    last_event_at: datetime | None = None
    failed: int = 0
    resyncs: int = 0


class Consumer:
    """Takes the items of one stream, one after the other.

    Args: ask_reconcile, call_ended, renew_recorders, message_left, noted: must return at once. on_resync:
    likewise, at the begin of each session.
    """

    def __init__(
        self,
        reader: EventReader,
        clock: Clock,
        *,
        ask_reconcile: Callable[[], None],
        call_ended: Callable[[str], None],
        on_resync: Callable[[], None],
        renew_recorders: Callable[[Collection[str]], None],
        message_left: Callable[[], None],
        noted: Callable[[SwitchEvent], None],
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._ask_reconcile = ask_reconcile
        self._call_ended = call_ended
        self._on_resync = on_resync
        self._renew_recorders = renew_recorders
        self._message_left = message_left
        self._noted = noted
        self._handlers: Mapping[type[Effect], Callable[[Effect], None]] = {
            UsageReady: self._on_charge_due,
            LegEnded: self._on_charge_due,
            CallEnded: self._on_call_ended,
            RecordersStale: self._on_recorders_stale,
            MessageLeft: self._on_message_left,
        }
        self.state = CallsState()
        self.status = ConsumerStatus()

    def take(self, item: StreamItem) -> None:
        """Handle one item. A fault in one costs only that one; reconciliation finds what it meant."""
        try:
            if isinstance(item, Resync):
                self.status = replace(self.status, resyncs=self.status.resyncs + 1)
                self._on_resync()
                self._ask_reconcile()
                return
            event = self._reader.read(item)
            if event is not None:
                self._apply(event)
        except Exception:  # noqa: BLE001 - whatever is wrong with one event, the next one counts
            self.status = replace(self.status, failed=self.status.failed + 1)
            _log.exception("event-failed")
            self._ask_reconcile()

    def confirm(self, live: Collection[str], taken_at: datetime) -> None:
        """Drop channels that a snapshot doesn't show: their end was missed.

        Args: live: uniqueids. taken_at: before the snapshot was asked for, the switch's clock or close to it.
        """
        gone = {
            uniqueid: channel.facts.linkedid
            for uniqueid, channel in self.state.channels.items()
            if uniqueid not in live and channel.facts.last_at < taken_at
        }
        if not gone:
            return
        self.state = without(self.state, gone)
        for linkedid in sorted(set(gone.values())):
            if linkedid not in self.state.calls:
                self._call_ended(linkedid)

    def _apply(self, event: SwitchEvent) -> None:
        lag_s = (self._clock.now() - event.at).total_seconds()
        self.status = replace(self.status, lag_s=lag_s, last_event_at=event.at)
        self._noted(event)
        self.state, effects = step(self.state, event)
        for effect in effects:
            self._handlers[type(effect)](effect)

    def _on_charge_due(self, _effect: Effect) -> None:
        self._ask_reconcile()

    def _on_call_ended(self, effect: Effect) -> None:
        if isinstance(effect, CallEnded):
            self._call_ended(effect.linkedid)

    def _on_message_left(self, _effect: Effect) -> None:
        self._message_left()

    def _on_recorders_stale(self, effect: Effect) -> None:
        if isinstance(effect, RecordersStale):
            self._renew_recorders(effect.uniqueids)
