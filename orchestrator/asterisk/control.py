"""Control of one running Asterisk over AMI, for the CLI verbs and for apply. Fulfils `ports.Switch`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType

from panoramisk.message import Message

from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.dialplan import Context, Step
from orchestrator.asterisk.protocol import StreamCounts
from orchestrator.errors import ActionFailed, AmiUnreachable, NotFound
from orchestrator.model.call import LiveChannel
from orchestrator.model.state import (
    BARRED,
    IN,
    LOGGED_OUT,
    MANAGERS,
    ON,
    OUT,
    SWITCHES,
    UNASKED,
    TenantState,
)
from orchestrator.ports import Registration, SwitchStatus

LINES_CATEGORY = "lines"
"""The `GROUP()` category by which the dialplan counts the lines in use; the group is the tenant."""

WAITS_CATEGORY = "waits-"
"""What the `GROUP()` categories begin with by which the dialplan counts who waits for a department."""

RECORD_ON_OPTIONS = "abr({call}-left.raw)t({call}-right.raw)"
"""As `vpbx-record-on` of the dialplan has them: append, only while bridged, each side into its own file."""

_UPTIME = re.compile(r"System uptime:\s*(\d+)")
_VARIABLE = re.compile(r"(?:^|,)\s*([A-Za-z_][A-Za-z0-9_]*)=")
_KEPT_PARTS = 4
_ZONE_STEP_S = 15 * 60
_LONG_LIST_S = 60.0
_CONTACTS = "registrar/contact"
"""Where the switch's own database (AstDB) keeps registrations."""

_LONG_AGO = "1"


@dataclass(frozen=True, slots=True)
class EndpointDetails:
    """A PJSIP endpoint as it stands in the running switch.

    Args: options: by AMI's spelling (`Context`, `Aors`, ...). variables: what `set_var` sets on its channels.
    """

    name: str
    options: Mapping[str, str]
    variables: Mapping[str, str]


