"""How the trunk for a number is chosen by cost. Rule: docs/trunks.md."""

from __future__ import annotations

import hashlib

from orchestrator.model.least_cost import CostTable, Order

ANY = "any"
"""In the dialplan, what stands for a number of no known prefix."""


PORTED = "ported"
"""In the dialplan, what stands before an operator's code."""


def order_name(order: Order) -> str:
    """An order as an outcome.

    >>> order_name(("second-way", "main"))
    'second_way.main'
    """
    return ".".join(trunk.replace("-", "_") for trunk in order)


def costs_context(trunks: Order) -> str:
    """The context that knows the orders of some trunks; its name stays while prices change."""
    return f"vpbx-costs-{hashlib.sha256(','.join(trunks).encode()).hexdigest()[:8]}"


def cost_rows(table: CostTable) -> list[tuple[str, str]]:
    """Prefix, or `any`, or an operator's code, and the order's name, sorted."""
    orders = {prefix or ANY: order for prefix, order in table.orders.items()}
    orders |= {f"{PORTED}.{code}": order for code, order in table.ported.items()}
    return sorted((place, order_name(order)) for place, order in orders.items())
