"""Asterisk's durable record as events and claims. Form: docs/switch-record.md.

    record = AsteriskRecord(systemname, paths.cel_file, paths.cdr_file)
    for batch in record.events(position): ...

What the fields of one record mean is here; how records are cut out of files is in `record_file`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.asterisk.record_file import (
    Foreign,
    Form,
    RecordFile,
    UnreadableRecord,
    done_with,
    is_gone,
)
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.record import RecordBatch, RecordPosition, SwitchCdr

USER_DEFINED = "USER_DEFINED"
EVENT_TYPES = frozenset(
    {
        "CHAN_START",
        "CHAN_END",
        "HANGUP",
        "ANSWER",
        "APP_START",
        "APP_END",
        "PARK_START",
        "PARK_END",
        "BRIDGE_ENTER",
        "BRIDGE_EXIT",
        "BLINDTRANSFER",
        "ATTENDEDTRANSFER",
        "PICKUP",
        "FORWARD",
        "LINKEDID_END",
        "LOCAL_OPTIMIZE",
        "LOCAL_OPTIMIZE_BEGIN",
        "STREAM_BEGIN",
        "STREAM_END",
        "DTMF",
    }
)
"""Every event Asterisk 20 to 22 writes by itself; which ones is set in cel.conf."""

_MARK = "vpbx."
_TIME = re.compile(r"([0-9]{1,10})\.([0-9]{6})")
_KEY = re.compile(r"[a-z_]{1,32}")
_VALUE = re.compile(r"[A-Za-z0-9+._/:@-]*")
_CEL_FIELDS = 8
_CDR_FIELDS = 14
_LONGEST_FACT = 256

# Inside a quoted field quotes are doubled, so no caller can write what these patterns look for.
_CEL_START = re.compile(rb'"[A-Za-z0-9_.-]{1,64}","[0-9]{1,10}\.[0-9]{6}","')
_CDR_START = re.compile(rb'"([0-9A-Za-z_]{1,64})","\1-[0-9]+\.[0-9]+","')


class AsteriskRecord:
    """The record of one switch: fulfils `ports.SwitchRecord`.

    Args: cel_file, cdr_file: may be absent; a rotated file stands beside them as `<name>.1`, `<name>.2`, ...
    """

    def __init__(self, systemname: Systemname, cel_file: Path, cdr_file: Path) -> None:
        self._systemname = systemname
        self._cel_file = cel_file
        self._cdr_file = cdr_file

    @property
    def systemname(self) -> Systemname:
        return self._systemname

    def events(self, position: RecordPosition | None) -> Iterator[RecordBatch[SwitchEvent]]:
        """Channel events after a position, oldest first."""
        return RecordFile(self._cel_file, Form(_CEL_START, self._event)).read(position)

    def claims(self, position: RecordPosition | None) -> Iterator[RecordBatch[SwitchCdr]]:
        """Call detail records after a position."""
        return RecordFile(self._cdr_file, Form(_CDR_START, self._claim)).read(position)

    @property
    def files(self) -> Mapping[str, Path]:
        """The file that the switch writes now, by kind."""
        return {"cel": self._cel_file, "cdr": self._cdr_file}

    def done(self, kind: str, position: RecordPosition | None) -> list[Path]:
        """Rotated files of a kind that were read to their end, oldest first."""
        return done_with(self.files[kind], position)

    def place_is_gone(self, kind: str, position: RecordPosition | None) -> bool:
        """Whether the file that a place was reached in isn't there any more."""
        return position is not None and is_gone(self.files[kind], position)

    def _event(self, fields: Sequence[str]) -> SwitchEvent:
        event = cel_event(fields)
        if not _is_of(self._systemname, event.systemname, event.uniqueid):
            raise Foreign
        return event

    def _claim(self, fields: Sequence[str]) -> SwitchCdr:
        claim = cdr_claim(fields)
        if not _is_of(self._systemname, claim.systemname, claim.uniqueid):
            raise Foreign
        return claim