class AmiSwitch:
    """One switch, over one AMI session that lives as long as the `async with`.

    Raises: AmiUnreachable, AmiRefused: on entering. No call is ever sent a second time.

    Example: `async with AmiSwitch(login) as switch: print((await switch.status()).version)`
    """

    def __init__(self, login: AmiLogin, deadlines: Deadlines | None = None) -> None:
        self._login = login
        self._deadlines = deadlines or Deadlines()
        self._open: AmiConnection | None = None
        self.counts = StreamCounts()

    async def __aenter__(self) -> AmiSwitch:
        self._open = await AmiConnection.connect(self._login, counts=self.counts, deadlines=self._deadlines)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def alive(self) -> bool:
        """Whether the session still stands."""
        return self._open is not None and self._open.alive

    async def status(self) -> SwitchStatus:
        """Version, name, start and load of the switch."""
        settings = await self._ami.action({"Action": "CoreSettings"})
        status = await self._ami.action({"Action": "CoreStatus"})
        pong = await self._ami.action({"Action": "Ping"})
        uptime = _UPTIME.search(await self.command("core show uptime seconds"))
        if uptime is None:
            raise ActionFailed("the switch doesn't tell its uptime")
        return SwitchStatus(
            version=_text(settings, "AsteriskVersion"),
            systemname=_text(settings, "SystemName"),
            started_at=started_at(
                f"{_text(status, 'CoreStartupDate')} {_text(status, 'CoreStartupTime')}",
                datetime.fromtimestamp(float(_text(pong, "Timestamp")), UTC),
                int(uptime.group(1)),
            ),
            calls_up=int(_text(status, "CoreCurrentCalls")),
        )

    async def clock(self) -> datetime:
        """The time by the switch's clock, at some moment between asking and the answer."""
        pong = await self._ami.action({"Action": "Ping"})
        return datetime.fromtimestamp(float(_text(pong, "Timestamp")), UTC)

    async def channels(self) -> tuple[LiveChannel, ...]:
        """A snapshot of all live channels, each with the tenant whose line it holds."""
        answered_at = datetime.now(UTC)
        items = await self._ami.listing({"Action": "CoreShowChannels"})
        lines = lines_held(await self.command("group show channels")) if items else {}
        return tuple(_live_channel(item, lines, answered_at) for item in items)

    async def command(self, line: str) -> str:
        """Output of one console command, lines joined by `\\n`.

        Raises: ActionFailed: no such command, or the switch refused it.
        """
        answer = await self._ami.action({"Action": "Command", "Command": line})
        output = answer.get("Output", [])
        return output if isinstance(output, str) else "\n".join(output)

    async def reload(self, module: str) -> None:
        """Reload a module, e.g. `res_pjsip.so`. What it read is for the caller to confirm.

        Raises: ActionFailed: no such module, it is being reloaded already, or it failed.
        """
        answer = await self._ami.action({"Action": "Reload", "Module": module})
        if answer["Response"] != "Success":
            raise ActionFailed(f"reload of {module}: {answer.get('Message', 'no reason given')}")

    async def endpoint(self, name: str) -> EndpointDetails:
        """A PJSIP endpoint as the running switch knows it, for confirming what was applied.

        Raises: NotFound: the switch has no such endpoint.
        """
        items = await self._endpoint_items(name)
        details = next((item for item in items if item["Event"] == "EndpointDetail"), None)
        if details is None:
            raise NotFound(f"the switch told nothing of the endpoint {name!r}")
        options = {key: _text(details, key) for key in details}
        return EndpointDetails(name, options, variables(options.get("SetVar", "")))

    async def endpoints(self) -> frozenset[str]:
        """Names of all PJSIP endpoints that the running switch knows."""
        items = await self._ami.listing({"Action": "PJSIPShowEndpoints"}, _LONG_LIST_S)
        return frozenset(_text(item, "ObjectName") for item in items if item.get("Event") == "EndpointList")

    async def follow_states(self, endpoints: Sequence[str]) -> None:
        """Make the switch tell the states of phones that came as rows: it looks for new ones only when told.

        For each it goes through all endpoints that are listed (`PhoneRows.listed`). One after the other, so
        that calls come in between.
        """
        for endpoint in endpoints:
            await self.actions(
                [{"Action": "Command", "Command": f"pjsip reload qualify endpoint {endpoint}"}]
            )

    async def expire_registrations(self, endpoints: Collection[str]) -> None:
        """End the registrations of phones that were removed.

        The switch would keep them for up to an hour, and show the account as reachable there when it comes
        back. A row taken out of its database leaves the state that it has in memory; so they expire, and
        the switch drops them as it does each expired one, within half a minute.
        """
        if endpoints:
            contacts = expired(await self.command(f"database show {_CONTACTS}"), endpoints)
            put = {"Action": "DBPut", "Family": _CONTACTS}
            await self.actions([{**put, "Key": key, "Val": value} for key, value in contacts.items()])

    async def actions(self, many: Sequence[Mapping[str, str]]) -> None:
        """Actions in one write, worked off in order even when this process dies.

        Raises: ActionFailed: the first that was refused, after all were tried.
        """
        if many:
            await self._ami.actions(many)

    async def dialplan(self, context: str, extension: str = "") -> Context | None:
        """A context as the running switch has it; None: it has no such context.

        Args: extension: the steps of one alone, none when it isn't there, and no includes.
        """
        fields = {"Action": "ShowDialPlan", "Context": context}
        try:
            items = await self._ami.listing(fields | ({"Extension": extension} if extension else {}))
        except ActionFailed:
            return Context(context, 0) if extension else None
        found = [item for item in items if item.get("Event") == "ListDialplan"]
        steps = [_step(item) for item in found if item.get("Extension") and item.get("Priority")]
        includes = [_text(item, "IncludeContext") for item in found if item.get("IncludeContext")]
        return Context(context, 0, steps, includes)

    async def states(self) -> dict[str, TenantState]:
        """What is set of each tenant in the switch's own database; one that isn't there has nothing set."""
        on = _kept(await self.command(f"database show {SWITCHES}"))
        out = _kept(await self.command(f"database show {LOGGED_OUT}"))
        barred = await self.barred()
        return {
            tenant: TenantState(*(frozenset(kept.get(tenant, ())) for kept in (on, out, barred)))
            for tenant in sorted({*on, *out, *barred})
        }

    async def waiting(self) -> dict[str, dict[str, int]]:
        """How many callers wait now, by tenant and department; nobody waits where nothing is said."""
        return waiting_callers(await self.command("group show channels"))

    async def manager(self, tenant: str, caller: str) -> str:
        """Extension of who last spoke with a caller, as `vpbx-ask-manager` finds it; empty: nobody.

        Args: caller: E.164.
        """
        told = await self.command(f"database get {MANAGERS}/{tenant} {caller}")
        found = re.search(r"Value: ([0-9]{2,6}):[0-9]{10}\b", told)
        return found[1] if found else ""

    async def turn(self, tenant: str, switch: str, to: str) -> None:
        """Turn a switch of a tenant, and its lamp. Args: to: `on` or `off`. Rule: as `vpbx-turn`."""
        family = f"{SWITCHES}/{tenant}"
        if to == ON:
            await self._done({"Action": "DBPut", "Family": family, "Key": switch, "Val": ON})
        else:
            await self.command(f"database del {family} {switch}")
        lamp = "INUSE" if to == ON else "NOT_INUSE"
        await self.command(f"devstate change Custom:vpbx-{tenant}-{switch} {lamp}")

    async def log_in(self, tenant: str, extension: str) -> None:
        """An employee takes calls of their departments again, or still does."""
        await self.command(f"database del {LOGGED_OUT}/{tenant} {extension}")

    async def log_out(self, tenant: str, extension: str) -> None:
        """An employee takes none of them until they log in."""
        family = f"{LOGGED_OUT}/{tenant}"
        await self._done({"Action": "DBPut", "Family": family, "Key": extension, "Val": "1"})

    async def _done(self, action: Mapping[str, str]) -> None:
        answer = await self._ami.action(action)
        if answer["Response"] != "Success":
            raise ActionFailed(f"{action['Action']}: {answer.get('Message', 'no reason given')}")

    async def music_classes(self) -> frozenset[str]:
        """Names of the classes of music on hold that it has."""
        told = await self.command("moh show classes")
        return frozenset(
            line.removeprefix("Class: ") for line in told.splitlines() if line.startswith("Class: ")
        )

    async def mailboxes(self) -> frozenset[str]:
        """The mailboxes that it has, as `extension@context`."""
        items = await self._ami.listing({"Action": "VoicemailUsersList"})
        return frozenset(
            f"{item['VoiceMailbox']}@{item['VMContext']}"
            for item in items
            if item["Event"] == "VoicemailUserEntry"
        )

    async def global_variables(self) -> dict[str, str]:
        """All globals of the dialplan."""
        lines = (await self.command("dialplan show globals")).splitlines()
        return dict(line.strip().split("=", 1) for line in lines if "=" in line)

    async def registrations(self, endpoint: str) -> tuple[Registration, ...]:
        """Where a phone's endpoint is registered from now; empty when it isn't.

        Raises: NotFound: the switch has no such endpoint.
        """
        items = await self._endpoint_items(endpoint)
        return tuple(registration(item) for item in items if item["Event"] == "ContactStatusDetail")

    async def trunk_registrations(self) -> dict[str, str]:
        """State of each registration with an operator or provider, by trunk: `Registered`, `Rejected`, …"""
        items = await self._ami.listing({"Action": "PJSIPShowRegistrationsOutbound"})
        found = (item for item in items if item.get("Event") == "OutboundRegistrationDetail")
        return {_text(item, "ObjectName"): _text(item, "Status") for item in found}

    async def _endpoint_items(self, name: str) -> list[Message]:
        try:
            return await self._ami.listing({"Action": "PJSIPShowEndpoint", "Endpoint": name})
        except ActionFailed as error:
            raise NotFound(f"the switch has no endpoint {name!r}") from error

    async def channel_variable(self, uniqueid: str, name: str) -> str:
        """A variable of a channel; empty when it isn't set. Raises: ActionFailed: no such channel."""
        answer = await self._ami.action({"Action": "Getvar", "Channel": uniqueid, "Variable": name})
        return _text(answer, "Value")

    async def prolong(self, uniqueid: str, granted: str, granted_s: int, left_s: float) -> None:
        """Let a channel last longer. What it was granted is written first: so it never seems less than it is.

        Args: granted: the variable that says how long it may talk in all. left_s: until the switch ends it.
        Raises: ActionFailed: no such channel.
        """
        said = {"Action": "Setvar", "Channel": uniqueid, "Variable": granted, "Value": str(granted_s)}
        end = {"Action": "AbsoluteTimeout", "Channel": uniqueid, "Timeout": f"{left_s:.3f}"}
        await self.actions([said, end])

    async def forget_unasked(self) -> None:
        """Forget how many calls were admitted while nobody could be asked, see `vpbx-credit`."""
        await self.command(f"database deltree {UNASKED}")

    async def barred(self) -> dict[str, set[str]]:
        """In which ways calls of tenants with outside are refused, see `model.state.BARRED`."""
        return _kept(await self.command(f"database show {BARRED}"))

    async def bar(self, tenant: str, ways: Collection[str]) -> None:
        """Refuse a tenant's calls with outside in these ways, and in no other. Rule: as `vpbx-barred`."""
        for way in (OUT, IN):
            if way in ways:
                await self._done({"Action": "DBPut", "Family": f"{BARRED}/{tenant}", "Key": way, "Val": "1"})
            else:
                await self.command(f"database del {BARRED}/{tenant} {way}")

    async def stop_recorder(self, uniqueid: str) -> None:
        """Stop the recorder of a channel. Raises: ActionFailed: it has none, or there is no such channel."""
        await self._ami.action({"Action": "StopMixMonitor", "Channel": uniqueid})

    async def start_recorder(self, uniqueid: str, file: str) -> None:
        """Record a channel on, into the files that it was recorded into before.

        Args: file: the recording's name, `CALL.raw`. Raises: ActionFailed: no such channel.
        """
        options = RECORD_ON_OPTIONS.format(call=file.removesuffix(".raw"))
        await self._ami.action({"Action": "MixMonitor", "Channel": uniqueid, "Options": options})

    async def global_variable(self, name: str) -> str:
        """A global of the dialplan; empty when it isn't set."""
        answer = await self._ami.action({"Action": "Getvar", "Variable": f"GLOBAL({name})"})
        return _text(answer, "Value")

    @property
    def _ami(self) -> AmiConnection:
        if self._open is None:
            raise AmiUnreachable("the AMI session isn't open", "use it inside `async with`")
        return self._open


