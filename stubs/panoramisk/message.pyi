from .utils import CaseInsensitiveDict

class Message(CaseInsensitiveDict):
    success: bool
    def __init__(self, headers: object, content: str = "") -> None: ...
