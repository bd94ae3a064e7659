"""`vpbx status`: what tenants' phones have set, as the running switch keeps it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.model.state import OFF, ON, TenantState
from orchestrator.model.tenant import Tenant
from orchestrator.rendering.render import node_tenants

_JSON_VERSION = 1


@click.command()
@click.argument("tenant", required=False)
@node_option
@json_option
def status(tenant: str | None, node: str | None, as_json: bool) -> None:
    """Show what phones have set: switches that are on, employees who are logged out.

    The running switch is asked: such state is its own, and no apply changes it.

    \b
    Example:
        vpbx status acme
    """
    session = open_session(node, tenant)
    shown = [session.tenant(tenant)] if tenant else node_tenants(session.definitions, session.node)
    states = asyncio.run(live_states(session))
    if as_json:
        told = {each.name: _data(each, states.get(each.name, TenantState())) for each in shown}
        click.echo(json.dumps({"version": _JSON_VERSION, "tenants": told}, ensure_ascii=False))
    else:
        print_table(("tenant", "what", "title", "state"), list(_rows(shown, states)))


async def live_states(session: Session) -> dict[str, TenantState]:
    """What phones have set, by tenant. Raises: SwitchError: the switch isn't running."""
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.states()


def _data(tenant: Tenant, state: TenantState) -> dict[str, object]:
    return {
        "switches": {each.name: ON if each.name in state.on else OFF for each in tenant.switches},
        "logged_out": sorted(state.logged_out.intersection(tenant.employees_by_extension())),
    }


def _rows(tenants: Sequence[Tenant], states: Mapping[str, TenantState]) -> list[tuple[str, str, str, str]]:
    rows = []
    for tenant in tenants:
        state = states.get(tenant.name, TenantState())
        for switch in tenant.switches:
            is_now = ON if switch.name in state.on else OFF
            rows.append((tenant.name, f"switch {switch.name}", switch.title, is_now))
        for employee in tenant.employees:
            if employee.extension in state.logged_out:
                rows.append((tenant.name, f"employee {employee.extension}", employee.name, "logged out"))
    return rows
