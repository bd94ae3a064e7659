import asyncio
from logging import Logger

from .actions import Action
from .manager import Manager
from .message import Message

class AMIProtocol(asyncio.Protocol):
    transport: asyncio.Transport
    closed: bool
    responses: dict[str, Action]
    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    factory: Manager | None
    version: str | None
    encoding: str
    log: Logger
    def send(self, data: Action, as_list: bool | None = ...) -> asyncio.Future[Message | list[Message]]: ...
    def handle_message(self, message: Message) -> None: ...
    def close(self) -> None: ...
