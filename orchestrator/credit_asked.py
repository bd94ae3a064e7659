"""Credit control asked from outside the listener's process: by the dialplan, and by who wants to see."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode

import structlog

from orchestrator.credit_control import CreditControl
from orchestrator.errors import OrchestratorError
from orchestrator.listener_page import page
from orchestrator.model.credit import CreditStanding
from orchestrator.model.platform import Address

PATH = "/credit"
"""Where it is asked, on a node's address for metrics (`VPBX_CREDIT_URL` of the dialplan)."""

_log = structlog.get_logger("vpbx.credit")


class ListenerAway(OrchestratorError):
    """Nobody who knows answers what a tenant's calls hold."""

    code = "listener-away"


def answer(credit: CreditControl, query: str) -> str:
    """What a call may talk in seconds, 0 for none; or, with a tenant alone, how that stands as JSON.

    Args: query: `tenant=…&call=…&to=…`: tenant, uniqueid of the trunk-side channel, number called (E.164);
    without a call it is only told what one would get.
    Returns: the code of an error when there is no answer.
    """
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    tenant, call, to = (asked.get(name, "") for name in ("tenant", "call", "to"))
    try:
        if to:
            return str(credit.ask(tenant, call, to))
        standing = credit.held_by(tenant)
    except OrchestratorError as error:
        _log.warning("credit-not-answered", error=error.message)
        return error.code
    return json.dumps(
        {
            "spendable_kop": standing.spendable_kop,
            "held_kop": standing.held_kop,
            "calls": standing.calls,
        }
    )


def standing_of(where: Address, tenant: str) -> CreditStanding:
    """How a tenant stands in the call path, asked of the listener of its node.

    Args: where: the node's address for metrics. Raises: ListenerAway.
    """
    try:
        told = json.loads(page(where, f"{PATH}?{urlencode({'tenant': tenant})}"))
        return CreditStanding(told["spendable_kop"], told["held_kop"], told["calls"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ListenerAway(f"no listener answers at {where}", "start vpbx listen") from error


def granted_s(where: Address, tenant: str, to: str) -> int:
    """How long a call of a bounded account would be admitted for now; 0: it would be refused.

    Args: where: the node's address for metrics. to: E.164. Raises: ListenerAway.
    """
    try:
        return int(page(where, f"{PATH}?{urlencode({'tenant': tenant, 'to': to})}"))
    except (OSError, ValueError) as error:
        raise ListenerAway(f"no listener answers for balances at {where}", "start vpbx listen") from error
