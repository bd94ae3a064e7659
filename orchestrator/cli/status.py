"""`vpbx status`: what tenants' phones have set, and who waits for departments, as the running switch says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.model.state import IN, OFF, ON, TenantState
from orchestrator.model.tenant import Tenant
from orchestrator.rendering.render import node_tenants

_JSON_VERSION = 1


@click.command()
@click.argument("tenant", required=False)
@node_option
@json_option
def status(tenant: str | None, node: str | None, as_json: bool) -> None:
    """Show what phones have set, such as switches that are on, who waits in queues, and what a debt bars.

    The running switch is asked: such state is its own, and no apply changes it.

    \b
    Example:
        vpbx status acme
    """
    session = open_session(node, tenant)
    shown = [session.tenant(tenant)] if tenant else node_tenants(session.definitions, session.node)
    states, waiting = asyncio.run(_live(session))
    if as_json:
        told = {
            each.name: _data(each, states.get(each.name, TenantState()), waiting.get(each.name, {}))
            for each in shown
        }
        click.echo(json.dumps({"version": _JSON_VERSION, "tenants": told}, ensure_ascii=False))
    else:
        print_table(("tenant", "what", "title", "state"), list(_rows(shown, states, waiting)))


async def live_states(session: Session) -> dict[str, TenantState]:
    """What phones have set, by tenant. Raises: SwitchError: the switch isn't running."""
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.states()


async def live_waiting(session: Session) -> dict[str, dict[str, int]]:
    """Callers who wait, by tenant and department. Raises: SwitchError: the switch isn't running."""
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.waiting()


async def _live(session: Session) -> tuple[dict[str, TenantState], dict[str, dict[str, int]]]:
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.states(), await switch.waiting()


def _data(tenant: Tenant, state: TenantState, waiting: Mapping[str, int]) -> dict[str, object]:
    return {
        "switches": {each.name: ON if each.name in state.on else OFF for each in tenant.switches},
        "logged_out": sorted(state.logged_out.intersection(tenant.employees_by_extension())),
        "dnd": sorted(state.dnd.intersection(tenant.employees_by_extension())),
        "barred": sorted(state.barred),
        "waiting": {
            each.name: waiting.get(each.name, 0) for each in tenant.departments if each.waiting is not None
        },
    }


def _rows(
    tenants: Sequence[Tenant],
    states: Mapping[str, TenantState],
    waiting: Mapping[str, Mapping[str, int]],
) -> list[tuple[str, str, str, str]]:
    rows = []
    for tenant in tenants:
        state = states.get(tenant.name, TenantState())
        if state.barred:
            calls = "calls in and out" if IN in state.barred else "calls out"
            rows.append((tenant.name, "account", calls, "barred"))
        for switch in tenant.switches:
            is_now = ON if switch.name in state.on else OFF
            rows.append((tenant.name, f"switch {switch.name}", switch.title, is_now))
        for employee in tenant.employees:
            if employee.extension in state.logged_out:
                rows.append((tenant.name, f"employee {employee.extension}", employee.name, "logged out"))
            if employee.extension in state.dnd:
                rows.append((tenant.name, f"employee {employee.extension}", employee.name, "not to disturb"))
        for department in tenant.departments:
            if department.waiting is not None:
                waits = waiting.get(tenant.name, {}).get(department.name, 0)
                told = f"{waits} of {department.waiting.most} wait"
                rows.append((tenant.name, f"department {department.name}", department.title, told))
    return rows
