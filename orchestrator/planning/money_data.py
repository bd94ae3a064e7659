"""What a change costs as JSON data, and back: in `--json`, and in a saved plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from orchestrator.planning.money import Cost, ServiceChange, totals


def services_data(changes: Sequence[ServiceChange]) -> list[dict[str, Any]]:
    """What becomes of services, each with its charges."""
    return [
        {
            "tenant": change.tenant,
            "events": list(change.events),
            "day": change.day.isoformat(),
            "charges": [_cost_data(cost) for cost in change.charges],
            "overdue": [_cost_data(cost) for cost in change.overdue],
            "charged_kop": change.charged_kop,
            "trial_ends_at": None if change.trial_ends_at is None else change.trial_ends_at.isoformat(),
            "period_kop": {"before": change.period_kop[0], "after": change.period_kop[1]},
            "currency": change.currency,
        }
        for change in changes
    ]


def totals_data(changes: Sequence[ServiceChange]) -> list[dict[str, Any]]:
    """What changes cost together, by currency."""
    return [
        {
            "currency": total.currency,
            "charged_kop": total.charged_kop,
            "period_kop": {"before": total.period_kop[0], "after": total.period_kop[1]},
        }
        for total in totals(changes)
    ]


def read_service(told: Mapping[str, Any]) -> ServiceChange:
    """The data of `services_data` again. Raises: KeyError, ValueError, TypeError: it isn't."""
    ends_at = told["trial_ends_at"]
    return ServiceChange(
        tenant=str(told["tenant"]),
        events=tuple(told["events"]),
        day=date.fromisoformat(told["day"]),
        charges=tuple(_read_cost(each) for each in told["charges"]),
        overdue=tuple(_read_cost(each) for each in told["overdue"]),
        trial_ends_at=None if ends_at is None else datetime.fromisoformat(ends_at),
        period_kop=(int(told["period_kop"]["before"]), int(told["period_kop"]["after"])),
        currency=str(told["currency"]),
    )


def _cost_data(cost: Cost) -> dict[str, Any]:
    return {
        "kind": cost.kind,
        "item": cost.item,
        "quantity": cost.quantity,
        "amount_kop": cost.amount_kop,
        "vat_kop": cost.vat_kop,
        "period_from": cost.period_from.isoformat(),
        "period_to": cost.period_to.isoformat(),
        "working": cost.working,
    }


def _read_cost(told: Mapping[str, Any]) -> Cost:
    return Cost(
        kind=str(told["kind"]),
        item=str(told["item"]),
        quantity=int(told["quantity"]),
        amount_kop=int(told["amount_kop"]),
        vat_kop=int(told["vat_kop"]),
        period_from=date.fromisoformat(told["period_from"]),
        period_to=date.fromisoformat(told["period_to"]),
        working=str(told["working"]),
    )
