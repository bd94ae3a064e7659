"""`mailboxes:` of a tenant file: where callers leave messages, and who is told of them."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.prompts import PROMPT
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field, ListOf, Scalar
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.prompt import SILENCE

MAILBOX_NAME: Scalar[str] = scalars.matching(
    "a mailbox's name",
    rf"[0-9]{{2,6}}|{scalars.SLUG}",
    "mailbox-name",
    "an employee's extension, or a small Latin letter and up to 30 small letters, digits and `-`",
    numeric=True,
)
EMAIL: Scalar[str] = scalars.matching(
    "an e-mail address",
    r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?",
    "email",
    "name@host, for example office@example.com",
)

_EXTENSION = Field(
    "extension",
    scalars.extension(),
    "Of one that isn't an employee's: what reaches it from inside, and what it is listened to by.",
    '"700"',
    default="",
    default_text="an employee's own",
)
_GREETING = Field(
    "greeting",
    PROMPT,
    "What callers hear, unless somebody has recorded a greeting by phone.",
    "prompts/closed.wav",
    default=SILENCE,
    default_text="the switch's own",
)
_EMAIL = Field(
    "email",
    ListOf(EMAIL, at_least=1),
    "Where each message is sent, attached; needs `smtp` of the platform.",
    "[office@example.com]",
    default=(),
    default_text="nowhere",
)
_LAMPS = Field(
    "lamps",
    ListOf(scalars.extension()),
    "Employees whose phones show that there are new messages, by extension.",
    '["101", "102"]',
    default=(),
    default_text="the employee's own",
)
_LONGEST = Field("longest_s", scalars.seconds(10, 900), "How long a message may be.", "180", default=180)


def _mailbox(given: Converted) -> Mailbox:
    personal = given.name.isdecimal()
    own = (given.name,) if personal else ()
    return Mailbox(
        name=given.name,
        extension=given.name if personal else given[_EXTENSION],
        greeting=given[_GREETING],
        email=given[_EMAIL],
        lamps=tuple(dict.fromkeys((*own, *given[_LAMPS]))),
        longest_s=given[_LONGEST],
        position=given.position,
    )


MAILBOXES: Field[tuple[Entry[Mailbox], ...]] = Field(
    "mailboxes",
    MapOf(
        MAILBOX_NAME,
        Record("a mailbox", (_EXTENSION, _GREETING, _EMAIL, _LAMPS, _LONGEST), _mailbox),
    ),
    "Where callers leave messages, by an employee's extension or a name of its own.",
    '{"101": {}, office: {extension: "700", email: [office@example.com]}}',
    default=(),
    default_text="none",
)
