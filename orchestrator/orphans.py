"""State that phones have set for what is no longer there: the only state that an apply touches."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.model.state import OFF, TenantState
from orchestrator.model.tenant import Tenant


async def drop_orphans(switch: AmiSwitch, tenants: Iterable[Tenant]) -> None:
    """Drop the state of switches and employees that a tenant no longer has.

    A tenant that isn't named keeps all: it may be disconnected and come back as it was (decision 11).
    Raises: SwitchError.
    """
    states = await switch.states()
    for tenant in tenants:
        state = states.get(tenant.name, TenantState())
        for name in sorted(state.on - {each.name for each in tenant.switches}):
            await switch.turn(tenant.name, name, OFF)
        for name, extensions in state.own.items():
            for extension in sorted(extensions - set(tenant.employees_by_extension())):
                await switch.set_own(tenant.name, extension, name, on=False)
