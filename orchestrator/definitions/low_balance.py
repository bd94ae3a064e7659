"""`low_balance:` of a tenant's account: at which balance it is warned, and how."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from orchestrator.definitions import network, scalars
from orchestrator.definitions.mailboxes import EMAIL
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.recording_store import is_safe
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf, Refusal
from orchestrator.model.balance_warning import LowBalance

_MOST_ROUBLES = 100_000_000
_VISIBLE = re.compile(r"https?://[!-~]{1,500}")


def _url(given: str) -> str | Refusal:
    # Before anything quotes it.
    if "@" in given.partition("://")[2].partition("/")[0]:
        hint = "delete it: `secret` says where the key is read that posts are signed with"
        return Refusal("secret-written-out", "a log-in must not stand in YAML", hint)
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or not _VISIBLE.fullmatch(given) or parts.fragment:
        return Refusal("webhook", f"{quoted(given)} is no URL", "for example https://example.com/vpbx")
    if not is_safe(f"{parts.scheme}://{parts.netloc}"):
        message = f"{quoted(parts.netloc)}: what a tenant has left would go there unencrypted"
        return Refusal("webhook", message, "https://HOST[:PORT]/…; http:// on a loopback address alone")
    return given


_LEVELS = Field(
    "at",
    ListOf(scalars.roubles(_MOST_ROUBLES, below_zero=True), at_least=1),
    "Balances, as `vpbx balance` tells them, in roubles: a fall to one or below it is told once.",
    '[300.00, "-500"]',
)
_EMAIL = Field(
    "email",
    ListOf(EMAIL, at_least=1),
    "Who is told; needs `smtp` of the platform.",
    "[owner@example.com]",
    default=(),
    default_text="nobody",
)
_WEBHOOK = Field(
    "webhook",
    scalars.parsed("a URL", _url, r"^https?://.+$"),
    "Where JSON is posted to; needs `secret`.",
    "https://example.com/vpbx",
    default="",
    default_text="nowhere",
)
_SECRET = Field(
    "secret",
    network.secret_reference(),
    "Where the key is read that posts are signed with, never the key: `env:NAME` or `file:PATH`.",
    "env:ACME_WEBHOOK_SECRET",
    default="",
    default_text="none",
)


def _low_balance(given: Converted) -> LowBalance:
    return LowBalance(given[_LEVELS], given[_EMAIL], given[_WEBHOOK], given[_SECRET], given.position)


LOW_BALANCE: Field[LowBalance | None] = Field(
    "low_balance",
    Record("a low balance", (_LEVELS, _EMAIL, _WEBHOOK, _SECRET), _low_balance),
    "Who is told when the balance falls to a level.",
    "{at: [300.00], email: [owner@example.com]}",
    None,
    "nobody",
)
