"""The parts of the daemon without a switch: the consumer of events and the writer thread."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from fake_ami import SYSTEMNAME
from panoramisk.message import Message

from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.stream import Resync
from orchestrator.consumer import Consumer
from orchestrator.errors import DatabaseUnavailable
from orchestrator.model.call import LiveChannel, Systemname
from orchestrator.writer import NICER, Cadence, Settled, Snapshot, Writer

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
QUICK = Cadence(prompt_s=0.02, settle_s=0.05, regular_s=30.0, retry_s=0.02)
MARK = '{"extra":"tenant=acme&direction=out&to=+74957654321&decision=admitted"}'


class FixedClock:
    def now(self) -> datetime:
        return NOW


def until(condition: Callable[[], object], deadline_s: float = 10.0) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)


def cel(name: str, channel: int = 1, call: int = 1, extra: str = "", age_s: float = 0.0) -> Message:
    stamp = (NOW - timedelta(seconds=age_s)).timestamp()
    return Message(
        {
            "Event": "CEL",
            "SystemName": SYSTEMNAME,
            "Timestamp": f"{stamp:.6f}",
            "EventName": name,
            "Channel": f"PJSIP/t-{channel}",
            "UniqueID": f"{SYSTEMNAME}-1790000000.{channel}",
            "LinkedID": f"{SYSTEMNAME}-1790000000.{call}",
            "Extra": extra,
        }
    )


@dataclass
class Asked:
    reconciles: int = 0
    resyncs: int = 0
    ended: list[str] = field(default_factory=list)
    renewed: list[Collection[str]] = field(default_factory=list)
    messages: int = 0

    def reconcile(self) -> None:
        self.reconciles += 1

    def resync(self) -> None:
        self.resyncs += 1

    def leave(self) -> None:
        self.messages += 1

    def consumer(self) -> Consumer:
        return Consumer(
            EventReader(Systemname(SYSTEMNAME)),
            FixedClock(),
            ask_reconcile=self.reconcile,
            call_ended=self.ended.append,
            on_resync=self.resync,
            renew_recorders=self.renewed.append,
            message_left=self.leave,
            noted=lambda _event: None,
        )


def test_an_ended_leg_asks_for_its_charge_and_an_ended_call_is_told() -> None:
    asked = Asked()
    consumer = asked.consumer()
    for message in (cel("CHAN_START"), cel("vpbx.leg", extra=MARK), cel("ANSWER")):
        consumer.take(message)
    assert asked == Asked()
    consumer.take(cel("HANGUP", extra='{"hangupcause":16}'))
    assert asked.reconciles > 0
    consumer.take(cel("LINKEDID_END"))
    assert asked.ended == [f"{SYSTEMNAME}-1790000000.1"]
    assert not consumer.state.channels


def test_an_attended_transfer_asks_for_the_recorders_of_both_who_stay() -> None:
    asked = Asked()
    staying = (f"{SYSTEMNAME}-1790000000.1", f"{SYSTEMNAME}-1790000000.4")
    extra = json.dumps(
        {"transferee_channel_uniqueid": staying[0], "transfer_target_channel_uniqueid": staying[1]}
    )
    consumer = asked.consumer()
    for _ in range(2):
        consumer.take(cel("ATTENDEDTRANSFER", 2, 1, extra))
    assert asked.renewed == [staying]


def test_a_message_that_was_left_is_told_and_one_that_was_not_is_none() -> None:
    asked = Asked()
    consumer = asked.consumer()
    for decision, told in (("none", 0), ("left", 1)):
        mark = json.dumps({"extra": f"tenant=acme&mailbox=700&decision={decision}"})
        consumer.take(cel("vpbx.message", extra=mark))
        assert asked.messages == told


def test_a_new_session_asks_for_a_look_and_a_reconciliation() -> None:
    asked = Asked()
    asked.consumer().take(Resync(NOW))
    assert (asked.resyncs, asked.reconciles) == (1, 1)


def test_the_lag_is_from_the_events_time_to_its_turn() -> None:
    consumer = Asked().consumer()
    consumer.take(cel("ANSWER", age_s=1.5))
    assert abs(consumer.status.lag_s - 1.5) < 0.001


def test_a_fault_in_one_event_costs_only_that_one() -> None:
    asked = Asked()
    told: list[str] = []

    def call_ended(linkedid: str) -> None:
        if linkedid.endswith(".1"):
            raise RuntimeError("no")
        told.append(linkedid)

    consumer = Consumer(
        EventReader(Systemname(SYSTEMNAME)),
        FixedClock(),
        ask_reconcile=asked.reconcile,
        call_ended=call_ended,
        on_resync=asked.resync,
        renew_recorders=asked.renewed.append,
        message_left=asked.leave,
        noted=lambda _event: None,
    )
    for call in (1, 2):
        consumer.take(cel("CHAN_START", call, call))
        consumer.take(cel("LINKEDID_END", call, call))
    assert consumer.status.failed == 1
    assert told == [f"{SYSTEMNAME}-1790000000.2"]
    assert asked.reconciles == 1, "what the failed event meant is looked for in the record"


def test_a_snapshot_ends_calls_whose_end_was_missed() -> None:
    asked = Asked()
    consumer = asked.consumer()
    consumer.take(cel("CHAN_START", 1, 1, age_s=60))
    consumer.take(cel("CHAN_START", 2, 1, age_s=60))
    consumer.take(cel("CHAN_START", 3, 3, age_s=60))
    consumer.confirm({f"{SYSTEMNAME}-1790000000.1"}, NOW)
    assert asked.ended == [f"{SYSTEMNAME}-1790000000.3"]
    assert set(consumer.state.channels) == {f"{SYSTEMNAME}-1790000000.1"}


def test_a_snapshot_does_not_end_a_call_that_is_newer_than_itself() -> None:
    asked = Asked()
    consumer = asked.consumer()
    consumer.take(cel("CHAN_START", age_s=1))
    consumer.confirm(set(), NOW - timedelta(seconds=2))
    assert asked.ended == []
    assert consumer.state.channels


@dataclass
class RecordingBooks:
    """Args: reconcile_faults, end_faults: raised one by one before it works."""

    reconcile_faults: list[Exception] = field(default_factory=list)
    end_faults: list[Exception] = field(default_factory=list)
    runs: list[bool] = field(default_factory=list)
    beats: list[Snapshot] = field(default_factory=list)
    ended: list[Sequence[str]] = field(default_factory=list)
    sweeps: int = 0
    threads: set[str] = field(default_factory=set)
    closed: bool = False

    def reconcile(self, prompted: bool) -> Settled:
        self.threads.add(threading.current_thread().name)
        if self.reconcile_faults:
            raise self.reconcile_faults.pop(0)
        self.runs.append(prompted)
        return Settled({"listener" if prompted else "reconciliation": 1}, quarantined=1)

    def heartbeat(self, snapshot: Snapshot) -> None:
        self.threads.add(threading.current_thread().name)
        self.beats.append(snapshot)

    def calls_ended(self, linkedids: Sequence[str]) -> int:
        if self.end_faults:
            raise self.end_faults.pop(0)
        if linkedids:
            self.ended.append(tuple(linkedids))
        else:
            self.sweeps += 1
        return len(linkedids)

    def close(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.closed = True


def writer_on(books: RecordingBooks, cadence: Cadence = QUICK) -> Writer:
    writer = Writer(lambda: books, FixedClock(), cadence)
    writer.start()
    return writer


def snapshot(*uniqueids: str) -> Snapshot:
    channels = tuple(LiveChannel(each, each, "PJSIP/t-1", "Up", None) for each in uniqueids)
    return Snapshot(channels, NOW, NOW)


def test_the_record_is_read_at_once_when_an_event_asks_and_when_it_ends() -> None:
    books = RecordingBooks()
    writer = writer_on(books)
    until(lambda: books.runs == [False])
    writer.reconcile_soon()
    until(lambda: books.runs == [False, True, True])  # at start, asked for, and settling after it
    assert writer.stop(5)
    assert books.runs == [False, True, True, False]
    assert books.closed
    assert books.sweeps == 3, "what was left is looked for at start, when a pass settles, and at the end"
    assert books.threads == {"vpbx-writer"}
    assert writer.status.posted == {"reconciliation": 2, "listener": 2}
    assert writer.status.quarantined == 4


def test_many_ends_are_charged_together() -> None:
    books = RecordingBooks()
    writer = writer_on(books, Cadence(prompt_s=0.2, settle_s=30, regular_s=30))
    until(lambda: len(books.runs) == 1)
    for number in range(1000):
        writer.call_ended(f"call-{number}")
    until(lambda: books.ended)
    assert [len(ended) for ended in books.ended] == [1000]
    assert books.runs == [False, True]
    assert writer.stop(5)


def test_after_a_long_pass_the_thread_rests_so_that_the_next_one_settles_more() -> None:
    took_s = 0.05

    class SlowBooks(RecordingBooks):
        def reconcile(self, prompted: bool) -> Settled:
            begun.append(time.monotonic())
            time.sleep(took_s)
            return super().reconcile(prompted)

    begun: list[float] = []
    books = SlowBooks()
    writer = writer_on(books, Cadence(prompt_s=0.0, settle_s=30, regular_s=30, rest=6.0, longest_rest_s=5.0))
    until(lambda: books.runs == [False])
    for runs in (2, 3, 4):
        writer.call_ended(f"call-{runs}")
        until(lambda wanted=runs: len(books.runs) == wanted)  # type: ignore[misc]
    assert all(later - earlier >= 7 * took_s for earlier, later in pairwise(begun))
    assert writer.stop(5)


def test_the_thread_is_nicer_than_the_rest_of_the_process() -> None:
    found: list[int] = []

    class NiceBooks(RecordingBooks):
        def reconcile(self, prompted: bool) -> Settled:
            found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().reconcile(prompted)

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert writer_on(NiceBooks()).stop(5)
    assert set(found) == {min(19, own + NICER)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_the_newest_snapshot_is_noted() -> None:
    books = RecordingBooks()
    writer = writer_on(books)
    writer.beat(snapshot("a"))
    until(lambda: books.beats == [snapshot("a")])
    writer.beat(snapshot("b"))
    until(lambda: books.beats[-1] == snapshot("b"))
    assert writer.stop(5)


def test_a_database_that_is_away_is_tried_again_and_nothing_is_forgotten() -> None:
    away = DatabaseUnavailable("the database does not answer")
    books = RecordingBooks(reconcile_faults=[away, away, RuntimeError("odd")])
    writer = writer_on(books)
    writer.call_ended("call-1")
    until(lambda: books.ended == [("call-1",)])
    assert writer.status.failures == 3
    assert writer.status.error == ""
    assert writer.stop(5)


def test_a_database_that_can_not_be_opened_is_opened_later() -> None:
    books = RecordingBooks()
    refusals = [DatabaseUnavailable("no disk"), DatabaseUnavailable("no disk")]

    def open_books() -> RecordingBooks:
        if refusals:
            raise refusals.pop()
        return books

    writer = Writer(open_books, FixedClock(), QUICK)
    writer.start()
    until(lambda: writer.status.error == "no disk")
    until(lambda: books.runs)
    assert writer.stop(5)


def test_a_call_whose_finish_failed_is_finished_later() -> None:
    books = RecordingBooks(end_faults=[DatabaseUnavailable("locked")])
    writer = writer_on(books)
    writer.call_ended("call-1")
    until(lambda: books.ended == [("call-1",)])
    assert writer.status.recordings_lost == 1
    assert writer.stop(5)


def test_ended_calls_that_wait_are_bounded() -> None:
    books = RecordingBooks()
    writer = Writer(lambda: books, FixedClock(), QUICK, most_ends=10)
    for number in range(25):
        writer.call_ended(f"call-{number}")
    assert writer.waiting == 10
    assert writer.status.ends_dropped == 15
    writer.start()
    assert writer.stop(5)


def test_a_writer_that_hangs_does_not_hold_the_end_up() -> None:
    free = threading.Event()

    class Hanging(RecordingBooks):
        def reconcile(self, prompted: bool) -> Settled:
            free.wait(20)
            return super().reconcile(prompted)

    writer = Writer(Hanging, FixedClock(), QUICK)
    writer.start()
    began = time.monotonic()
    assert not writer.stop(0.1)
    assert time.monotonic() - began < 5
    free.set()