def cel_event(fields: Sequence[str]) -> SwitchEvent:
    """A channel event out of the eight fields of its record.

    Args: fields: eventtype, eventtime, systemname, uniqueid, linkedid, channame, userdeftype, eventextra.
    Raises: UnreadableRecord: it says what is wrong with which field.

    >>> mark = ["vpbx.leg", "1790000000.500000", "s1", "s1-1790000000.1", "s1-1790000000.0",
    ...         "PJSIP/t-1", "vpbx.leg", '{"extra": "tenant=acme&direction=out"}']
    >>> event = cel_event(mark)
    >>> event.kind, event.facts["tenant"], event.at.isoformat()
    ('vpbx.leg', 'acme', '2026-09-21T14:13:20.500000+00:00')
    """
    if len(fields) != _CEL_FIELDS:
        raise UnreadableRecord(f"{len(fields)} fields instead of {_CEL_FIELDS}")
    kind, time, systemname, uniqueid, linkedid, channel, mark, extra = fields
    facts: Mapping[str, str]
    if kind in EVENT_TYPES:
        facts = _json_facts(extra)
    elif mark and kind in (mark, USER_DEFINED):
        # Asterisk 22.10 writes the name of a user-defined event as its type.
        kind = mark
        facts = _mark_facts(extra) if mark.startswith(_MARK) else {}
    else:
        raise UnreadableRecord("unknown event type")
    return SwitchEvent(Systemname(systemname), uniqueid, linkedid, kind, _moment(time), channel, facts)


def cdr_claim(fields: Sequence[str]) -> SwitchCdr:
    """A call detail record out of its fourteen fields. Raises: UnreadableRecord."""
    if len(fields) != _CDR_FIELDS:
        raise UnreadableRecord(f"{len(fields)} fields instead of {_CDR_FIELDS}")
    systemname, uniqueid, linkedid, sequence, channel, dstchannel, src, dst = fields[:8]
    start, answer, end, duration, billsec, disposition = fields[8:]
    return SwitchCdr(
        systemname=Systemname(systemname),
        uniqueid=uniqueid,
        linkedid=linkedid,
        sequence=_whole("sequence", sequence),
        channel=channel,
        dstchannel=dstchannel,
        src=src,
        dst=dst,
        start=start,
        answer=answer,
        end=end,
        duration_s=_whole("duration", duration),
        billsec_s=_whole("billsec", billsec),
        disposition=disposition,
    )


def _is_of(ours: Systemname, systemname: str, uniqueid: str) -> bool:
    return systemname == ours and uniqueid.startswith(f"{ours}-")


def _moment(text: str) -> datetime:
    match = _TIME.fullmatch(text)
    if match is None:
        raise UnreadableRecord("eventtime is not seconds with six decimals")
    return datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=int(match[2]))


def _mark_facts(extra: str) -> dict[str, str]:
    """What a mark of ours says. Whatever isn't in its narrow alphabet was not written by our dialplan."""
    try:
        said = json.loads(extra)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord("a mark's eventextra is not JSON") from error
    text = said.get("extra") if isinstance(said, dict) else None
    if not isinstance(text, str):
        raise UnreadableRecord("a mark has no extra")
    facts: dict[str, str] = {}
    for pair in text.split("&") if text else ():
        key, equals, value = pair.partition("=")
        if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise UnreadableRecord("a mark is not key=value&key=value")
        if key in facts:
            raise UnreadableRecord(f"a mark says {key} twice")
        facts[key] = value
    return facts


def _json_facts(extra: str) -> dict[str, str]:
    """Texts and whole numbers of eventextra. It may be empty or odd: a hangup counts without its cause."""
    try:
        said = json.loads(extra) if extra else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        key: str(value)[:_LONGEST_FACT]
        for key, value in said.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and len(key) <= _LONGEST_FACT
    }


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise UnreadableRecord(f"{name} is not a whole number")
    return int(text)
