from asyncio import Future

from .message import Message
from .utils import CaseInsensitiveDict

class Action(CaseInsensitiveDict):
    as_list: bool | None
    responses: list[Message]
    future: Future[Message | list[Message]]
    @property
    def id(self) -> str: ...
    @property
    def action_id(self) -> str | None: ...
