"""E-mail handed over to a server by SMTP, with a deadline for each step of it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage

from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import Smtp


class MailNotSent(OrchestratorError):
    """A server didn't take an e-mail.

    Args: final: it never will: it refuses this e-mail, or whom it is for.
    """

    code = "mail-not-sent"

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message, "check `smtp` in platform.yaml, and the server's own log")
        self.final = final


def send(
    smtp: Smtp, password: str, message: EmailMessage, to: Sequence[str], deadline_s: float = 20.0
) -> str:
    """Hand an e-mail to the server.

    Args: password: empty: no log-in. to: at least one address.
    Returns: whom the server refused, in words; empty: nobody.
    Raises: MailNotSent: nobody gets it.
    """
    try:
        with _session(smtp, password, deadline_s) as server:
            return _refused(server.send_message(message, smtp.sender, list(to)))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise MailNotSent(_refused(error.recipients), final=min(codes) >= 500) from error
    except smtplib.SMTPDataError as error:
        told = _text(error.smtp_error)
        raise MailNotSent(f"{error.smtp_code} {told}", final=error.smtp_code >= 500) from error


def knock(smtp: Smtp, password: str, deadline_s: float = 20.0) -> None:
    """See whether the server lets us in; nothing is sent. Raises: MailNotSent: it doesn't."""
    with _session(smtp, password, deadline_s) as server:
        server.noop()


@contextmanager
def _session(smtp: Smtp, password: str, deadline_s: float) -> Iterator[smtplib.SMTP]:
    """Raises: MailNotSent: what goes wrong but the e-mail itself."""
    try:
        with _connected(smtp, deadline_s) as server:
            if smtp.username:
                server.login(smtp.username, password)
            yield server
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
        raise
    except smtplib.SMTPResponseException as error:
        raise MailNotSent(f"{smtp.server}: {error.smtp_code} {_text(error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailNotSent(f"{smtp.server}: {error or type(error).__name__}") from error


def _connected(smtp: Smtp, deadline_s: float) -> smtplib.SMTP:
    host, port = smtp.server.host, smtp.server.port
    if smtp.security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=deadline_s, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=deadline_s)
    if smtp.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{address}: {code} {_text(told)}" for address, (code, told) in recipients.items())


def _text(told: bytes | str) -> str:
    """What a server said, on one line and not endless."""
    text = told.decode("utf-8", errors="replace") if isinstance(told, bytes) else told
    return " ".join(text.split())[:200]
