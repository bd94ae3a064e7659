"""What is shown outside: the order of what says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.routing.caller_id import caller_ids

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "outgoing" / "project"
STUDIO = definitions.load(PROJECT).tenants["studio"]
IDS = caller_ids(STUDIO)
TENANT, SALES, ANNA, VERIFIED = "+74957770001", "+74957770002", "+74957770003", "+78121234567"


@pytest.mark.parametrize(
    ("employee", "called", "shown"),
    [
        ("101", "+78120001122", ANNA),
        ("102", "+78120001122", SALES),
        ("103", "+78120001122", VERIFIED),
        ("103", "+78130001122", SALES),
        ("103", "+79161112233", SALES),
        ("103", "+74991112233", TENANT),
        ("", "+78120001122", VERIFIED),
        ("", "+74991112233", TENANT),
    ],
)
def test_the_employees_comes_first_then_the_departments_the_regions_and_the_tenants(
    employee: str, called: str, shown: str
) -> None:
    assert IDS.shown(employee, called) == shown


def test_it_may_show_its_own_and_verified_numbers_alone() -> None:
    assert IDS.own == tuple(sorted([*(did.number for did in STUDIO.numbers), VERIFIED]))
