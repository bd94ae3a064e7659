"""What a tenant of the price list's tariff may want, for tests of plans and accounts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from orchestrator.definitions.imagined import read_imagined
from orchestrator.model.tariff import Tariff
from orchestrator.planning.services import WantedService

EXAMPLES = Path(__file__).parents[1] / "examples"
ACME = WantedService("master", "Europe/Moscow", 7, {"recording": 1})
"""2,000 roubles a month."""


@cache
def price_list() -> Tariff:
    """The tariff of the price list."""
    imagined, problems = read_imagined(EXAMPLES / "scenarios/first-months.yaml", EXAMPLES, None)
    assert imagined is not None, problems
    return imagined.tariff
