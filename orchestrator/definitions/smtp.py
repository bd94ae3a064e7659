"""`smtp:` of platform.yaml: by whom e-mail is sent."""

from __future__ import annotations

from orchestrator.definitions import network, scalars
from orchestrator.definitions.mailboxes import EMAIL
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field
from orchestrator.model.platform import Smtp

_SERVER = Field(
    "server", network.address("`host:port`", True), "Server that takes it.", "mail.example.com:587"
)
_FROM = Field("from", EMAIL, "Whom it is from.", "pbx@example.com")
_SECURITY = Field(
    "security",
    scalars.choice("a way to encrypt e-mail", ("starttls", "tls", "none")),
    "`starttls` after the connection is there, `tls` from its begin, `none` in the clear; the server's "
    "certificate is verified.",
    "starttls",
    default="starttls",
)
_USERNAME = Field(
    "username",
    scalars.matching("a user name", r"[!-~]{1,100}", "username", "visible ASCII characters"),
    "Name to log in with.",
    "pbx",
    default="",
    default_text="no log-in",
)
_SECRET = Field(
    "secret",
    network.secret_reference(),
    "Where the password is read, never the password: `env:NAME` or `file:PATH`.",
    "env:SMTP_SECRET",
    default="",
    default_text="no log-in",
)


def _smtp(given: Converted) -> Smtp:
    return Smtp(
        server=given[_SERVER],
        sender=given[_FROM],
        security=given[_SECURITY],
        username=given[_USERNAME],
        secret=given[_SECRET],
        position=given.position,
    )


SMTP: Field[Smtp | None] = Field(
    "smtp",
    Record("the e-mail server", (_SERVER, _FROM, _SECURITY, _USERNAME, _SECRET), _smtp),
    "How `vpbx listen` sends e-mail: messages that callers leave, and warnings of low balances.",
    "{server: mail.example.com:587, from: pbx@example.com}",
    None,
    "no e-mail",
)
