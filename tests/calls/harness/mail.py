"""A mail server that takes e-mail for a test and keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from harness.ports import PortBlock
from orchestrator.model.platform import Address

_HOST = "127.0.0.1"


@dataclass
class Inbox:
    """What the server has taken. Args: taken: e-mails in order. to: whom each was for, by the envelope.

    refuse: what it answers instead of taking any; empty: it takes them.
    """

    taken: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    refuse: str = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        if self.refuse:
            return self.refuse
        content = envelope.content
        assert isinstance(content, bytes)
        parsed = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(parsed, EmailMessage)
        self.taken.append(parsed)
        self.to.append(list(envelope.rcpt_tos))
        return "250 OK"


class MailServer:
    """The server, on a port of its own that stays its when it is down."""

    def __init__(self) -> None:
        self._ports = PortBlock()
        self.address = Address(_HOST, self._ports.port())
        self.inbox = Inbox()
        self._controller: Controller | None = None

    def __enter__(self) -> MailServer:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()
        self._ports.release()

    def up(self) -> None:
        self._controller = Controller(self.inbox, self.address.host, self.address.port)
        self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
