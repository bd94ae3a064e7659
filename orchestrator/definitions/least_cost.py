"""What operators ask for calls, and whether the cheapest comes first."""

from __future__ import annotations

import re

from orchestrator.definitions import scalars
from orchestrator.definitions.caller_ids import REGION_PREFIX
from orchestrator.definitions.portings import CODE
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Entry, MapOf
from orchestrator.definitions.shapes import Field, Refusal, Scalar, Surroundings
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
_IS_CODE = re.compile(CODE).fullmatch


def _code(given: str, _: Surroundings) -> str | Refusal:
    if _IS_CODE(given):
        return given.lower()
    hint = "letters, digits and _, as the table of ported numbers has it: mMTS, D2501, 25001"
    return Refusal("route", f"{quoted(given)} is not an operator's code", hint)


TRUNK_ROUTES: Field[tuple[Entry[str], ...]] = Field(
    "routes",
    MapOf(
        Scalar("an operator's code", _code, "", {"type": ["string", "integer"], "pattern": f"^{CODE}$"}),
        REGION_PREFIX,
    ),
    "Of whom a ported number is, and the beginning in `deck` whose price is asked for it then; for "
    "`trunk_order: least_cost`.",
    '{mMTS: "+7910"}',
    default=(),
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
