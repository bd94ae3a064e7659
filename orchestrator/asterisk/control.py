"""Control of one running Asterisk over AMI, for the CLI verbs and for apply. Fulfils `ports.Switch`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

from panoramisk.message import Message

from orchestrator.asterisk.answers import (
    CONTACTS,
    expired,
    kept_keys,
    lines_held,
    live_channel,
    registration,
    started_at,
    step_of,
    text,
    variables,
    waiting_callers,
)
from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.dialplan import Context
from orchestrator.asterisk.protocol import StreamCounts
from orchestrator.errors import ActionFailed, AmiUnreachable, NotFound
from orchestrator.model.call import LiveChannel
from orchestrator.model.state import (
    BARRED,
    DND,
    IN,
    LOGGED_OUT,
    MANAGERS,
    ON,
    OUT,
    OWN_STATES,
    SWITCHES,
    UNASKED,
    TenantState,
)
from orchestrator.ports import Registration, SwitchStatus

WARNING_CHANNELS = "Local/tone@vpbx-credit-warning"
"""What the names of the channels begin with that wait for a call's warning: of no call, see `credit.conf`."""

RECORD_ON_OPTIONS = "abr({call}-left.raw)t({call}-right.raw)"
"""As `vpbx-record-on` of the dialplan has them: append, only while bridged, each side into its own file."""

_UPTIME = re.compile(r"System uptime:\s*(\d+)")
_LONG_LIST_S = 60.0


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
            version=text(settings, "AsteriskVersion"),
            systemname=text(settings, "SystemName"),
            started_at=started_at(
                f"{text(status, 'CoreStartupDate')} {text(status, 'CoreStartupTime')}",
                datetime.fromtimestamp(float(text(pong, "Timestamp")), UTC),
                int(uptime.group(1)),
            ),
            calls_up=int(text(status, "CoreCurrentCalls")),
        )

    async def clock(self) -> datetime:
        """The time by the switch's clock, at some moment between asking and the answer."""
        pong = await self._ami.action({"Action": "Ping"})
        return datetime.fromtimestamp(float(text(pong, "Timestamp")), UTC)

    async def channels(self) -> tuple[LiveChannel, ...]:
        """A snapshot of the live channels of all calls, each with the tenant whose line it holds."""
        answered_at = datetime.now(UTC)
        items = await self._ami.listing({"Action": "CoreShowChannels"})
        lines = lines_held(await self.command("group show channels")) if items else {}
        found = (live_channel(item, lines, answered_at) for item in items)
        return tuple(each for each in found if not each.channel.startswith(WARNING_CHANNELS))

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
        options = {key: text(details, key) for key in details}
        return EndpointDetails(name, options, variables(options.get("SetVar", "")))

    async def endpoints(self) -> frozenset[str]:
        """Names of all PJSIP endpoints that the running switch knows."""
        items = await self._ami.listing({"Action": "PJSIPShowEndpoints"}, _LONG_LIST_S)
        return frozenset(text(item, "ObjectName") for item in items if item.get("Event") == "EndpointList")

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
            contacts = expired(await self.command(f"database show {CONTACTS}"), endpoints)
            put = {"Action": "DBPut", "Family": CONTACTS}
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
        steps = [step_of(item) for item in found if item.get("Extension") and item.get("Priority")]
        includes = [text(item, "IncludeContext") for item in found if item.get("IncludeContext")]
        return Context(context, 0, steps, includes)

    async def states(self) -> dict[str, TenantState]:
        """What is set of each tenant in the switch's own database; one that isn't there has nothing set."""
        on = kept_keys(await self.command(f"database show {SWITCHES}"))
        out = kept_keys(await self.command(f"database show {LOGGED_OUT}"))
        dnd = kept_keys(await self.command(f"database show {DND}"))
        barred = await self.barred()
        return {
            tenant: TenantState(*(frozenset(kept.get(tenant, ())) for kept in (on, out, dnd, barred)))
            for tenant in sorted({*on, *out, *dnd, *barred})
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
        await self.command(f"devstate change Custom:{SWITCHES}.{tenant}.{switch} {lamp}")

    async def set_own(self, tenant: str, extension: str, state: str, *, on: bool) -> None:
        """Set or end a state of an employee's own. Rule: as `vpbx-own-on` and `vpbx-own-off`."""
        family = f"{OWN_STATES[state]}/{tenant}"
        if on:
            await self._done({"Action": "DBPut", "Family": family, "Key": extension, "Val": "1"})
        else:
            await self.command(f"database del {family} {extension}")
        if state == "dnd":
            lamp = "BUSY" if on else "NOT_INUSE"
            await self.command(f"devstate change Custom:{DND}.{tenant}.{extension} {lamp}")

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
        return {text(item, "ObjectName"): text(item, "Status") for item in found}

    async def _endpoint_items(self, name: str) -> list[Message]:
        try:
            return await self._ami.listing({"Action": "PJSIPShowEndpoint", "Endpoint": name})
        except ActionFailed as error:
            raise NotFound(f"the switch has no endpoint {name!r}") from error

    async def channel_variable(self, uniqueid: str, name: str) -> str:
        """A variable of a channel; empty when it isn't set. Raises: ActionFailed: no such channel."""
        answer = await self._ami.action({"Action": "Getvar", "Channel": uniqueid, "Variable": name})
        return text(answer, "Value")

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
        return kept_keys(await self.command(f"database show {BARRED}"))

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
        return text(answer, "Value")

    @property
    def _ami(self) -> AmiConnection:
        if self._open is None:
            raise AmiUnreachable("the AMI session isn't open", "use it inside `async with`")
        return self._open
