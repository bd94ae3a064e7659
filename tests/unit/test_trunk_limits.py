"""The capacity of a trunk, shared among tenants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.rendering.trunk_limits import TrunkLimits, trunk_limits

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "outgoing" / "project"
LOADED = definitions.load(PROJECT)


@pytest.mark.parametrize(
    ("capacity", "tenants", "limits"),
    [
        (30, 0, TrunkLimits(30, 30, 30)),
        (30, 1, TrunkLimits(30, 30, 30)),
        (30, 3, TrunkLimits(30, 23, 10)),
        (30, 100, TrunkLimits(30, 23, 1)),
        (3, 2, TrunkLimits(3, 3, 1)),
    ],
)
def test_a_quarter_is_kept_for_who_holds_less_than_its_share(
    capacity: int, tenants: int, limits: TrunkLimits
) -> None:
    trunk = replace(LOADED.platform.trunks["main"], capacity=capacity)
    platform = replace(LOADED.platform, trunks={"main": trunk})
    assert trunk_limits(platform, [LOADED.tenants["studio"]] * tenants) == {"main": limits}


def test_a_trunk_without_a_capacity_has_no_limits() -> None:
    assert list(trunk_limits(LOADED.platform, list(LOADED.tenants.values()))) == ["main"]
