"""What a warning of a low balance says: an e-mail for people, JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from orchestrator.model.balance_warning import Crossing
from orchestrator.model.money import roubles_text
from orchestrator.model.tenant import Tenant

_JSON_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    tenant: str
    balance: str
    level: str
    at: str
    ends: str


_WORDS: Mapping[str, _Words] = {
    "ru": _Words(
        "Низкий баланс: {balance} руб.",
        "Абонент",
        "Баланс",
        "Порог",
        "Когда",
        "Следующее предупреждение об этом пороге придёт, если баланс поднимется выше него и снова упадёт.",
    ),
    "en": _Words(
        "Low balance: {balance} roubles",
        "Tenant",
        "Balance",
        "Level",
        "When",
        "You are warned of this level again when the balance has been above it and falls once more.",
    ),
}


def warning_mail(crossing: Crossing, tenant: Tenant, sender: str, to: Sequence[str]) -> EmailMessage:
    """The e-mail, in the tenant's language and time zone.

    Its Message-ID is the same each time it is sent, so that who gets it twice can tell.
    """
    words = _WORDS[tenant.language]
    local = crossing.at.astimezone(ZoneInfo(tenant.time_zone))
    balance, level = (_shown(each, tenant.language) for each in (crossing.balance_kop, crossing.level_kop))
    lines = [
        f"{words.tenant}: {tenant.title} ({tenant.name})",
        f"{words.balance}: {balance}",
        f"{words.level}: {level}",
        f"{words.at}: {local:%Y-%m-%d %H:%M:%S %z}",
        "",
        words.ends,
    ]
    mail = EmailMessage()
    mail["Subject"] = words.subject.format(balance=balance)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(local)
    mail["Message-ID"] = f"<{crossing.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    mail.set_content("\n".join(lines) + "\n")
    return mail


def warning_json(crossing: Crossing) -> bytes:
    """The body of a post, the same each time it is sent. Money is text: no program takes it for a float."""
    data = {
        "version": _JSON_VERSION,
        "type": "balance.low",
        "timestamp": crossing.at.isoformat(),
        "data": {
            "tenant": crossing.tenant,
            "balance": roubles_text(crossing.balance_kop),
            "level": roubles_text(crossing.level_kop),
            "currency": "RUB",
        },
    }
    return json.dumps(data, ensure_ascii=False).encode()


def _shown(amount_kop: int, language: str) -> str:
    text = roubles_text(amount_kop)
    return text.replace(".", ",") if language == "ru" else text
