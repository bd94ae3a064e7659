"""Checks of a tenant's low-balance warnings: there is a way to tell them."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant

_WHERE = ("account", "low_balance")


def check_low_balance(file: Document[Tenant], platform: Platform | None) -> Iterator[Problem]:
    """Problems of one tenant's warnings. Args: platform: None: it can't be read."""
    terms = file.value.account.low_balance
    if terms is None:
        return
    # As it is written: what was refused is there, though its value isn't.
    has_email, has_webhook, has_secret = (
        file.node(*_WHERE, field) is not None for field in ("email", "webhook", "secret")
    )
    if not has_email and not has_webhook and not has_secret:
        hint = "add email: [owner@example.com], or webhook: and secret:"
        yield file.problem(_WHERE, "nobody-warned", "a low balance is told nobody", hint)
    if has_email and platform is not None and platform.smtp is None:
        hint = "add to platform.yaml: smtp: {server: mail.example.com:587, from: pbx@example.com}"
        message = "warnings can't be sent: the platform has no `smtp`"
        yield file.problem((*_WHERE, "email"), "no-smtp", message, hint)
    if has_webhook != has_secret:
        lacks, has = ("secret", "webhook") if has_webhook else ("webhook", "secret")
        message = f"`low_balance` has `{has}` and no `{lacks}`: each post is signed"
        yield file.problem((*_WHERE, has), "webhook-unsigned", message, f"add {lacks}, or delete {has}")
