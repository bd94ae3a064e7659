"""The AMI byte stream: messages cut out of it, each read strictly, and actions that can't smuggle headers.

panoramisk decodes each TCP chunk alone and lets one bad message close the connection; here the bytes are
kept until a message is whole, and one bad message costs only itself.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from orchestrator.errors import ActionFailed, AmiUnreachable, SwitchError

LONGEST_MESSAGE = 256 * 1024
IDENTITY_HEADERS = frozenset(
    {
        "event",
        "response",
        "actionid",
        "timestamp",
        "systemname",
        "eventname",
        "eventtime",
        "uniqueid",
        "linkedid",
        "channel",
        "extra",
    }
)
"""Headers that say what a message is about. A second one in a message is somebody's injected line."""

_END_OF_MESSAGE = b"\r\n\r\n"
_BANNER = "Asterisk Call Manager/"
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.()-]*")
_LINE_BREAK = re.compile(r"[\r\n\0]")

_log = structlog.get_logger("vpbx.ami")


class ForgedMessage(SwitchError):
    """An identity header stands twice: the text of a caller was sent as headers."""

    code = "ami-forged"


class MessageTooLong(SwitchError):
    code = "ami-message-too-long"


@dataclass(slots=True)
class StreamCounts:
    """What came over the AMI stream, counted since start.

    Args: forged: messages dropped because somebody made them up. failed: messages whose handling raised.
    fragments: blocks without Event and Response, such as the rest of a message that was cut by an injection.
    oversized: connections dropped for a message above the limit.
    """

    messages: int = 0
    forged: int = 0
    fragments: int = 0
    failed: int = 0
    oversized: int = 0


class MessageSplitter:
    """Cuts the byte stream into whole messages; a message may come in any number of chunks."""

    def __init__(self, longest: int = LONGEST_MESSAGE) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._longest = longest

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages that are whole now, without their end mark.

        Raises: MessageTooLong: the unfinished message is above the limit; nothing more can be read.
        """
        self._rest += chunk
        messages: list[bytes] = []
        start = 0
        while (end := self._rest.find(_END_OF_MESSAGE, max(start, self._searched))) >= 0:
            messages.append(bytes(self._rest[start:end]))
            start = end + len(_END_OF_MESSAGE)
        del self._rest[:start]
        self._searched = max(0, len(self._rest) - len(_END_OF_MESSAGE) + 1)
        if len(self._rest) > self._longest:
            raise MessageTooLong(f"an AMI message is longer than {self._longest} bytes")
        return messages


def read_message(block: bytes) -> Message | None:
    """One whole message. A header that isn't there is absent; bytes that aren't UTF-8 become U+FFFD.

    Other headers may repeat (`Output` does) and then hold a list of values.

    Returns: None for a block that is neither an event nor a response.
    Raises: ForgedMessage: an identity header is repeated.
    """
    headers: dict[str, str | list[str]] = {}
    spelling: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        folded = _folded(name)
        if not colon or not folded:
            continue
        value = value.removeprefix(" ")
        known = spelling.setdefault(folded, name)
        if known not in headers:
            headers[known] = value
            continue
        if folded in IDENTITY_HEADERS:
            raise ForgedMessage(f"the header {name} stands twice in one message")
        earlier = headers[known]
        headers[known] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
    if "event" not in spelling and "response" not in spelling:
        return None
    return Message(headers)


@lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    """A header's name in lower case; empty when it is no name."""
    return name.lower() if _HEADER_NAME.fullmatch(name) else ""


def worth_telling(count: int) -> bool:
    """Whether the n-th of many alike belongs in the log: 1, 2, 4, 8, ... Callers can make any number of them.

    >>> [count for count in range(1, 20) if worth_telling(count)]
    [1, 2, 4, 8, 16]
    """
    return count & (count - 1) == 0