def _step(item: Message) -> Step:
    return Step(
        extension=_text(item, "Extension"),
        priority=_text(item, "Priority"),
        application=_text(item, "Application"),
        data=_text(item, "AppData"),
        label=_text(item, "ExtensionLabel"),
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


def _kept(shown: str) -> dict[str, set[str]]:
    """Keys by tenant, out of a listing of a family of the switch's database.

    >>> _kept("/vpbx-switch/acme/night                           : on\\n1 results found.")
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
    found = re.findall(rf"^/{_CONTACTS}/(\S+?)\s*: (\{{.*\}})\s*$", listing, re.MULTILINE)
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
    expires, trip = _text(item, "RegExpire"), _text(item, "RoundtripUsec")
    reachable = {"Reachable": True, "Unreachable": False}.get(_text(item, "Status"))
    return Registration(
        uri=_text(item, "URI"),
        address=_text(item, "ViaAddress"),
        user_agent=_text(item, "UserAgent"),
        expires_at=datetime.fromtimestamp(int(expires), UTC) if expires.isdigit() and int(expires) else None,
        reachable=reachable,
        round_trip_ms=int(trip) / 1000 if reachable and trip.isdigit() else None,
    )


def _live_channel(item: Message, lines: Mapping[str, str], now: datetime) -> LiveChannel:
    channel = _text(item, "Channel")
    return LiveChannel(
        uniqueid=_text(item, "Uniqueid"),
        linkedid=_text(item, "Linkedid"),
        channel=channel,
        state=_text(item, "ChannelStateDesc"),
        created_at=_created_at(_text(item, "Uniqueid"), _text(item, "Duration"), now),
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


def _text(message: Message, header: str) -> str:
    value = message.get(header, "")
    return value if isinstance(value, str) else ",".join(value)
