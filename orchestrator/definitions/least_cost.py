"""What operators ask for calls, and whether the cheapest comes first."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.shapes import Field
from orchestrator.definitions.tariff_file import DECK
from orchestrator.model.least_cost import AS_WRITTEN, LEAST_COST

TRUNK_DECK = Field(
    "deck",
    DECK.shape,
    "What the operator asks: a CSV file as a tariff's deck, from the project's root; needed by "
    "`trunk_order: least_cost`.",
    "decks/operator.csv",
    default="",
    default_text="none",
)
_ORDER = scalars.choice("an order of trunks", (AS_WRITTEN, LEAST_COST))
DEFAULT_ORDER = Field(
    "trunk_order",
    _ORDER,
    "In which order trunks are tried; `least_cost`: the cheapest for the number called first.",
    LEAST_COST,
    default=AS_WRITTEN,
)
TENANT_ORDER: Field[str | None] = Field(
    "trunk_order",
    _ORDER,
    "In which order its trunks are tried; `least_cost`: the cheapest for the number called first.",
    LEAST_COST,
    None,
    "`defaults.trunk_order` of the platform",
)
