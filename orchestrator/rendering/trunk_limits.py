"""How many calls a trunk carries, and what of that is a tenant's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.platform import Platform
from orchestrator.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class TrunkLimits:
    """Args: capacity: calls at once. open_to_all: up to there any tenant is served. share: calls of one
    tenant, served beyond that as well.
    """

    capacity: int
    open_to_all: int
    share: int


def trunk_limits(platform: Platform, tenants: Sequence[Tenant]) -> Mapping[str, TrunkLimits]:
    """The limits of each trunk that has a capacity. Args: tenants: of one switch."""
    found: dict[str, TrunkLimits] = {}
    for trunk in platform.trunks.values():
        if trunk.capacity:
            users = sum(trunk.name in tenant.trunks for tenant in tenants)
            kept_back = trunk.capacity // 4 if users > 1 else 0
            share = max(1, trunk.capacity // max(1, users))
            found[trunk.name] = TrunkLimits(trunk.capacity, trunk.capacity - kept_back, share)
    return found
