import asyncio
from collections import deque
from collections.abc import Container

from .actions import Action
from .ami_protocol import AMIProtocol
from .message import Message

class Manager:
    protocol: AMIProtocol | None
    loop: asyncio.AbstractEventLoop | None
    awaiting_actions: deque[Action]
    forgetable_actions: Container[str]
    def __init__(self, **config: object) -> None: ...
    def send_action(
        self, action: Action, as_list: bool | None = ..., **kwargs: object
    ) -> asyncio.Future[Message | list[Message]]: ...
    def dispatch(self, event: Message) -> list[str]: ...
    def connection_lost(self, exc: object) -> None: ...
    def close(self) -> None: ...
