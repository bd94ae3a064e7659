"""The listener killed over and over while calls go on: each answered outbound call is charged exactly once.

What is expected is computed here from SIPp's own log; nothing of vpbx's record or rating is asked.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bursts import Planned, Seen, lengths
from harness import farside
from harness.farside import CARRIER
from harness.site import Site
from world import ACME_DIRECT, World

_PHONE = "acme102desk"
_DOOMED = Path(__file__).with_name("doomed_listener.py")
_PATIENCE_S = 4.0
_SETTLED_WITHIN_S = 40.0
_SURVIVED = 3
"""Calls that are placed after the last death."""

PER_SECOND, PER_MINUTE = "7916", "7495"
_MINUTE_KOP = 165
_DECK_LINE = f"{PER_SECOND},charged by the second,0.60,1,0,0,0,2026-01-01\n"
"""A kopeck a second: a charge tells the second at which its call was taken to end."""


@dataclass(frozen=True, slots=True)
class Death:
    """Where a listener dies. Args: kind, when, number: see `doomed_listener`; or `time`: after `after_s`."""

    kind: str
    when: str = ""
    number: int = 0
    after_s: float = _PATIENCE_S


@dataclass(frozen=True, slots=True)
class Outcome:
    """Args: deaths: by kind and moment, as they came. wrong: calls not charged exactly as SIPp's log says."""

    answered: int
    unanswered: int
    inbound: int
    deaths: Mapping[str, int]
    paths: Mapping[str, int]
    wrong: list[str]
    verified: bool

    @property
    def faults(self) -> list[str]:
        found = list(self.wrong)
        if not self.verified:
            found.append("the ledger doesn't verify")
        idle = [path for path in ("listener", "reconciliation") if not self.paths.get(path)]
        found += [f"nothing was charged by {path}" for path in idle]
        return found


def prepare(site: Site) -> None:
    """Give the project's deck a destination that is charged by the second."""
    with (site.root / "decks/multifon-business.csv").open("a") as deck:
        deck.write(_DECK_LINE)


def deaths(chance: random.Random, count: int) -> list[Death]:
    """Seeded points: before and after commits of charges, of anything, and at any time."""
    made = []
    for _ in range(count):
        kind = chance.choice(("charge", "charge", "write", "time"))
        if kind == "time":
            made.append(Death("time", after_s=chance.uniform(0.3, _PATIENCE_S)))
        else:
            number = chance.randint(1, 3 if kind == "charge" else 12)
            made.append(Death(kind, chance.choice(("before", "after")), number))
    return made


def play(world: World, chance: random.Random, calls: int, points: Sequence[Death]) -> Outcome:
    """Calls, one a second or so, and a listener that dies at each of the points.

    The last few calls are placed when it lives on, so that some are charged while it follows the switch,
    however slow the machine is to start it.
    """
    site = world.site
    planned = _planned(chance, calls)
    for number, call in enumerate(planned):
        if number % 10 == 9:
            world.far.behave(CARRIER, farside.busy(), f"+7{call.to[1:]}")
    inbound = [Planned(ACME_DIRECT, length) for length in lengths(chance, max(2, calls // 5), 4)]
    spread_s = max(len(points) * 2.2, calls / 3)
    placed = world.outbound(_PHONE, planned[:-_SURVIVED], spread_s), world.inbound(inbound, spread_s)
    died = Counter(_die(site, point) for point in points)
    seen = placed[0].wait()
    seen_inbound = placed[1].wait()
    site.listen()
    seen += world.outbound(_PHONE, planned[-_SURVIVED:], 1.0).wait()
    wanted = sum(call.code == 200 for call in seen)
    _settle(site, wanted)
    found = _charges(site)
    return Outcome(
        answered=wanted,
        unanswered=len(seen) - wanted,
        inbound=sum(call.code == 200 for call in seen_inbound),
        deaths=dict(sorted(died.items())),
        paths=dict(Counter(str(charge["path"]) for charge in found)),
        wrong=compare(seen, found),
        verified=site.run("ledger", "verify").returncode == 0,
    )


def compare(seen: Sequence[Seen], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the ledger isn't what the generator's log makes of the calls. Each call has its own number."""
    expected = {_e164(call): [(int(call.length_s), price_kop(call))] for call in seen if call.code == 200}
    charged: dict[str, list[tuple[int, int]]] = {}
    for charge in found:
        charged.setdefault(str(charge["to"]), []).append((charge["duration_s"], charge["amount_kop"]))
    return [
        f"{number}: charged {charged.get(number, [])}, expected {expected.get(number, [])}"
        for number in sorted({*expected, *charged})
        if charged.get(number, []) != expected.get(number, [])
    ]


def _e164(call: Seen) -> str:
    return f"+7{call.planned.to[1:]}"


def price_kop(call: Seen) -> int:
    """By hand: a kopeck a second, or one minute. No call here lasts longer than a minute."""
    assert call.length_s < 60
    return int(call.length_s) if call.planned.to[1:].startswith(PER_SECOND[1:]) else _MINUTE_KOP


def _planned(chance: random.Random, count: int) -> list[Planned]:
    """Every call to another number."""
    return [
        Planned(f"8{chance.choice((PER_SECOND, PER_SECOND, PER_MINUTE))[1:]}{7000000 + number}", length)
        for number, length in enumerate(lengths(chance, count, 7))
    ]


def _die(site: Site, point: Death) -> str:
    """Run a listener to its death. Returns: how it died."""
    command = [str(Path(sys.executable).with_name("vpbx")), "-C", str(site.root), "listen"]
    if point.kind != "time":
        command = [sys.executable, str(_DOOMED), str(site.root), point.kind, point.when, str(point.number)]
    with (site.root / "doomed.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            code = process.wait(point.after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "at a time"
    assert code == -9, f"the listener ended with {code}: {(site.root / 'doomed.log').read_text()[-2000:]}"
    return f"{point.when} a commit of {'charges' if point.kind == 'charge' else 'anything'}"


def _settle(site: Site, wanted: int) -> None:
    """Wait until the listener has charged all; then it and reconciliation look once more for anything."""
    try:
        site.until(lambda: len(_charges(site)) >= wanted, "all is charged", _SETTLED_WITHIN_S)
    except TimeoutError:
        return
    site.stop_listener()
    site.vpbx("reconcile")


def _charges(site: Site) -> list[dict[str, Any]]:
    return list(site.json("charges", "list", "acme", "--no-reconcile")["charges"])
