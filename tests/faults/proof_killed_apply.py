"""`make proof-killed-apply`: an apply killed at a hundred seeded moments, and what calls find. 15 minutes.

Each apply renames 101, moves the direct number between 101 and 102 and orders one more year of storage. After
the kill one call shows the name and one call of the number rings a phone: both are of the old generation or
both of the new. After the next verb the service's events and the ledger are those of the generation that is
live, and no others. Then the next apply works, calls find the new, and the year was charged once.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from harness import farside
from harness.farside import CARRIER
from harness.site import Site
from world import Proof, World, temporary_world

_VPBX = Path(sys.executable).with_name("vpbx")
_DIRECT, _CALLER = "+74951112234", "+79035556677"
_FIRST_NAME, _FIRST_PHONE = "Анна Соколова", "101"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--points", type=int, default=100)
    asked.add_argument("--seed", type=int, default=11)
    options = asked.parse_args()
    proof = Proof("killed-apply", seed=options.seed)
    dice = random.Random(options.seed)
    with temporary_world(without_trial) as world:
        found = play(world, dice, options.points, proof.faults)
    proof.tell("an apply killed", points=options.points, **found)
    return proof.end()


def play(world: World, dice: random.Random, points: int, faults: list[str]) -> Counter[str]:
    """Kill that many applies. Returns: how often calls found what, and how often one was faster."""
    found: Counter[str] = Counter()
    old = (_FIRST_NAME, _FIRST_PHONE)
    usual_s = 2.0
    for number in range(points):
        new = (f"Анна {number}", "102" if old[1] == "101" else "101")
        before = books_of(world)
        change(world, old, new, number + 1)
        after_s = dice.uniform(0.2, 1.1) * usual_s
        began = time.monotonic()
        killed = killed_apply(world, after_s)
        if not killed:
            usual_s = time.monotonic() - began
            found["faster than the kill"] += 1
        seen = what_calls_find(world)
        found["old" if seen == old else "new" if seen == new else "mixture"] += 1
        if seen not in (old, new):
            faults.append(f"killed after {after_s:.3f} s: calls find {seen}, neither {old} nor {new}")
        check_books(world, before, faults)
        world.site.vpbx("apply")
        if (seen := what_calls_find(world)) != new:
            faults.append(f"after the next apply calls find {seen}, not {new}")
        if (books := books_of(world)) != Books(number + 1, before.events + 1, before.entries + 1):
            faults.append(f"after the next apply the books are {books}, and before it they were {before}")
        old = new
    return found


@dataclass(frozen=True)
class Books:
    """Args: years: of storage that the account has. events: of the service. entries: of the ledger."""

    years: int
    events: int
    entries: int


def books_of(world: World) -> Books:
    told = world.site.json("tenant", "status", "acme")
    years = {option["slug"]: option["quantity"] for option in told["options"]}.get("storage_year", 0)
    # Calls are brought into the ledger too, whenever somebody looks.
    charges = world.site.json("charges", "list", "acme", "--no-reconcile")["charges"]
    entries = sum(charge["kind"] == "option" for charge in charges)
    return Books(years, told["events"][0]["number"], entries)


def check_books(world: World, before: Books, faults: list[str]) -> None:
    """After the next verb, one that only ends or undoes what died: the books are of what is live."""
    world.site.run("confirm")
    etc = world.site.root / ".vpbx/switch/pbx1/etc"
    live = json.loads((etc / "generation.json").read_text())["services"]["acme"]["options"]
    years = live.get("storage_year", 0)
    more = years - before.years
    if (books := books_of(world)) != Books(years, before.events + more, before.entries + more):
        faults.append(f"{years} years are live, and the books are {books}, before the kill {before}")


def without_trial(site: Site) -> None:
    """Whatever is connected is charged at once."""
    site.edit("tariffs/master.yaml", (r"(?m)^trial:.*\n(?:  .*\n)*", "trial: {days: 0}\n"))


def change(world: World, old: tuple[str, str], new: tuple[str, str], years: int) -> None:
    world.site.edit(
        "tenants/acme.yaml",
        (r"(?m)^options: .*$", f"options: [recording, {{storage_year: {years}}}]"),
        (f"name: {old[0]}", f"name: {new[0]}"),
        (rf'"\{_DIRECT}": \{{employee: "{old[1]}"\}}', f'"{_DIRECT}": {{employee: "{new[1]}"}}'),
    )


def killed_apply(world: World, after_s: float) -> bool:
    """Returns: whether it was still at work when it was killed."""
    running = subprocess.Popen(
        [str(_VPBX), "-C", str(world.site.root), "apply"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        running.wait(after_s)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        return True
    return False


def what_calls_find(world: World) -> tuple[str, str]:
    """The name that a call of 101 shows, and the phone that the direct number rings."""
    far = world.far
    for extension in ("101", "102"):
        far.behave(f"acme{extension}desk", farside.answer())
    before = {extension: len(far.calls_to(f"acme{extension}desk")) for extension in ("101", "102")}
    call = far.call("acme101desk", "102")
    name = far.incoming("acme102desk", after=before["102"]).name
    far.wait_answered(call)
    far.hang_up(call)
    before["102"] += 1
    call = far.call(CARRIER, _DIRECT, from_number=_CALLER)
    far.wait_answered(call)
    [rung] = [each for each in before if len(far.calls_to(f"acme{each}desk")) > before[each]]
    far.hang_up(call)
    world.site.until(lambda: world.site.lines("acme")["in_use"] == 0, "the line is free")
    return name, rung


if __name__ == "__main__":
    sys.exit(main())
