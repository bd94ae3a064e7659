"""`make proof-prepaid`: 14 calls at once on what pays for ten started minutes. About 5 minutes.

Once with a listener that lives, once with one that is killed in the middle, and once with one whose calls
hold nothing, which must be noticed.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from harness.farside import Call
from harness.site import Site
from world import Proof, World, temporary_world

NUMBER, MINUTE_KOP, MINUTES, CALLS, LINES = "+74951234567", 165, 10, 14, 14
UNRESERVED = Path(__file__).with_name("unreserved_listener.py")
MORE = 4


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    proof = Proof("prepaid", asked.parse_args().seed)
    with temporary_world(_prepay) as world:
        _with_a_listener_that_lives(proof, world)
        _with_a_killed_listener(proof, world)
        _without_reservations(proof, world)
    return proof.end()


def _prepay(site: Site) -> None:
    site.edit("tenants/acme.yaml", ("tariff: master", "tariff: master\naccount: {kind: prepaid}"))


def _with_a_listener_that_lives(proof: Proof, world: World) -> None:
    _listen(world.site)
    _pay(world.site)
    talked, refused = _ended(world, _place(world, CALLS))
    left = _settled(world.site)
    proof.tell("14 calls at once", talked=talked, refused=refused, left_kop=left)
    proof.check(
        (talked, refused, left) == (MINUTES, CALLS - MINUTES, 0), f"{talked} talked, {left} kop are left"
    )


def _with_a_killed_listener(proof: Proof, world: World) -> None:
    """Four more calls come while it is dead, and get a slice each, unasked; nothing else is given away."""
    _pay(world.site)
    calls = _place(world, MINUTES)
    time.sleep(15)
    world.site.stop_listener(signal.SIGKILL)
    calls += _place(world, MORE)
    time.sleep(10)
    _listen(world.site)
    talked, refused = _ended(world, calls)
    left = _settled(world.site)
    proof.tell("killed in the middle", talked=talked, refused=refused, left_kop=left)
    proof.check(refused == 0, f"{refused} refused, each line had a slice")
    proof.check(-left == MORE * MINUTE_KOP, f"{-left} kop beyond what was paid, for {MORE} slices unasked")


def _without_reservations(proof: Proof, world: World) -> None:
    site = world.site
    site.stop_listener()
    _pay(site)
    with (site.root / "listen.log").open("ab") as log:
        listener = subprocess.Popen(
            [sys.executable, str(UNRESERVED), str(site.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_ready(site, 1 + _ready(site))
        calls = _place(world, CALLS)
        time.sleep(5)
        for call in calls:
            if not world.far.has_ended(call):
                world.far.hang_up(call)
        talked, refused = _ended(world, calls)
    finally:
        listener.terminate()
        listener.wait(20)
    _listen(site)
    left = _settled(site)
    proof.tell("a build without reservations", talked=talked, refused=refused, left_kop=left)
    proof.check(left < 0, "fourteen calls that hold nothing were kept within ten minutes")


def _place(world: World, count: int) -> list[Call]:
    return [world.far.call(f"acme{101 + at % 2}desk", NUMBER) for at in range(count)]


def _ended(world: World, calls: list[Call]) -> tuple[int, int]:
    """How many were answered, and how many refused, once all are over."""
    ends = [world.far.wait_ended(call, 150) for call in calls]
    return sum(end.code is None for end in ends), sum(end.code == 403 for end in ends)


def _pay(site: Site) -> None:
    """What is owed, and ten minutes."""
    kop = MINUTES * MINUTE_KOP - int(_standing(site)["balance_kop"])
    site.vpbx("pay", "acme", f"{kop / 100:.2f}", "--ref", str(time.time_ns()))


def _settled(site: Site) -> int:
    """What is left once nothing is reserved any more."""
    site.until(lambda: _standing(site)["reserved_kop"] == 0, "nothing is reserved", 30)
    return int(_standing(site)["balance_kop"])


def _standing(site: Site) -> dict[str, Any]:
    [found] = site.json("balance", "acme", "--no-reconcile")["balances"]
    assert isinstance(found, dict)
    return found


def _listen(site: Site) -> None:
    before = _ready(site)
    site.listen()
    _wait_ready(site, before + 1)


def _ready(site: Site) -> int:
    log = site.root / "listen.log"
    return log.read_text().count("credit-control-ready") if log.exists() else 0


def _wait_ready(site: Site, times: int) -> None:
    site.until(lambda: _ready(site) >= times, "credit control", 30)


if __name__ == "__main__":
    sys.exit(main())
