"""Whether the e-mail server lets us in."""

from __future__ import annotations

from orchestrator.candidate import WrittenSecretMissing, smtp_secret
from orchestrator.doctor.subject import Subject
from orchestrator.mail import MailNotSent, knock

_DEADLINE_S = 5.0


def observe(subject: Subject) -> str:
    """What is wrong with it; empty: nothing, or no e-mail is sent."""
    smtp = subject.definitions.platform.smtp
    if smtp is None:
        return ""
    try:
        knock(smtp, smtp_secret(subject.project, smtp), _DEADLINE_S)
    except (MailNotSent, WrittenSecretMissing) as error:
        return error.message
    return ""
