"""Messages that callers leave, indexed and sent by e-mail, from a thread of its own beside the writer.

The spool is the truth: what was left while nothing ran is found and sent later. A message is sent at least
once: a process that dies between a server's word and the note of it sends it again, with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.errors import OrchestratorError
from orchestrator.mail import MailNotSent, send
from orchestrator.message_mail import compose
from orchestrator.model.call import Systemname
from orchestrator.model.message import Mailing
from orchestrator.model.platform import Definitions, Smtp
from orchestrator.ports import Clock
from orchestrator.rounds import Rounds
from orchestrator.storage.messages import MessageIndex
from orchestrator.storage.store import SqlStore

GIVEN_UP_AFTER = timedelta(days=5)
"""As long as mail servers themselves try, RFC 5321 4.5.4.1."""

_FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=10), timedelta(hours=1)

_SHORTEST_REST_S = 0.5
"""Between two rounds, whatever the clock does."""

_log = structlog.get_logger("vpbx.postman")


class Office(Protocol):
    """What the postman works with; asked at each round."""

    def definitions(self) -> Definitions: ...

    def password(self, smtp: Smtp) -> str:
        """To log in with; empty: none. Raises: OrchestratorError: it isn't where it should be."""
        ...


@dataclass(frozen=True, slots=True)
class PostmanStatus:
    """Args: sent: e-mails that a server took. given_up: messages that no server will take. error: of the
    last attempt that failed, until one succeeds."""

    sent: int = 0
    given_up: int = 0
    error: str = ""


class Postman:
    """Args: open_store: called in the thread. every_s: between rounds that nothing asked for."""

    def __init__(
        self,
        systemname: Systemname,
        spool: MailboxSpool,
        open_store: Callable[[], SqlStore],
        office: Office,
        clock: Clock,
        every_s: float = 30.0,
    ) -> None:
        self._systemname = systemname
        self._spool = spool
        self._office = office
        self._clock = clock
        self._every_s = every_s
        self._rounds = Rounds(
            "postman",
            open_store,
            lambda store: self.round(MessageIndex(store.database)),
            self._failed,
            every_s,
        )
        self.status = PostmanStatus()

    def start(self) -> None:
        self._rounds.start()

    def look(self) -> None:
        """A message was left. Returns at once."""
        self._rounds.ask()

    def stop(self, deadline_s: float) -> bool:
        """Send what is being sent, and end. Returns: whether it has ended in time."""
        return self._rounds.stop(deadline_s)

    def round(self, index: MessageIndex) -> float:
        """Index what is new, and try to send what is due. Returns: seconds until the next round."""
        known = index.known(self._systemname)
        found = [kept.message for kept in self._spool.messages()]
        index.add([each for each in found if (each.tenant, each.mailbox, each.message) not in known])
        definitions = self._office.definitions()
        for mailing in index.due(self._systemname, self._clock.now()):
            if self._rounds.stopping:
                break
            index.keep(self._tried(mailing, definitions))
        next_at = index.next_at(self._systemname)
        if next_at is None:
            return self._every_s
        left_s = (next_at - self._clock.now()).total_seconds()
        return min(self._every_s, max(_SHORTEST_REST_S, left_s))

    def _tried(self, mailing: Mailing, definitions: Definitions) -> Mailing:
        """How a message stands after another attempt to send it."""
        message, smtp = mailing.message, definitions.platform.smtp
        tenant = definitions.tenants.get(message.tenant)
        boxes = () if tenant is None else tenant.mailboxes
        mailbox = next((each for each in boxes if each.extension == message.mailbox), None)
        if smtp is None or tenant is None or mailbox is None or not mailbox.email:
            return replace(mailing, state="none", next_at=None)
        if not mailing.attempts and self._clock.now() - message.received_at > GIVEN_UP_AFTER:
            return replace(mailing, state="none", next_at=None, note="found too late to be news")
        try:
            sound = self._spool.sound_of(message)
            if sound is None:
                return replace(mailing, state="gone", next_at=None)
            mail = compose(message, tenant, mailbox, smtp.sender, mailbox.email, sound)
            refused = send(smtp, self._office.password(smtp), mail, mailbox.email)
        except MailNotSent as error:
            return self._put_off(mailing, error.message, final=error.final)
        except OrchestratorError as error:
            return self._put_off(mailing, error.message)
        except OSError as error:
            return self._put_off(mailing, f"its sound can't be read: {error.strerror}")
        self.status = replace(self.status, sent=self.status.sent + 1, error="")
        _log.info("message-mailed", tenant=message.tenant, mailbox=message.mailbox, refused=refused)
        now = self._clock.now()
        attempts = mailing.attempts + 1
        return replace(mailing, state="sent", attempts=attempts, next_at=None, mailed_at=now, note=refused)

    def _put_off(self, mailing: Mailing, why: str, *, final: bool = False) -> Mailing:
        self._failed(why)
        now, attempts = self._clock.now(), mailing.attempts + 1
        over = final or now - mailing.message.received_at > GIVEN_UP_AFTER
        told = {"tenant": mailing.message.tenant, "mailbox": mailing.message.mailbox, "error": why}
        if over:
            self.status = replace(self.status, given_up=self.status.given_up + 1)
            _log.error("message-not-mailed", **told, note="it stays in the mailbox")
            return replace(mailing, state="given_up", attempts=attempts, next_at=None, note=why)
        _log.warning("message-put-off", **told, attempts=attempts)
        return replace(mailing, attempts=attempts, next_at=next_attempt(now, attempts), note=why)

    def _failed(self, why: str) -> None:
        self.status = replace(self.status, error=why)


def next_attempt(now: datetime, attempts: int) -> datetime:
    """When to try again after so many attempts: 10 s, then twice as long each time, at most an hour."""
    factor: int = 1 << min(attempts - 1, 10)
    return now + min(_LONGEST_RETRY, _FIRST_RETRY * factor)
