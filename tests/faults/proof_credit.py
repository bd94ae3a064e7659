"""`make proof-credit`: 300 random orders of payments, calls, charges and crashes. About 3 minutes.

After each step no tenant could owe more than it may, were all its calls to talk to their end. The same orders
against a vpbx with one rule taken out must notice.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

import structlog
from credit_machine import CreditMachine
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from world import Proof

from orchestrator import credit_control
from orchestrator.billing import credit

STEPS, MUTANT_ORDERS = 30, 40


def _nothing(*_: object) -> int:
    return 0


def _forgets_at_hangup(original: Callable[..., Any]) -> Callable[..., Any]:
    """What a call cost is free between its end and its charge."""

    def take(self: Any) -> None:
        original(self)
        for uniqueid in self._over():
            del self._calls[uniqueid]

    return take


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "calls hold what they can cost": (credit, "held_kop", _nothing),
    "ended calls hold until they are charged": (
        credit_control.CreditControl,
        "_take_events",
        _forgets_at_hangup(credit_control.CreditControl._take_events),
    ),
    "calls that are up are taken over": (credit_control.CreditControl, "_adopt", lambda *_: None),
}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--orders", type=int, default=300)
    options = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    proof = Proof("credit", options.seed)
    began = time.monotonic()
    broke = _play(options.seed, options.orders)
    proof.check(not broke, f"an order broke: {broke}")
    proof.tell("orders", orders=options.orders, steps=STEPS, seconds=round(time.monotonic() - began))
    for rule, (place, name, without) in MUTANTS.items():
        with patch.object(place, name, without):
            noticed = _play(options.seed, MUTANT_ORDERS)
        proof.check(bool(noticed), f"{rule}: no order noticed")
        proof.tell("mutant", rule=rule, noticed=bool(noticed))
    return proof.end()


def _play(number: int, orders: int) -> str:
    """Orders in this process. Returns: what broke one of them; empty: nothing."""

    class Played(CreditMachine):
        pass

    try:
        run_state_machine_as_test(
            seed(number)(Played),
            settings=settings(
                max_examples=orders,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as error:  # noqa: BLE001 - whatever a broken rule leads to
        return f"{type(error).__name__}: {error}"[:300]
    return ""


if __name__ == "__main__":
    sys.exit(main())
