"""A mail server that says what a test wants, and a clock that stands until it is moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class StandingClock:
    """One that stands until it is moved."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Taken:
    """Args: answer: to DATA; empty: it is taken. refused: recipients that aren't known here."""

    mails: list[bytes] = field(default_factory=list)
    answer: str = ""
    refused: tuple[str, ...] = ()

    async def handle_RCPT(
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"
