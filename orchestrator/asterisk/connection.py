"""One logged-in AMI session on panoramisk's Manager: every wait has a deadline, nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from panoramisk.actions import Action
from panoramisk.manager import Manager
from panoramisk.message import Message

from orchestrator.asterisk.protocol import AmiProtocol, StreamCounts
from orchestrator.errors import ActionFailed, AmiRefused, AmiUnreachable

Fields = Mapping[str, str | Sequence[str]]
EventSink = Callable[[Message], bool]
"""Takes an event; False: no more for now, until `resume`."""

_log = structlog.get_logger("vpbx.ami")


@dataclass(frozen=True, slots=True)
class AmiLogin:
    """Where a switch's AMI is and as whom to log in."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds to wait: for TCP and the login answer, for an action's whole answer, between and for pings."""

    login_s: float = 5.0
    action_s: float = 10.0
    ping_every_s: float = 5.0
    pong_s: float = 5.0


class _EveryAction:
    """panoramisk's `forgetable_actions`: all of them, so that a call is never placed a second time."""

    def __contains__(self, _name: object) -> bool:
        return True


class _Session(Manager):
    """panoramisk's manager without its own reconnect, ping and tasks per event."""

    def __init__(self, on_event: EventSink | None, encoding: str = "utf8") -> None:
        super().__init__(encoding=encoding, forgetable_actions=_EveryAction())
        self._on_event = on_event
        self.lost = asyncio.Event()
        self.reason: object = None

    def dispatch(self, event: Message) -> list[str]:
        if self._on_event is not None and not self._on_event(event):
            self.pause()
        return []

    def pause(self) -> None:
        if isinstance(self.protocol, AmiProtocol):
            self.protocol.pause()

    def connection_lost(self, exc: object) -> None:
        self.awaiting_actions.clear()
        self.reason = self.reason or exc
        self.lost.set()


class ByteFeed:
    """The bytes of an AMI session without a network. Args: on_event: as of `AmiConnection.connect`."""

    def __init__(self, on_event: EventSink) -> None:
        self.counts = StreamCounts()
        session = _Session(on_event)
        self._protocol = session.protocol = AmiProtocol(self.counts, factory=session)
        self._protocol.connection_made(_NoNetwork())

    def feed(self, chunk: bytes) -> None:
        self._protocol.data_received(chunk)


class _NoNetwork(asyncio.Transport):
    def close(self) -> None:
        """Nothing is open."""

    def pause_reading(self) -> None:
        """Nothing is read."""


