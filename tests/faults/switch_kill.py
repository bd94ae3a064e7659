"""A switch killed with answered calls up: what is charged and recorded of them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import farside, media
from harness.farside import CARRIER
from world import World

TOLERANCE_S = 10.0
_PHONE, _OUTSIDE = "acme101desk", "89161112233"
_CLOSED_WITHIN_S = 40.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Args: calls: answered outbound ones. up_s: for how long. blind_s: the listener is killed this long
    before the switch; None: it lives. At 0 it dies with it, above `up_s` it never saw a call."""

    calls: int
    up_s: float
    blind_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Args: true_s, charged_s: lengths in the order of answers. recorded_s: of what was indexed."""

    plan: Plan
    true_s: list[float]
    charged_s: list[int]
    estimated: int
    recorded_s: list[int] = field(default_factory=list)
    again: int = 0
    verified: bool = False

    @property
    def errors_s(self) -> list[float]:
        """Charged less true length; below 0 is in the tenant's favour."""
        return [round(charged - true, 1) for charged, true in zip(self.charged_s, self.true_s, strict=False)]

    @property
    def faults(self) -> list[str]:
        plan = self.plan
        unseen_s = 0.0 if plan.blind_s is None else min(plan.blind_s, plan.up_s)
        wrong = {
            f"{len(self.charged_s)} of {plan.calls} calls charged": len(self.charged_s) != plan.calls,
            f"{self.estimated} marked estimated": self.estimated != plan.calls,
            f"charged {self.errors_s} s beside the true length": any(
                not -TOLERANCE_S - unseen_s <= error <= 1.0 for error in self.errors_s
            ),
            f"{self.again} charges posted again": bool(self.again),
            f"recordings of {self.recorded_s} s": len(self.recorded_s) != plan.calls
            or any(
                length < true - TOLERANCE_S
                for length, true in zip(self.recorded_s, self.true_s, strict=False)
            ),
            "the ledger doesn't verify": not self.verified,
        }
        return [f"{plan}: {text}" for text, is_wrong in wrong.items() if is_wrong]

    def _recorded_whole(self) -> bool:
        return len(self.recorded_s) == self.plan.calls and all(
            length >= true - TOLERANCE_S for length, true in zip(self.recorded_s, self.true_s, strict=True)
        )


def play(world: World, plan: Plan) -> Outcome:
    """Kill the switch of a fresh world. It is up again afterwards, with the listener."""
    site, far = world.site, world.far
    voice = media.write_wav(world.directory.with_name("voice.wav"), media.voice(1))
    far.behave(CARRIER, farside.answer(voice))
    if plan.blind_s is None or plan.blind_s <= plan.up_s:
        site.listen()
    answers, placed = [], []
    for _ in range(plan.calls):
        call = far.call(_PHONE, _OUTSIDE, say=voice)
        far.wait_answered(call)
        answers.append(time.monotonic())
        placed.append(call)
    end = answers[-1] + plan.up_s
    if plan.blind_s is not None:
        _reach(world, end - min(plan.blind_s, plan.up_s))
        site.stop_listener(signal.SIGKILL)
    _reach(world, end)
    killed = time.monotonic()
    site.kill_switch()
    for call in placed:
        far.hang_up(call)
    site.vpbx("switch", "start")
    if plan.blind_s is not None:
        site.vpbx("reconcile")
        site.listen()
    site.until(lambda: len(charges(world)) >= plan.calls, "every call is charged", _CLOSED_WITHIN_S)
    found = charges(world)
    before = len(found)
    site.vpbx("reconcile")
    recordings = _recordings(world, plan.calls)
    return Outcome(
        plan=plan,
        true_s=[killed - answered for answered in answers],
        charged_s=[charge["duration_s"] for charge in found],
        estimated=sum(charge["estimated"] for charge in found),
        recorded_s=[recording["length_s"] for recording in recordings],
        again=len(charges(world)) - before,
        verified=site.run("ledger", "verify").returncode == 0,
    )


def charges(world: World) -> list[dict[str, Any]]:
    """What stands in the ledger, in the order in which calls began; the record isn't brought in by asking."""
    found = world.site.json("charges", "list", "acme", "--no-reconcile")["charges"]
    return sorted(found, key=lambda charge: _number_of(charge["key"].split("/")[1]))


def _recordings(world: World, wanted: int) -> list[dict[str, Any]]:
    def kept() -> list[dict[str, Any]]:
        found = world.site.json("recordings", "list", "acme")["recordings"]
        return [
            item for item in found if item["state"] in ("complete", "short") and Path(item["file"]).exists()
        ]

    _try(world, lambda: len(kept()) >= wanted, "every recording is indexed")
    return sorted(kept(), key=lambda item: _number_of(item["id"]))


def _number_of(uniqueid: str) -> tuple[int, ...]:
    """`<systemname>-<seconds>.<n>` as numbers."""
    return tuple(int(part) for part in uniqueid.partition("-")[2].split("."))


def _reach(world: World, moment: float) -> None:
    world.site.until(lambda: time.monotonic() >= moment, "the calls have been up", 600)


def _try(world: World, true: Callable[[], bool], what: str) -> None:
    """Wait; what is missing then shows in the figures."""
    try:
        world.site.until(true, what, 15)
    except TimeoutError:
        return
