"""The e-mail that tells of a message a caller has left, with the message attached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from orchestrator.model.mailbox import Mailbox
from orchestrator.model.message import VoiceMessage
from orchestrator.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    withheld: str
    mailbox: str
    caller: str
    at: str
    length: str
    listen: str


_WORDS: Mapping[str, _Words] = {
    "ru": _Words(
        "Голосовое сообщение от {caller}, {length}",
        "скрытого номера",
        "Ящик",
        "От",
        "Когда",
        "Длина",
        "Прослушать по телефону: {code}",
    ),
    "en": _Words(
        "Voice message from {caller}, {length}",
        "a withheld number",
        "Mailbox",
        "From",
        "When",
        "Length",
        "To listen by phone: {code}",
    ),
}


def compose(
    message: VoiceMessage, tenant: Tenant, mailbox: Mailbox, sender: str, to: Sequence[str], sound: bytes
) -> EmailMessage:
    """The e-mail, in the tenant's language and time zone. Args: sound: a WAV file.

    Its Message-ID is the same each time it is sent, so that who gets it twice can tell.
    """
    words = _WORDS[tenant.language]
    local = message.received_at.astimezone(ZoneInfo(tenant.time_zone))
    caller = message.caller or words.withheld
    length = f"{message.length_s // 60}:{message.length_s % 60:02}"
    name = mailbox.name if mailbox.name == mailbox.extension else f"{mailbox.name} ({mailbox.extension})"
    lines = [
        f"{words.mailbox}: {name}, {tenant.title}",
        f"{words.caller}: {caller}",
        f"{words.at}: {local:%Y-%m-%d %H:%M:%S %z}",
        f"{words.length}: {length}",
    ]
    code = tenant.codes.get("messages" if mailbox.is_personal else "mailbox", "")
    if code:
        lines += ["", words.listen.format(code=code)]
    mail = EmailMessage()
    mail["Subject"] = words.subject.format(caller=caller, length=length)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(local)
    own = f"{message.systemname}.{message.tenant}.{message.mailbox}.{message.message}"
    mail["Message-ID"] = f"<{own}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    mail.set_content("\n".join(lines) + "\n")
    file = f"{local:%Y%m%d-%H%M%S}-{message.caller.removeprefix('+') or 'unknown'}.wav"
    mail.add_attachment(sound, maintype="audio", subtype="wav", filename=file)
    return mail
