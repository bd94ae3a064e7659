"""`numbering:` of a trunk: how its operator writes numbers."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Entry, MapOf
from orchestrator.definitions.shapes import Field

ANY = "any"

BEGINNING = scalars.matching(
    "what numbers begin with",
    r"\+[1-9][0-9]{0,13}|[0-9]{1,14}|any",
    "numbering",
    "the first digits, or any",
    numeric=True,
)
STANDS_FOR = scalars.matching(
    "the beginning of E.164", r"\+[0-9]{0,14}", "numbering", "`+` and digits, for example +7495", numeric=True
)
NUMBERING: Field[tuple[Entry[str], ...]] = Field(
    "numbering",
    MapOf(BEGINNING, STANDS_FOR),
    "How the operator writes numbers of calls that come in: what they begin with, and what stands for that "
    "in E.164; the longest beginning decides, `any` is of all others.",
    '{"810": "+", "8": "+7", any: "+7495"}',
    default=(),
    default_text="E.164, 7 or 8 with ten digits, ten digits",
)


def rules(entries: tuple[Entry[str], ...]) -> tuple[tuple[str, str], ...]:
    """As a trunk has them, sorted."""
    return tuple(sorted(("" if entry.key == ANY else entry.key, entry.value) for entry in entries))
