"""A legal hold: what of a tenant must stay, whatever its term. Rule: docs/decisions.md, decision 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on all of a tenant's data, on that of some days, or on one call.

    Args: id: 0 before it is stored. from_day, to_day: local dates of the tenant, both included; None: without
    that bound. call: uniqueid or linkedid; empty: not on one call. lifted_at: None while it stands.
    """

    id: int
    tenant: str
    reason: str
    placed_at: datetime
    placed_by: str
    from_day: date | None = None
    to_day: date | None = None
    call: str = ""
    lifted_at: datetime | None = None
    lifted_why: str = ""
    lifted_by: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is on everything of the tenant."""
        return not self.call and self.from_day is None and self.to_day is None

    def keeps(self, day: date, *ids: str) -> bool:
        """Whether it is on something of a local date. Args: ids: uniqueid and linkedid of its call."""
        if self.call:
            return self.call in ids
        return (self.from_day or date.min) <= day <= (self.to_day or date.max)

    def span(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """The days as moments, the second one exclusive; None: without that bound."""
        first = None if self.from_day is None else datetime.combine(self.from_day, time(), zone)
        after = (
            None if self.to_day is None else datetime.combine(self.to_day + timedelta(days=1), time(), zone)
        )
        return first, after

    @property
    def on(self) -> str:
        """What it is on, in words.

        >>> Hold(1, "acme", "court", datetime.min, "", date(2026, 1, 1), date(2026, 1, 31)).on
        'data of 2026-01-01 to 2026-01-31'
        """
        if self.call:
            return f"call {self.call}"
        if self.is_whole:
            return "all data"
        return f"data of {self.from_day or 'the beginning'} to {self.to_day or 'the end'}"


def holder(holds: Sequence[Hold], day: date, *ids: str) -> Hold | None:
    """The first of some holds that is on something. Args: as of `Hold.keeps`."""
    return next((hold for hold in holds if hold.keeps(day, *ids)), None)
