"""What a tenant shows outside, by the region of the number that is called."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position


@dataclass(frozen=True, slots=True)
class RegionCallerId:
    """Args: prefix: of numbers called, E.164 with `+`. shown: what they are shown, E.164."""

    prefix: str
    shown: str
    position: Position = field(default=NOWHERE, compare=False)