class AmiConnection:
    """A logged-in session. Made by `connect`; over when `wait_lost` returns."""

    def __init__(
        self, login: AmiLogin, session: _Session, protocol: AmiProtocol, deadlines: Deadlines
    ) -> None:
        self._login = login
        self._session = session
        self._protocol = protocol
        self._deadlines = deadlines

    @classmethod
    async def connect(
        cls,
        login: AmiLogin,
        *,
        events: str = "off",
        on_event: EventSink | None = None,
        counts: StreamCounts | None = None,
        deadlines: Deadlines | None = None,
    ) -> AmiConnection:
        """Connect and log in, once.

        Args: events: AMI event mask (`off`, `call`, ...). on_event: called for each event, in order; while it
            wants no more, events wait in the switch.
        Raises: AmiUnreachable: nothing listens or answers in time. AmiRefused: wrong user or secret.
        """
        waits = deadlines or Deadlines()
        tally = counts if counts is not None else StreamCounts()
        session = _Session(on_event)
        protocol = await _open(login, session, tally, waits.login_s)
        connection = cls(login, session, protocol, waits)
        try:
            await connection._log_in(events)
        except BaseException:
            connection.close()
            raise
        return connection

    async def action(self, fields: Fields, deadline_s: float | None = None) -> Message:
        """Send an action and return its one answer.

        Raises: ActionFailed: the switch answered with an error. AmiUnreachable: no answer in time.
        """
        return (await self._answers(fields, deadline_s, as_list=False))[0]

    async def listing(self, fields: Fields, deadline_s: float | None = None) -> list[Message]:
        """Send an action that is answered by a list, and return the list's items.

        Raises: as `action`. The deadline is for the whole list.
        """
        answers = await self._answers(fields, deadline_s, as_list=None)
        return [message for message in answers if "Event" in message and not _ends_a_list(message)]

    async def actions(self, many: Sequence[Fields], deadline_s: float | None = None) -> list[Message]:
        """Send actions in one write and return their answers, in order.

        The switch works them off one after the other, even when this process dies meanwhile.

        Raises: ActionFailed: the first that was refused; the others were done all the same. AmiUnreachable.
        """
        with self._protocol.in_one_write():
            sent = [self._sent(fields, as_list=False) for fields in many]
        waiting = (self._answered(action, future, deadline_s) for action, future in sent)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            raise failed[0]
        return [answer[0] for answer in answers if not isinstance(answer, BaseException)]

    def tell(self, many: Sequence[Fields]) -> None:
        """Send actions in one write, as the last thing in this session: nobody waits for their answers.

        Raises: AmiUnreachable: not connected.
        """
        with self._protocol.in_one_write():
            sent = [self._sent(fields, as_list=False) for fields in many]
        for action, future in sent:
            self._protocol.forget(action)
            future.cancel()

    async def wait_lost(self) -> str:
        """Wait until the session is over, or the switch gives no sign of life in time. Returns: why."""
        pinger = asyncio.create_task(self._ping())
        lost = asyncio.create_task(self._session.lost.wait())
        try:
            await asyncio.wait({pinger, lost}, return_when=asyncio.FIRST_COMPLETED)
            if pinger.done():
                return pinger.result()
            reason = self._session.reason
            return f"connection lost: {reason}" if reason else "the switch closed the connection"
        finally:
            pinger.cancel()
            lost.cancel()
            self.close()

    @property
    def alive(self) -> bool:
        return not self._protocol.closed and not self._session.lost.is_set()

    def resume(self) -> None:
        """Take events again after the sink wanted no more."""
        self._protocol.resume()

    def close(self) -> None:
        self._protocol.close()

    async def _log_in(self, events: str) -> None:
        fields = {
            "Action": "Login",
            "Username": self._login.username,
            "Secret": self._login.secret,
            "Events": events,
        }
        try:
            await self.action(fields, self._deadlines.login_s)
        except ActionFailed as error:
            raise AmiRefused(
                f"the switch at {self._login} refused the AMI user {self._login.username!r}",
                "its secret there is another one: vpbx switch stop, then vpbx apply and vpbx switch start",
            ) from error

    async def _answers(self, fields: Fields, deadline_s: float | None, as_list: bool | None) -> list[Message]:
        """Args: as_list: as panoramisk has it; None: the first answer says whether a list follows."""
        action, future = self._sent(fields, as_list)
        return await self._answered(action, future, deadline_s)

    def _sent(self, fields: Fields, as_list: bool | None) -> tuple[Action, asyncio.Future[Any]]:
        action = Action(dict(fields))
        return action, self._session.send_action(action, as_list=as_list)

    async def _answered(
        self, action: Action, future: asyncio.Future[Any], deadline_s: float | None
    ) -> list[Message]:
        name = str(action["Action"])
        wait_s = self._deadlines.action_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(wait_s):
                answer = await future
        except TimeoutError as error:
            raise AmiUnreachable(
                f"the switch at {self._login} gave no answer to {name} in {wait_s:g} s",
                "it may be overloaded or stopped: see its log",
            ) from error
        except AmiUnreachable as error:
            raise AmiUnreachable(
                f"the switch at {self._login} closed the connection before it answered {name}",
                "it was stopped, or something else listens there: vpbx switch status",
            ) from error
        finally:
            self._protocol.forget(action)
        answers = answer if isinstance(answer, list) else [answer]
        if not answers[0].success:
            raise ActionFailed(f"{name}: {_reason(answers[0])}")
        return answers

    async def _ping(self) -> str:
        """Returns: why the session counts as dead; while all is well it doesn't return."""
        while True:
            await asyncio.sleep(self._deadlines.ping_every_s)
            seen = self._protocol.received
            held_back = self._protocol.paused
            try:
                await self.action({"Action": "Ping"}, self._deadlines.pong_s)
            except ActionFailed as error:
                return f"ping refused: {error.message}"
            except AmiUnreachable as error:
                if not self.alive:
                    return error.message
                # Our own pause hides the pong; other bytes are a sign of life as good as one.
                if not held_back and not self._protocol.paused and self._protocol.received == seen:
                    return f"no sign of life for {self._deadlines.pong_s:g} s after a ping"


async def _open(login: AmiLogin, session: _Session, counts: StreamCounts, wait_s: float) -> AmiProtocol:
    loop = asyncio.get_running_loop()

    def protocol() -> AmiProtocol:
        made = AmiProtocol(counts, factory=session)
        session.protocol = made
        return made

    try:
        async with asyncio.timeout(wait_s):
            _, made = await loop.create_connection(protocol, login.host, login.port)
    except TimeoutError as error:
        raise AmiUnreachable(f"no connection to AMI at {login} in {wait_s:g} s") from error
    except OSError as error:
        raise AmiUnreachable(
            f"nothing listens for AMI at {login}: {_why(error)}",
            "start the switch: vpbx switch start",
        ) from error
    session.loop = loop
    return made


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _ends_a_list(message: Message) -> bool:
    return str(message.get("EventList", "")).lower() == "complete"


def _reason(answer: Message) -> str:
    text: Any = answer.get("Message") or answer.get("Response") or "refused without a reason"
    output: Any = answer.get("Output")
    if output:
        text = output if isinstance(output, str) else " ".join(output)
    return str(text).strip()
