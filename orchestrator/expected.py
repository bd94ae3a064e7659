"""What operators expect of their tenants' calls, tried before anything is applied."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.routing.expect import verdicts


class ExpectationNotMet(OrchestratorError):
    """A call would not reach what its tenant's file expects."""

    code = "expectation-not-met"


def refuse_unmet(definitions: Definitions, tenants: Iterable[Tenant], now: datetime) -> None:
    """Raises: ExpectationNotMet: the first one, and how many more there are."""
    failed = [
        verdict for tenant in tenants for verdict in verdicts(definitions, tenant, now) if not verdict.passed
    ]
    if failed:
        first = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise ExpectationNotMet(
            f"{first.expectation.position}: {first.expectation.caller} calls {first.expectation.call}: "
            f"{first.told}{more}",
            "nothing was touched; vpbx test shows them all, vpbx route why",
        )
