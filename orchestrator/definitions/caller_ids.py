"""What is shown outside: numbers of a tenant that aren't ours, and who and where shows which."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Entry, MapOf
from orchestrator.definitions.shapes import Field, ListOf
from orchestrator.model.caller_id import RegionCallerId

REGION_PREFIX = scalars.matching(
    "a prefix",
    r"\+[0-9]{1,14}",
    "prefix",
    "`+` and the first digits of E.164, for example +7812",
    numeric=True,
)
VERIFIED_NUMBERS = Field(
    "verified_numbers",
    ListOf(scalars.number()),
    "Numbers elsewhere that are proved to be the tenant's: it may show them, calls to them don't come here.",
    '["+78121234567"]',
    default=(),
    default_text="none",
)
CALLER_IDS: Field[tuple[Entry[str], ...]] = Field(
    "caller_ids",
    MapOf(REGION_PREFIX, scalars.number()),
    "What numbers are shown that begin so, in place of `caller_id`; the longest prefix wins.",
    '{"+7812": "+78121234567"}',
    default=(),
    default_text="none",
)
STAFF_CALLER_ID = Field(
    "caller_id",
    scalars.number(),
    "What is shown outside: an own or verified number of the tenant.",
    '"+74951112234"',
    default="",
    default_text="that of the region called, or the tenant's",
)
MOBILE = Field(
    "mobile",
    scalars.number(),
    "A corporate mobile: its calls over a trunk with `mobiles` are this employee's.",
    '"+79161112233"',
    default="",
    default_text="none",
)
MOBILE_RINGS = Field(
    "mobile_rings",
    scalars.boolean(),
    "Whoever calls the employee rings the `mobile` too; who answers first has the call.",
    "true",
    default=False,
    default_text="false",
)


def regions(entries: tuple[Entry[str], ...]) -> tuple[RegionCallerId, ...]:
    """The regions of `caller_ids`, by prefix, sorted."""
    return tuple(RegionCallerId(entry.key, entry.value, entry.position) for entry in entries)
