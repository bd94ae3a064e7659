"""AMI's `CEL` event as a `SwitchEvent`; whatever isn't certainly this switch's own is dropped and counted.

Callers can put line breaks, and so whole messages, on the AMI stream. What they can't know is the switch's
random systemname: it stands in the SystemName header and begins every uniqueid. Rule: docs/switch-record.md.

AMI tells the time of a CEL event in whole local seconds. `at` is therefore the time the message was made
(`timestampevents=yes`). That is good for the live picture and never for a charge: charges take their times
from the durable record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from panoramisk.message import Message

from orchestrator.asterisk.connection import ByteFeed
from orchestrator.asterisk.protocol import StreamCounts, worth_telling
from orchestrator.asterisk.record import EVENT_TYPES, USER_DEFINED, cel_event
from orchestrator.asterisk.record_file import UnreadableRecord
from orchestrator.log import Log
from orchestrator.model.call import MUSIC_STOPPED, SwitchEvent, Systemname

MARK_PREFIX = "vpbx."

_UNIQUEID = re.compile(r"[0-9]{1,11}\.[0-9]{1,10}")
_LONGEST_EXTRA = 4096

_log = Log("vpbx.ami")


class NotGenuine(ValueError):
    """Not certainly of this switch. Args: the reason, which is safe to log."""


@dataclass(slots=True)
class EventCounts:
    """What was read.

    Args: events: genuine ones. forged: dropped as not ours or damaged, by `reasons`. other: of no use here.
    """

    events: int = 0
    forged: int = 0
    other: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class EventReader:
    """Reads messages of one switch. Args: systemname: the one it was given at its first apply."""

    def __init__(self, systemname: Systemname, counts: EventCounts | None = None) -> None:
        self._systemname = systemname
        self.counts = counts if counts is not None else EventCounts()

    def read(self, message: Message) -> SwitchEvent | None:
        """The event a message tells; None, and counted, when it tells none."""
        try:
            event = self._read(message)
        except NotGenuine as problem:
            reason = str(problem)
            self.counts.forged += 1
            so_far = self.counts.reasons[reason] = self.counts.reasons.get(reason, 0) + 1
            if worth_telling(so_far):
                _log.warning("event-not-genuine", reason=reason, so_far=so_far)
            return None
        if event is None:
            self.counts.other += 1
        else:
            self.counts.events += 1
        return event

    def _read(self, message: Message) -> SwitchEvent | None:
        if message.get("Event") == "FullyBooted":
            return None  # sent to each session at its login, without SystemName
        if message.get("SystemName") != self._systemname:
            raise NotGenuine("systemname")
        if message["Event"] == "MusicOnHoldStop":
            return self._music_stopped(message)
        if message["Event"] != "CEL":
            return None
        name = _text(message, "EventName")
        mark = name if name.startswith(MARK_PREFIX) else ""
        if not mark and name not in EVENT_TYPES:
            return None
        extra = _text(message, "Extra")
        if len(extra) > _LONGEST_EXTRA:
            raise NotGenuine("extra")
        fields = (
            USER_DEFINED if mark else name,
            _time(message),
            self._systemname,
            self._own(message, "UniqueID"),
            self._own(message, "LinkedID"),
            _text(message, "Channel"),
            mark,
            extra,
        )
        try:
            return cel_event(fields)
        except UnreadableRecord as error:
            raise NotGenuine("content") from error

    def _music_stopped(self, message: Message) -> SwitchEvent:
        uniqueid, linkedid = self._own(message, "Uniqueid"), self._own(message, "Linkedid")
        at = datetime.fromtimestamp(float(_time(message)), UTC)
        return SwitchEvent(self._systemname, uniqueid, linkedid, MUSIC_STOPPED, at, _text(message, "Channel"))

    def _own(self, message: Message, header: str) -> str:
        text = _text(message, header)
        start, _, rest = text.partition("-")
        if start != self._systemname or not _UNIQUEID.fullmatch(rest):
            raise NotGenuine(header.lower())
        return text


def read_stream(
    chunks: Iterable[bytes], systemname: Systemname
) -> tuple[list[SwitchEvent], EventCounts, StreamCounts]:
    """All genuine events in the bytes of one AMI session, by the daemon's own path."""
    reader = EventReader(systemname)
    events: list[SwitchEvent] = []

    def take(message: Message) -> bool:
        event = reader.read(message)
        if event is not None:
            events.append(event)
        return True

    feed = ByteFeed(take)
    for chunk in chunks:
        feed.feed(chunk)
    return events, reader.counts, feed.counts


def _time(message: Message) -> str:
    """Seconds with six decimals, as the durable record writes them."""
    stamp = message.get("Timestamp")
    if isinstance(stamp, str):
        return stamp
    text = _text(message, "EventTime")
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the host's zone, as the switch's
        return f"{local.timestamp():.6f}"
    except (ValueError, OverflowError, OSError) as error:
        raise NotGenuine("eventtime") from error


def _text(message: Message, header: str) -> str:
    value = message.get(header)
    if not isinstance(value, str):
        raise NotGenuine(f"no {header.lower()}")
    return value
