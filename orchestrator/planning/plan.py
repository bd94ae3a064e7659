"""A plan: what an apply would do, in service terms, files and reloads. It can be saved, then applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.model.money import roubles_text
from orchestrator.planning.changes import TenantChange
from orchestrator.planning.money import ServiceChange
from orchestrator.planning.money_data import read_service, services_data, totals_data

PLAN_VERSION = 2


class PlanUnreadable(OrchestratorError):
    """A saved plan is no plan, or was made by another version of vpbx."""

    code = "plan-unreadable"


class PlanStale(OrchestratorError):
    """A saved plan no longer says what an apply would do."""

    code = "plan-stale"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change on one node.

    Args:
        base: generation it starts from; 0: none. wanted: digest of everything that it was made from.
        tenants: by name. platform: changed files that all tenants share. files: all changed files.
        phones: rows to add, to change and to remove. reloads: modules; restarts: files that only a restart
        reads. spliced: tenants' dialplan is put in without a reload. drift: what isn't as it was applied.
        running: whether the switch runs. services: what becomes of tenants' services, and what it costs.
        kept: tenants that stay as they are, as their files are gone. disconnect: those of them that go.
    """

    node: str
    base: int
    wanted: str
    tenants: tuple[TenantChange, ...]
    platform: tuple[str, ...]
    files: tuple[str, ...]
    phones: tuple[int, int, int]
    reloads: tuple[str, ...]
    restarts: tuple[str, ...]
    spliced: bool
    drift: tuple[str, ...]
    running: bool
    services: tuple[ServiceChange, ...] = ()
    kept: tuple[str, ...] = ()
    disconnect: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether an apply would do nothing, and nobody has edited on the switch."""
        return not (self.tenants or self.platform or self.files or self.drift or self.services)

    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """Sentences by tenant, the platform's under the empty name: what a history tells.

        Of a tenant that is changed on the switch they say all; of another, what becomes of its service.
        """
        told = {change.tenant: change.events for change in self.services}
        told |= {change.name: change.sentences for change in self.tenants}
        return {"": tuple(f"{path} changed" for path in self.platform), **told} if self.platform else told


def plan_data(plan: Plan) -> dict[str, Any]:
    """A plan as JSON data: `--json`, and what `--out` saves."""
    return {
        "version": PLAN_VERSION,
        "node": plan.node,
        "base": plan.base,
        "wanted": plan.wanted,
        "tenants": [
            {
                "name": change.name,
                "kind": change.kind,
                "changes": list(change.sentences),
                "lines": {"before": change.lines[0], "after": change.lines[1]},
            }
            for change in plan.tenants
        ],
        "platform": list(plan.platform),
        "files": list(plan.files),
        "phones": dict(zip(("added", "changed", "removed"), plan.phones, strict=True)),
        "reloads": list(plan.reloads),
        "restart_needed": list(plan.restarts),
        "spliced": plan.spliced,
        "drift": list(plan.drift),
        "switch_running": plan.running,
        "services": services_data(plan.services),
        "totals": totals_data(plan.services),
        "kept": list(plan.kept),
        "disconnect": list(plan.disconnect),
    }


def read_plan(text: str, place: str) -> Plan:
    """A saved plan. Args: place: for the error. Raises: PlanUnreadable."""
    try:
        told = json.loads(text)
        if told["version"] != PLAN_VERSION:
            raise PlanUnreadable(
                f"{place}: a plan of version {told['version']}, and this vpbx reads {PLAN_VERSION}",
                "make it anew: vpbx plan --out",
            )
        return Plan(
            node=str(told["node"]),
            base=int(told["base"]),
            wanted=str(told["wanted"]),
            tenants=tuple(
                TenantChange(
                    item["name"],
                    item["kind"],
                    tuple(item["changes"]),
                    (int(item["lines"]["before"]), int(item["lines"]["after"])),
                )
                for item in told["tenants"]
            ),
            platform=tuple(told["platform"]),
            files=tuple(told["files"]),
            phones=(
                int(told["phones"]["added"]),
                int(told["phones"]["changed"]),
                int(told["phones"]["removed"]),
            ),
            reloads=tuple(told["reloads"]),
            restarts=tuple(told["restart_needed"]),
            spliced=bool(told["spliced"]),
            drift=tuple(told["drift"]),
            running=bool(told["switch_running"]),
            services=tuple(read_service(each) for each in told["services"]),
            kept=tuple(told["kept"]),
            disconnect=tuple(told["disconnect"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanUnreadable(
            f"{place}: not a plan ({type(error).__name__})", "make one: vpbx plan --out FILE"
        ) from error


def check_fresh(saved: Plan, now: Plan) -> None:
    """Refuse a saved plan that isn't what would be done now.

    Raises: PlanStale: another node, another generation is live, the definitions have changed since, or what
        is charged wouldn't be the same.
    """
    if saved.node != now.node:
        raise PlanStale(f"the plan is for node {saved.node}, not {now.node}", "name it with --node")
    if saved.base != now.base:
        raise PlanStale(
            f"the plan starts from generation {saved.base}, and generation {now.base} is live",
            "make it anew: vpbx plan --out FILE",
        )
    if saved.wanted != now.wanted:
        raise PlanStale(
            "the definitions, secrets or vpbx itself have changed since the plan was made",
            "make it anew: vpbx plan --out FILE",
        )
    if [each.promised for each in saved.services] != [each.promised for each in now.services]:
        raise PlanStale(
            f"the plan charges {_charged(saved)}, and now it would be {_charged(now)}: a day has passed, or "
            "an account has changed since the plan was made",
            "make it anew: vpbx plan --out FILE",
        )


def _charged(plan: Plan) -> str:
    """What a plan charges at once, and of which day.

    >>> _charged(Plan("pbx1", 1, "", (), (), (), (0, 0, 0), (), (), False, (), True))
    'nothing'
    """
    told = [
        f"{roubles_text(sum(cost.amount_kop for cost in each.charges))} {each.currency} to {each.tenant} on "
        f"{each.day}"
        for each in plan.services
    ]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return (", ".join(told[:3]) + more) if told else "nothing"