def check_action(action: Action) -> None:
    """Refuse a name or value that would become a header, or an action, of its own.

    Raises: ActionFailed: it holds a line break; nothing was sent.
    """
    for name, value in action.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        for text in (name, *values):
            if _LINE_BREAK.search(str(text)):
                raise ActionFailed(
                    f"{name} of the action {action['Action']!r} holds a line break: not sent",
                    "remove the line break from the value",
                )


class _Gathered(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False


class AmiProtocol(AMIProtocol):
    """panoramisk's protocol over whole messages.

    Args: counts: what to count in. longest: bytes; a longer message ends the connection.
    factory: the manager that gets events and hears of the end.
    """

    def __init__(
        self, counts: StreamCounts, longest: int = LONGEST_MESSAGE, factory: Manager | None = None
    ) -> None:
        self._counts = counts
        self._manager = factory
        self._splitter = MessageSplitter(longest)
        self._waiting: deque[bytes] = deque()
        self.paused = False
        self.received = 0
        """Bytes so far; whoever waits for a sign of life compares it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self._manager
        self.encoding = "utf8"

    def send(self, data: Action, as_list: bool | None = None) -> asyncio.Future[Message | list[Message]]:
        """Write an action.

        Raises: ActionFailed: a value holds a line break. AmiUnreachable: not connected.
        """
        check_action(data)
        if self.closed or self.transport.is_closing():
            raise AmiUnreachable("the AMI connection is closed")
        return super().send(data, as_list=as_list)

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """Actions sent inside leave together at the end, in order: all, or none when this process dies."""
        network, gathered = self.transport, _Gathered()
        self.transport = gathered
        try:
            yield
        finally:
            self.transport = network
        network.write(b"".join(gathered.written))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        try:
            self._waiting.extend(self._splitter.feed(data))
        except MessageTooLong as error:
            self._counts.oversized += 1
            _log.error("ami-message-too-long", error=error.message)
            self.close()
            return
        self._work_off()

    def pause(self) -> None:
        """Stop reading; what has come already waits. The switch is held back by TCP."""
        if not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Go on: first what waited, then the network."""
        if self.paused:
            self.paused = False
            self._work_off()
            if not self.paused and not self.transport.is_closing():
                self.transport.resume_reading()

    def handle_message(self, message: Message) -> None:
        """An answer goes to its action, an event to the manager. An event never closes the connection."""
        if message.get("ActionID") in self.responses:
            super().handle_message(message)
        elif "Event" in message and self.factory is not None:
            self.factory.dispatch(message)

    def forget(self, action: Action) -> None:
        """An answer that is no longer waited for."""
        self.responses.pop(action.id, None)
        self.responses.pop(action["ActionID"], None)

    def close(self) -> None:
        """Close; whatever still waits for an answer fails and is never sent again."""
        for action in list(self.responses.values()):
            if not action.future.done():
                action.future.set_exception(AmiUnreachable("the AMI connection was closed before the answer"))
        self.responses.clear()
        super().close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the manager once, whoever closed. Args: exc: what broke it, None for an orderly end."""
        self.close()
        if self.factory is not None:
            self.factory.connection_lost(exc)

    def _work_off(self) -> None:
        while self._waiting and not self.paused and not self.closed:
            self._take(self._waiting.popleft())

    def _take(self, block: bytes) -> None:
        block = block.lstrip(b"\r\n")
        if self.version is None and block.startswith(_BANNER.encode()):
            banner, _, block = block.partition(b"\r\n")
            self.version = banner.decode("ascii", "replace").removeprefix(_BANNER).strip()
        if not block:
            return
        self._counts.messages += 1
        try:
            message = read_message(block)
            if message is None:
                self._counts.fragments += 1
                if worth_telling(self._counts.fragments):
                    _log.warning("ami-fragment", so_far=self._counts.fragments)
            else:
                self.handle_message(message)
        except ForgedMessage as error:
            self._counts.forged += 1
            if worth_telling(self._counts.forged):
                _log.warning("ami-message-forged", error=error.message, so_far=self._counts.forged)
        except Exception:  # noqa: BLE001 - one bad message costs only itself, whatever is wrong with it
            self._counts.failed += 1
            _log.exception("ami-message-failed")
