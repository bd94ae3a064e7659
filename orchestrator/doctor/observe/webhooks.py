"""Whether the keys are there that posts to tenants' webhooks are signed with."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.candidate import WrittenSecretMissing, webhook_key
from orchestrator.doctor.subject import Subject
from orchestrator.model.balance_warning import LowBalance


def observe(subject: Subject) -> Mapping[str, str]:
    """By tenant of the node with a webhook what is wrong with its key; empty: nothing."""
    found = {}
    for tenant in subject.tenants:
        terms = tenant.account.low_balance
        if terms is not None and terms.webhook:
            found[tenant.name] = _trouble(subject, terms)
    return found


def _trouble(subject: Subject, terms: LowBalance) -> str:
    try:
        webhook_key(subject.project, terms)
    except WrittenSecretMissing as error:
        return error.message
    return ""
