"""What the switch answers over AMI and on its console, as values."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from panoramisk.message import Message

from orchestrator.asterisk.dialplan import Step
from orchestrator.model.call import LiveChannel
from orchestrator.ports import Registration

LINES_CATEGORY = "lines"
"""The `GROUP()` category by which the dialplan counts the lines in use; the group is the tenant."""

WAITS_CATEGORY = "waits-"
"""What the `GROUP()` categories begin with by which the dialplan counts who waits for a department."""

CONTACTS = "registrar/contact"
"""Where the switch's own database (AstDB) keeps registrations."""

_VARIABLE = re.compile(r"(?:^|,)\s*([A-Za-z_][A-Za-z0-9_]*)=")
_KEPT_PARTS = 4
_ZONE_STEP_S = 15 * 60
_LONG_AGO = "1"


def text(message: Message, header: str) -> str:
    """A header's value; empty when it isn't there, joined when it comes more than once."""
    value = message.get(header, "")
    return value if isinstance(value, str) else ",".join(value)


def step_of(item: Message) -> Step:
    """A step of the running dialplan (`ListDialplan`); which line it came from isn't told."""
    return Step(
        extension=text(item, "Extension"),
        priority=text(item, "Priority"),
        application=text(item, "Application"),
        data=text(item, "AppData"),
        label=text(item, "ExtensionLabel"),
        line=0,
    )


def started_at(local: str, switch_now: datetime, uptime_s: int) -> datetime:
    """The UTC time a switch started, whatever time zone it lives in.

    AMI tells the start in local time without its zone, and the uptime in whole seconds: the zone is what
    lies between the two, a whole number of quarter hours.

    Args: local: `YYYY-MM-DD HH:MM:SS`. switch_now: the switch's clock. uptime_s: at that time.

    >>> at = datetime(2026, 7, 1, 9, 0, 10, 400000, tzinfo=UTC)
    >>> started_at("2026-07-01 12:00:00", at, 10).isoformat()
    '2026-07-01T09:00:00+00:00'
    """
    naive = datetime.strptime(local, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    apart_s = (naive - (switch_now - timedelta(seconds=uptime_s))).total_seconds()
    return naive - timedelta(seconds=round(apart_s / _ZONE_STEP_S) * _ZONE_STEP_S)


def kept_keys(shown: str) -> dict[str, set[str]]:
    """Keys by tenant, out of a listing of a family of the switch's database.

    >>> kept_keys("/vpbx-switch/acme/night                           : on\\n1 results found.")
    {'acme': {'night'}}
    """
    found: dict[str, set[str]] = {}
    for line in shown.splitlines():
        path, colon, _ = line.partition(":")
        parts = path.strip().split("/")
        if colon and len(parts) == _KEPT_PARTS:
            found.setdefault(parts[2], set()).add(parts[3])
    return found


def lines_held(output: str) -> dict[str, str]:
    """Channel -> tenant, from the output of `group show channels`.

    >>> lines_held("Channel   Group   Category\\nPJSIP/t-0001   acme   lines\\n1 active channel")
    {'PJSIP/t-0001': 'acme'}
    """
    rows = (line.rsplit(None, 2) for line in output.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 3 and row[2] == LINES_CATEGORY}


def waiting_callers(output: str) -> dict[str, dict[str, int]]:
    """Callers by tenant and department, from the output of `group show channels`.

    >>> waiting_callers("PJSIP/t-1 acme waits-sales\\nPJSIP/t-2 acme waits-sales\\nPJSIP/t-2 acme lines")
    {'acme': {'sales': 2}}
    """
    found: dict[str, dict[str, int]] = {}
    for line in output.splitlines():
        row = line.rsplit(None, 2)
        if len(row) == 3 and row[2].startswith(WAITS_CATEGORY):
            queues = found.setdefault(row[1], {})
            name = row[2].removeprefix(WAITS_CATEGORY)
            queues[name] = queues.get(name, 0) + 1
    return found


def variables(set_var: str) -> dict[str, str]:
    """The variables of an endpoint's `set_var`, as AMI joins them.

    >>> variables("VPBX_GENERATION=7,CODECS=ulaw,alaw")
    {'VPBX_GENERATION': '7', 'CODECS': 'ulaw,alaw'}
    """
    found = list(_VARIABLE.finditer(set_var))
    ends = [later.start() for later in found[1:]] + [len(set_var)]
    return {name.group(1): set_var[name.end() : end] for name, end in zip(found, ends, strict=True)}


def expired(listing: str, endpoints: Collection[str]) -> dict[str, str]:
    """Registrations of some phones as they are when their time is over. Args: listing: of the database.

    >>> expired('/registrar/contact/d1;@0a   : {"expiration_time":"1790000000"}\\n1 results found.', {"d1"})
    {'d1;@0a': '{"expiration_time": "1"}'}
    """
    found = re.findall(rf"^/{CONTACTS}/(\S+?)\s*: (\{{.*\}})\s*$", listing, re.MULTILINE)
    return {
        key: json.dumps({**json.loads(value), "expiration_time": _LONG_AGO})
        for key, value in found
        if key.partition(";")[0] in endpoints
    }


def registration(item: Message) -> Registration:
    """A contact of an endpoint, as AMI tells it (`ContactStatusDetail`).

    >>> registration({"URI": "sip:d1@192.0.2.7:5062", "UserAgent": "Yealink T31P", "RegExpire": "0",
    ...     "ViaAddress": "192.0.2.7:5062", "Status": "Reachable", "RoundtripUsec": "2400"}).round_trip_ms
    2.4
    """
    expires, trip = text(item, "RegExpire"), text(item, "RoundtripUsec")
    reachable = {"Reachable": True, "Unreachable": False}.get(text(item, "Status"))
    return Registration(
        uri=text(item, "URI"),
        address=text(item, "ViaAddress"),
        user_agent=text(item, "UserAgent"),
        expires_at=datetime.fromtimestamp(int(expires), UTC) if expires.isdigit() and int(expires) else None,
        reachable=reachable,
        round_trip_ms=int(trip) / 1000 if reachable and trip.isdigit() else None,
    )


def live_channel(item: Message, lines: Mapping[str, str], now: datetime) -> LiveChannel:
    """A channel that is up (`CoreShowChannel`). Args: lines: of `lines_held`. now: when it was asked for."""
    channel = text(item, "Channel")
    return LiveChannel(
        uniqueid=text(item, "Uniqueid"),
        linkedid=text(item, "Linkedid"),
        channel=channel,
        state=text(item, "ChannelStateDesc"),
        created_at=_created_at(text(item, "Uniqueid"), text(item, "Duration"), now),
        line_of=lines.get(channel, ""),
    )


def _created_at(uniqueid: str, duration: str, now: datetime) -> datetime | None:
    """When a channel began: the second in its uniqueid, which doesn't move from one snapshot to the next."""
    second = uniqueid.rpartition("-")[2].partition(".")[0]
    if second.isascii() and second.isdigit():
        return datetime.fromtimestamp(int(second), UTC)
    parts: Sequence[str] = duration.split(":")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        hours, minutes, seconds = (int(part) for part in parts)
        return now - timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return None
