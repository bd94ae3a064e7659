"""Where a tenant stands, as a row of `service_state` and back. It needs no SQLAlchemy, see `reading`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from orchestrator.model.account import Account
from orchestrator.model.service import Due, Service
from orchestrator.storage.values import canonical, micros, moment

COLUMNS = (
    "tenant",
    "tariff",
    "time_zone",
    "phase",
    "state",
    "events",
    "changed_at",
    "due_kind",
    "due_at",
)
"""Of a row, in order."""


def account_from(row: Iterable[Any]) -> Account:
    """Where a tenant stands. Args: row: values of `COLUMNS`."""
    tenant, tariff, time_zone, phase, state, events, changed_at, due_kind, due_at = row
    return Account(
        tenant=tenant,
        tariff=tariff,
        time_zone=time_zone,
        service=_service(phase, json.loads(state)),
        events=events,
        changed_at=moment(changed_at),
        due=None if due_at is None else Due(due_kind, moment(due_at)),
    )


def account_row(account: Account) -> dict[str, object]:
    """The same as a row."""
    return {
        "tenant": account.tenant,
        "tariff": account.tariff,
        "time_zone": account.time_zone,
        "phase": account.service.phase,
        "state": canonical(_state(account.service)),
        "events": account.events,
        "changed_at": micros(account.changed_at),
        "due_kind": None if account.due is None else account.due.kind,
        "due_at": None if account.due is None else micros(account.due.at),
    }


def _state(service: Service) -> dict[str, object]:
    down_at, first = service.disconnected_at, service.first_charge_on
    return {
        "employees": service.employees,
        "options": dict(service.options),
        "activated_at": micros(service.activated_at),
        "trial_ends_at": micros(service.trial_ends_at),
        "first_charge_on": None if first is None else first.isoformat(),
        "periods": service.periods,
        "paid": dict(service.paid),
        "disconnected_at": None if down_at is None else micros(down_at),
    }


def _service(phase: str, state: dict[str, Any]) -> Service:
    down_at, first = state["disconnected_at"], state["first_charge_on"]
    return Service(
        phase=phase,
        employees=state["employees"],
        options=state["options"],
        activated_at=moment(state["activated_at"]),
        trial_ends_at=moment(state["trial_ends_at"]),
        first_charge_on=None if first is None else date.fromisoformat(first),
        periods=state["periods"],
        paid=state["paid"],
        disconnected_at=None if down_at is None else moment(down_at),
    )
