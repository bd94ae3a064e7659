"""The e-mail server that messages in mailboxes go to."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.doctor.finding import Check, Finding
from orchestrator.model.platform import Smtp

MAIL = Check(
    "mail",
    "the server of `smtp`: a connection and a log-in, nothing is sent",
    "what callers leave in mailboxes reaches nobody's e-mail",
    problem_when="it isn't there, shows no certificate that holds, or refuses the log-in",
)
CHECKS = (MAIL,)


def check(smtp: Smtp | None, trouble: str) -> Iterator[Finding]:
    """Findings. Args: smtp: None: no e-mail is sent. trouble: with it; empty: none."""
    if smtp is None:
        return
    if trouble:
        yield MAIL.problem(trouble, "check `smtp` in platform.yaml; messages wait for five days")
    else:
        yield MAIL.ok(f"{smtp.server} takes e-mail of {smtp.sender}")
