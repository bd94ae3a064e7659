"""What posts to tenants' webhooks are signed with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.doctor.finding import Check, Finding

WEBHOOKS = Check(
    "webhooks",
    "the keys that warnings of low balances are signed with, where a tenant has a `webhook`; nothing is sent",
    "a warning that can't be signed isn't sent, and nobody hears that money is running out",
    problem_when="one isn't where its `secret` says",
)
CHECKS = (WEBHOOKS,)


def check(troubles: Mapping[str, str]) -> Iterator[Finding]:
    """Findings. Args: troubles: by tenant with a webhook; empty: its key is there."""
    wrong = [text for _, text in sorted(troubles.items()) if text]
    for text in wrong:
        yield WEBHOOKS.problem(text, "put it there; warnings wait for five days")
    if troubles and not wrong:
        yield WEBHOOKS.ok(f"keys of webhooks that are there: {len(troubles)}")
