"""A mailbox: where callers leave messages (voicemail), and who is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.prompt import SILENCE, Prompt


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Args:
    name: an employee's extension, or a name of its own. extension: it is listened to by; of a mailbox with a
        name of its own also what reaches it from inside.
    greeting: what callers hear; none: the switch's own. Whoever has recorded one by phone is heard instead.
    email: addresses that each message is sent to. lamps: extensions whose phones show that there are new
        ones. longest_s: of a message.
    """

    name: str
    extension: str
    greeting: Prompt = SILENCE
    email: tuple[str, ...] = ()
    lamps: tuple[str, ...] = ()
    longest_s: int = 180
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def is_personal(self) -> bool:
        """Whether it is an employee's: their extension rings them, and doesn't lead here."""
        return self.name == self.extension


def mailbox_context(tenant: str) -> str:
    """What the switch calls the room of a tenant's mailboxes.

    >>> mailbox_context("acme")
    'acme-mailboxes'
    """
    return f"{tenant}-mailboxes"
