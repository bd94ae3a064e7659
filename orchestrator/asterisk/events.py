"""AMI's `CEL` event as a `SwitchEvent`; whatever isn't certainly this switch's own is dropped and counted.

Callers can put line breaks, and so whole messages, on the AMI stream. What they can't know is the switch's
random systemname: it stands in the SystemName header and begins every uniqueid. Rule: docs/switch-record.md.

AMI tells the time of a CEL event in whole local seconds. `at` is therefore the time the message was made
(`timestampevents=yes`). That is good for the live picture and never for a charge: charges take their times
from the durable record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from panoramisk.message import Message

from orchestrator.asterisk.connection import ByteFeed
from orchestrator.asterisk.protocol import StreamCounts
from orchestrator.model.call import SwitchEvent, Systemname

CEL_KINDS = frozenset(
    {
        "CHAN_START",
        "ANSWER",
        "HANGUP",
        "CHAN_END",
        "LINKEDID_END",
        "BRIDGE_ENTER",
        "BRIDGE_EXIT",
        "BLINDTRANSFER",
        "ATTENDEDTRANSFER",
        "LOCAL_OPTIMIZE",
        "PICKUP",
    }
)
MARK_PREFIX = "vpbx."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = re.compile(r"([0-9]{1,11})\.([0-9]{6})")
_UNIQUEID = re.compile(r"[0-9]{1,11}\.[0-9]{1,10}")
_MARK_PART = re.compile(r"([a-z_]{1,32})=([A-Za-z0-9+._/:-]*)")
_LONGEST_MARK = 2048


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
            self.counts.reasons[reason] = self.counts.reasons.get(reason, 0) + 1
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
        if message["Event"] != "CEL":
            return None
        return (
            SwitchEvent(
                systemname=self._systemname,
                uniqueid=self._own(message, "UniqueID"),
                linkedid=self._own(message, "LinkedID"),
                kind=_text(message, "EventName"),
                at=_time(message),
                channel=_text(message, "Channel"),
                facts=_facts(_text(message, "EventName"), _text(message, "Extra")),
            )
            if _is_known(_text(message, "EventName"))
            else None
        )

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


def read_mark(text: str) -> dict[str, str]:
    """The facts of a mark.

    Raises: NotGenuine: another form, another character, or a key that stands twice.

    >>> read_mark("tenant=acme&to=+74951234567")
    {'tenant': 'acme', 'to': '+74951234567'}
    """
    facts: dict[str, str] = {}
    if not text:
        return facts
    if len(text) > _LONGEST_MARK:
        raise NotGenuine("mark")
    for part in text.split("&"):
        found = _MARK_PART.fullmatch(part)
        if found is None or found.group(1) in facts:
            raise NotGenuine("mark")
        facts[found.group(1)] = found.group(2)
    return facts


def _is_known(name: str) -> bool:
    return name in CEL_KINDS or name.startswith(MARK_PREFIX)


def _facts(name: str, extra: str) -> Mapping[str, str]:
    if name.startswith(MARK_PREFIX):
        return _mark_facts(extra)
    reader = FACTS.get(name)
    return {} if reader is None else reader(extra)


def _mark_facts(extra: str) -> Mapping[str, str]:
    said = _json(extra).get("extra", "")
    if not isinstance(said, str):
        raise NotGenuine("mark")
    return read_mark(said)


def _hangup_facts(extra: str) -> Mapping[str, str]:
    cause = _json(extra).get("hangupcause")
    if not isinstance(cause, int) or isinstance(cause, bool):
        raise NotGenuine("hangupcause")
    return {"hangupcause": str(cause)}


def _json(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise NotGenuine("extra") from error
    if not isinstance(value, dict):
        raise NotGenuine("extra")
    return value


def _time(message: Message) -> datetime:
    stamp = message.get("Timestamp")
    if stamp is None:
        try:
            local = datetime.strptime(_text(message, "EventTime"), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - host's zone
            return local.astimezone(UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise NotGenuine("eventtime") from error
    found = _TIMESTAMP.fullmatch(stamp)
    if found is None:
        raise NotGenuine("timestamp")
    return _EPOCH + timedelta(seconds=int(found.group(1)), microseconds=int(found.group(2)))


def _text(message: Message, header: str) -> str:
    value = message.get(header)
    if not isinstance(value, str):
        raise NotGenuine(f"{header.lower()} absent")
    return value


FACTS: Mapping[str, Callable[[str], Mapping[str, str]]] = {"HANGUP": _hangup_facts}
"""What the Extra header of a CEL event says, by the event's name."""
