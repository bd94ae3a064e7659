"""Events per second through the listener's whole path: bytes, messages, genuine events, call state.

Prints one JSON line. Args: --events: how many. --live: calls that are up at the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime

from panoramisk.message import Message

from orchestrator.asterisk.connection import ByteFeed
from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.stream import StreamItem
from orchestrator.consumer import Consumer
from orchestrator.model.call import Systemname

OURS = Systemname("s6f1d2c3a4b5e6f7")
CHUNK = 65_536
MARK = (
    '{"extra":"tenant=acme&direction=out&from=+74951110000&to=+74957654321&employee=101&trunk=main'
    '&decision=admitted&step=acme/outside"}'
)
CALL = (
    ("vpbx.leg", MARK),
    ("ANSWER", ""),
    ("HANGUP", '{"hangupcause":16,"hangupsource":"","dialstatus":""}'),
    ("LINKEDID_END", ""),
)


class UtcClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def event(name: str, extra: str, call: int) -> str:
    own = f"{OURS}-1790000000.{call}"
    return (
        "Event: CEL\r\nPrivilege: call,all\r\nTimestamp: 1790000000.123456\r\n"
        f"SystemName: {OURS}\r\nEventName: {name}\r\nAccountCode: \r\nCallerIDnum: 101\r\n"
        "CallerIDname: Екатерина Лебедева\r\nCallerIDani: 101\r\nCallerIDrdnis: \r\nCallerIDdnid: \r\n"
        "Exten: +74957654321\r\nContext: acme-outside\r\n"
        f"Channel: PJSIP/main-{call:08x}\r\nApplication: Dial\r\nAppData: PJSIP/main/sip:x\r\n"
        "EventTime: 2026-09-21 17:13:20\r\nAMAFlags: DOCUMENTATION\r\n"
        f"UniqueID: {own}\r\nLinkedID: {own}\r\nUserfield: \r\nPeer: \r\n"
        f"PeerAccount: \r\nExtra: {extra}\r\n\r\n"
    )


def stream(events: int, live: int) -> bytes:
    """Calls of four events each, so interleaved that `live` of them are up at any time."""
    calls = events // len(CALL)
    texts = []
    for moment in range(calls + live):
        for number, (name, extra) in enumerate(CALL):
            call = moment - number * live // len(CALL)
            if 0 <= call < calls:
                texts.append(event(name, extra, call))
    return "".join(texts).encode()


def nothing(*_: object) -> None:
    """Nobody is asked."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--live", type=int, default=100)
    asked = arguments.parse_args()
    data = stream(asked.events, asked.live)
    reader = EventReader(OURS)
    consumer = Consumer(
        *(reader, UtcClock()),
        ask_reconcile=nothing,
        call_ended=nothing,
        on_resync=nothing,
        renew_recorders=nothing,
        message_left=nothing,
        noted=lambda _event: None,
    )

    def take(message: Message) -> bool:
        item: StreamItem = message
        consumer.take(item)
        return True

    feed = ByteFeed(take)
    began = time.perf_counter()
    for start in range(0, len(data), CHUNK):
        feed.feed(data[start : start + CHUNK])
    took_s = time.perf_counter() - began
    assert reader.counts.forged == consumer.status.failed == 0
    assert not consumer.state.channels
    figures = {
        "bench": "listener",
        "events": reader.counts.events,
        "live_calls": asked.live,
        "bytes": len(data),
        "seconds": round(took_s, 3),
        "events_per_s": round(reader.counts.events / took_s),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
