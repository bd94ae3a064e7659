"""A message that a caller has left in a mailbox, and what became of sending it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrator.model.call import Systemname

MailState = Literal["due", "none", "sent", "given_up", "gone"]


@dataclass(frozen=True, slots=True)
class VoiceMessage:
    """Args:
    mailbox: by its extension. message: its id, of the switch's making. uniqueid: of the caller's channel; may
        be empty. caller: E.164, an extension, or empty when withheld. received_at: aware UTC.
    """

    systemname: Systemname
    tenant: str
    mailbox: str
    message: str
    uniqueid: str
    caller: str
    received_at: datetime
    length_s: int


@dataclass(frozen=True, slots=True)
class Mailing:
    """A message and how it stands with its e-mail.

    Args: state: `due`; `none`: the mailbox has no address; `sent`; `given_up`: no server took it; `gone`: it
    was deleted before. attempts: so far. next_at: of the next one, while it is due. mailed_at: when a server
    took it. note: what the last server said that didn't.
    """

    message: VoiceMessage
    state: MailState = "due"
    attempts: int = 0
    next_at: datetime | None = None
    mailed_at: datetime | None = None
    note: str = ""
