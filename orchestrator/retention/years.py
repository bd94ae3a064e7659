"""How long the recordings of each tenant are kept. Rule: docs/decisions.md, decision 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from orchestrator.billing.recording_term import ordered_at, years_kept
from orchestrator.model.account import DatedEvent
from orchestrator.model.platform import Definitions
from orchestrator.model.recording import Recording, retain_until
from orchestrator.model.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Retention:
    """How long recordings of each tenant are kept.

    Args: years: by tenant, as it is defined now: of one that no account knows yet. tariffs: by slug.
    """

    years: Mapping[str, int]
    zones: Mapping[str, ZoneInfo]
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)

    @classmethod
    def of(cls, definitions: Definitions) -> Retention:
        """From the option that unlocks recording, and those that keep longer and are ordered."""
        tenants = definitions.tenants.values()
        return cls(
            {each.name: years_kept(definitions.tariffs[each.tariff], each.options) for each in tenants},
            {each.name: ZoneInfo(each.time_zone) for each in tenants},
            definitions.tariffs,
        )

    def until(self, item: Recording, events: Sequence[DatedEvent]) -> date:
        """The local date on which a recording may go, by what was ordered at the time of its call.

        One calendar year where nobody knows the tenant.

        Args: events: what has happened to the tenant's service, the oldest first.
        """
        ordered = ordered_at(events, item.started_at)
        tariff = None if ordered is None else self.tariffs.get(ordered[0])
        if ordered is None or tariff is None:
            years = self.years.get(item.tenant, 1)
        else:
            years = years_kept(tariff, ordered[1])
        return retain_until(self.day(item), years)

    def day(self, item: Recording) -> date:
        """The local date of a recording's call."""
        return item.started_at.astimezone(self.zones.get(item.tenant, ZoneInfo("UTC"))).date()
