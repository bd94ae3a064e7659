"""A switch's AMI side for tests: it answers as Asterisk does, and misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

SYSTEMNAME = "s6f1d2"

Fields = dict[str, str]
Answer = Callable[[Fields], str]


def message(**headers: str) -> str:
    return "".join(f"{key}: {value}\r\n" for key, value in headers.items()) + "\r\n"


def ok(fields: Fields, **more: str) -> str:
    return message(Response="Success", ActionID=fields["ActionID"], **more)


def cel(name: str, uniqueid: str, extra: str = "", stamp: str = "1790000000.000000") -> str:
    """A CEL event of this switch. Args: uniqueid: its part after the systemname."""
    own = f"{SYSTEMNAME}-{uniqueid}"
    return message(
        Event="CEL",
        Timestamp=stamp,
        SystemName=SYSTEMNAME,
        EventName=name,
        Channel="PJSIP/t-1",
        UniqueID=own,
        LinkedID=own,
        Extra=extra,
    )


@dataclass
class FakeAmi:
    """A switch's AMI.

    Args: answers: by action in lower case; a missing one is never answered. silent: nothing is answered.
    """

    secret: str = "right"
    systemname: str = SYSTEMNAME
    port: int = 0
    silent: bool = False
    channels: list[str] = field(default_factory=list)
    received: list[Fields] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _writers: dict[asyncio.StreamWriter, str] = field(default_factory=dict)

    async def __aenter__(self) -> FakeAmi:
        self.answers = {
            "ping": lambda fields: ok(fields, Ping="Pong", Timestamp="1790000000.000000"),
            "login": self._login,
            "coresettings": lambda fields: ok(fields, AsteriskVersion="22.10.1", SystemName=self.systemname),
            "corestatus": lambda fields: ok(
                fields,
                CoreStartupDate="2026-09-21",
                CoreStartupTime="17:13:10",
                CoreCurrentCalls=str(len(self.channels)),
            ),
            "coreshowchannels": self._channels,
            "command": self._command,
        } | self.answers
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As a switch that dies: nothing listens, all sessions break."""
        if self._server is not None:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def emit(self, text: str | bytes) -> None:
        """Send to the sessions that asked for events."""
        for writer, mask in self._writers.items():
            if mask not in ("", "off"):
                writer.write(text if isinstance(text, bytes) else text.encode())

    @property
    def listeners(self) -> int:
        return sum(mask not in ("", "off") for mask in self._writers.values())

    def count(self, action: str) -> int:
        return sum(fields["Action"].lower() == action for fields in self.received)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = ""
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
                self.received.append(fields)
                answer = self.answers.get(fields["Action"].lower())
                if answer is None or self.silent:
                    continue
                said = answer(fields)
                writer.write(said.encode())
                if fields["Action"] == "Login":
                    if "Error" in said:
                        break
                    self._writers[writer] = fields["Events"]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.pop(writer, None)
            writer.close()

    def _login(self, fields: Fields) -> str:
        if fields["Secret"] != self.secret:
            return message(Response="Error", ActionID=fields["ActionID"], Message="Authentication failed")
        return ok(fields, Message="Authentication accepted")

    def _channels(self, fields: Fields) -> str:
        own = fields["ActionID"]
        items = [
            message(
                Event="CoreShowChannel",
                ActionID=own,
                Channel=f"PJSIP/t-{uniqueid}",
                ChannelStateDesc="Up",
                CallerIDName="Иван",
                Uniqueid=f"{SYSTEMNAME}-{uniqueid}",
                Linkedid=f"{SYSTEMNAME}-{uniqueid}",
                Duration="00:00:05",
            )
            for uniqueid in self.channels
        ]
        end = message(Event="CoreShowChannelsComplete", ActionID=own, EventList="Complete")
        return ok(fields, EventList="start", Message="Channels will follow") + "".join(items) + end

    def _command(self, fields: Fields) -> str:
        outputs = {
            "core show uptime seconds": ["System uptime: 10", "Last reload: 10"],
            "group show channels": [
                "Channel                    Group                 Category",
                *(f"PJSIP/t-{uniqueid}   acme   lines" for uniqueid in self.channels),
            ],
        }
        lines = outputs.get(fields["Command"])
        status = "Success" if lines else "Error"
        head = f"Response: {status}\r\nActionID: {fields['ActionID']}\r\nMessage: Command output follows\r\n"
        return head + "".join(f"Output: {line}\r\n" for line in lines or ["No such command"]) + "\r\n"


async def until(condition: Callable[[], object], deadline_s: float = 10.0) -> None:
    """Wait until a condition holds. Raises: TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def play(test: Callable[[FakeAmi], Awaitable[None]], **settings: object) -> None:
    """Run a test against a fake switch, with a deadline for the whole. Args: settings: of `FakeAmi`."""

    async def run() -> None:
        async with FakeAmi(**settings) as fake, asyncio.timeout(30):
            await test(fake)

    asyncio.run(run())
