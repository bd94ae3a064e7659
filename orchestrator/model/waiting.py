"""How callers wait in a department whose members are all busy."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.prompt import SILENCE, Prompt

MOST_WAITING, LONGEST_WAIT_S = 50, 3600


@dataclass(frozen=True, slots=True)
class Waiting:
    """A department's queue.

    Args: most: callers at once. longest_s: how long each waits. music: that they hear; none: the tenant's
    music on hold. tells_place, tells_time: whether they are told which they are, and how long it may take.
    repeat_s: how often they are told.
    """

    most: int
    longest_s: int
    music: Prompt = SILENCE
    tells_place: bool = False
    tells_time: bool = False
    repeat_s: int = 30
    position: Position = field(default=NOWHERE, compare=False)
