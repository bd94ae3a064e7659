"""Bursts of calls against one tenant's lines, another tenant's calls among them. Rule: decisions 1 and 2."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bursts import Burst, Planned, Seen, answered, most_at_once, refused
from world import ACME_DIRECT, BETA_DIRECT, World

LIMIT = 14
_CALLER = "acme102desk"
_OUTSIDE = "89161112233"
_MARGIN_S = 2.0
"""An admitted call outlives its burst by this much, so that no line becomes free within it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One burst to play.

    Args: inbound, outbound: acme's calls. beta: calls of the other tenant in the same second. listener:
    `on`, `off`, or `killed`: by SIGKILL in the middle.
    """

    inbound: int
    outbound: int
    spread_s: float
    beta: int = 4
    listener: str = "off"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a wave. Args: odd: final answers that were neither 200 nor 486, counted by code.
    told_refused: by vpbx."""

    wave: Wave
    admitted: int
    at_once: int
    refused: int
    odd: Mapping[int, int]
    beta_answered: int
    told_refused: int
    in_use_after: int
    held_after: int

    @property
    def faults(self) -> list[str]:
        """What is against the rule; empty when the limit was kept exactly."""
        placed = self.wave.inbound + self.wave.outbound
        wrong = {
            f"{self.at_once} calls at once": self.at_once != LIMIT,
            f"{self.admitted} admitted": self.admitted != LIMIT,
            f"{self.refused} of {placed - LIMIT} refused with 486": self.refused != placed - LIMIT,
            f"other answers, by code: {dict(self.odd)}": bool(self.odd),
            f"{self.beta_answered} of {self.wave.beta} calls of the other tenant": self.beta_answered
            != self.wave.beta,
            f"vpbx lines tells {self.told_refused} refused": self.told_refused != self.refused,
            f"{self.in_use_after} lines in use afterwards": bool(self.in_use_after),
            f"{self.held_after} channels hold a line afterwards": bool(self.held_after),
        }
        return [f"{self.wave}: {text}" for text, is_wrong in wrong.items() if is_wrong]


def play(world: World, wave: Wave, refused_before: int) -> Outcome:
    """Let a wave break on the switch. Args: refused_before: what `vpbx lines` told of acme before."""
    talk_s = wave.spread_s + _MARGIN_S
    groups: list[Burst] = []
    if wave.inbound:
        groups.append(world.inbound([Planned(ACME_DIRECT, talk_s)] * wave.inbound, wave.spread_s))
    if wave.outbound:
        calls = [Planned(_OUTSIDE, talk_s)] * wave.outbound
        groups.append(world.outbound(_CALLER, calls, wave.spread_s))
    others = world.inbound([Planned(BETA_DIRECT, talk_s)] * wave.beta, wave.spread_s)
    if wave.listener == "killed":
        world.site.until(lambda: any(call.code for group in groups for call in group.seen()), "it began")
        world.site.stop_listener(signal.SIGKILL)
    seen = [call for group in groups for call in group.wait()]
    beta = others.wait()
    world.site.until(lambda: not holding(world), "every line is free")
    lines = world.site.lines("acme")
    return Outcome(
        wave=wave,
        admitted=answered(seen),
        at_once=most_at_once(seen),
        refused=refused(seen),
        odd=_odd(seen),
        beta_answered=answered(beta),
        told_refused=lines["refused"] - refused_before,
        in_use_after=lines["in_use"],
        held_after=len(holding(world)),
    )


def holding(world: World) -> list[str]:
    """Channels that hold a line, by the switch's own account."""
    shown = world.site.rx("group show channels")
    return re.findall(r"^(\S+)\s+\S+\s+lines\s*$", shown, re.MULTILINE)


def _odd(seen: Iterable[Seen]) -> Counter[int]:
    return Counter(call.code for call in seen if call.code not in (200, 486))
