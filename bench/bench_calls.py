"""Calls per second and post-dial delay with our dialplan, recording and listener, against bare Dial.

Four arms, each its own Asterisk with the same phones, trunk and media settings, take turns on one machine
with SIPp as phones and far end: (1) one Dial; (2) one Dial with CEL, CDR and MixMonitor; (3) ours, recording,
with `vpbx listen`; (4) ours without recording, with `vpbx listen`. RTP goes both ways through the switch.

First the highest clean rate of each arm is searched, several times; then all run at half the lowest of them.
Prints one JSON line a figure. Take the ratios, not the absolutes: everything shares the machine.

    bench/bench_calls.py            8 minutes
    bench/bench_calls.py --quick    2 minutes: coarse
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean, median

from calls.arms import ARMS, BARE, OURS, OURS_RECORDED, RECORDED, Arm, Running, start
from calls.load import FarEnd, GeneratorFailed, Run, call, settle, write_voice
from calls.search import around, ladder, whole

from orchestrator.asterisk import install

_WARM_RATE, _WARM_S = 10, 2.0
_REACH = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How thorough. Args: rates: tried in the search. probe_s: how long calls are begun in one try.

    tries: of a rate, until one is clean. rounds: searches. delay_rounds: runs of each arm at the common rate.
    search_for_s: a round that isn't over by then is dropped, the first one taken as far as it came.
    """

    rates: tuple[int, ...]
    probe_s: float
    tries: int
    rounds: int
    delay_rounds: int
    search_for_s: float


FULL = Plan(ladder(12, 130, 1.08), 4.0, tries=2, rounds=3, delay_rounds=3, search_for_s=330.0)
QUICK = Plan(ladder(12, 110, 1.25), 2.5, tries=1, rounds=1, delay_rounds=1, search_for_s=90.0)


class Bench:
    """Args: work: directory that lives as long as the run."""

    def __init__(self, plan: Plan, arms: Sequence[Running], far: FarEnd, work: Path) -> None:
        self._plan, self._arms, self._far, self._work = plan, arms, far, work
        self._begun = time.monotonic()

    def warm(self) -> None:
        """The first calls of a process cost more: memory, caches, the file of CEL."""
        for running in self._arms:
            self._run(running, _WARM_RATE, _WARM_S)

    def highest(self) -> dict[str, float]:
        """Highest clean rate by arm: the mean of what each round found."""
        rates = self._plan.rates
        found: dict[str, list[float]] = {running.arm.name: [] for running in self._arms}
        last: dict[str, int] = {}
        for number in range(self._plan.rounds):
            searches = {
                running.arm.name: around(last[running.arm.name], _REACH, len(rates))
                if number
                else whole(len(rates))
                for running in self._arms
            }
            while not all(search.over for search in searches.values()) and not self._late():
                for running in self._arms:
                    search = searches[running.arm.name]
                    if not search.over:
                        search.tell(self._is_clean(running, rates[search.step]))
            if number and self._late():
                break
            for name, search in searches.items():
                last[name] = max(0, search.clean)
                found[name].append(rates[last[name]])
        return {name: geometric_mean(values) for name, values in found.items()}

    def at(self, rate: int) -> dict[str, list[Run]]:
        """Every arm at one rate, in turn, several times."""
        runs: dict[str, list[Run]] = {running.arm.name: [] for running in self._arms}
        for _ in range(self._plan.delay_rounds):
            for running in self._arms:
                runs[running.arm.name].append(self._run(running, rate, 1.5 * self._plan.probe_s))
        return runs

    def _late(self) -> bool:
        return time.monotonic() - self._begun > self._plan.search_for_s

    def _is_clean(self, running: Running, rate: int) -> bool:
        return any(self._run(running, rate, self._plan.probe_s).clean for _ in range(self._plan.tries))

    def _run(self, running: Running, rate: int, seconds: float) -> Run:
        self._far.check()
        run = call(running, self._work, rate, seconds)
        settle(running)
        running.forget_recordings()
        _say(
            f"{running.arm.name:26} {rate:4}/s {'clean' if run.clean else 'NOT CLEAN':9} "
            f"failed {run.failed}, retransmitted {run.retransmitted}, {run.p50:.1f} / {run.p99:.1f} ms, "
            f"CPU {' + '.join(f'{ms:.1f}' for ms in run.cpu_ms)} ms"
        )
        return run


def main() -> None:
    arguments = _arguments()
    if shutil.which("sipp") is None:
        sys.exit("bench_calls: there is no sipp on this machine: apt-get install sip-tester")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = QUICK if arguments.quick else FULL
    before = os.getloadavg()[0]
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vpbx-bench-")))
        far = FarEnd(work / "far")
        stack.callback(far.stop)
        write_voice(work)
        arms = []
        for arm in ARMS:
            arms.append(start(arm, work, install.require(), far.address, arguments.seed, arguments.share))
            stack.callback(arms[-1].stop)
        bench = Bench(plan, arms, far, work)
        try:
            bench.warm()
            highest = bench.highest()
            rate = max(1, round(min(highest.values()) / 2))
            figures = list(_figures(highest, rate, bench.at(rate)))
        except GeneratorFailed as error:
            sys.exit(f"bench_calls: {error}")
    for arm, figure, value, unit in figures:
        _print(arm, figure, value, unit)
    _print("all", "load average before and after", [round(before, 1), round(os.getloadavg()[0], 1)], "")


def _figures(
    highest: dict[str, float], rate: int, runs: dict[str, list[Run]]
) -> Iterator[tuple[str, str, float, str]]:
    for name, value in highest.items():
        yield name, "highest clean rate", value, "calls/s"
    for ours in (OURS_RECORDED, OURS):
        for other in (RECORDED, BARE):
            yield ours.name, f"rate against {other.name}", highest[ours.name] / highest[other.name], "ratio"
    yield "all", "rate of the following", rate, "calls/s"
    for name, its in runs.items():
        yield name, "post-dial delay p50", median(run.p50 for run in its), "ms"
        yield name, "post-dial delay p99", median(run.p99 for run in its), "ms"
        yield name, "CPU of Asterisk a call", median(run.cpu_ms[0] for run in its), "ms"
        if len(its[0].cpu_ms) > 1:
            yield name, "CPU of the listener a call", median(run.cpu_ms[1] for run in its), "ms"
    for ours in (OURS_RECORDED, OURS):
        for other in (RECORDED, BARE):
            yield ours.name, f"post-dial delay added to {other.name}", _added(runs, ours, other), "ms"


def _added(runs: dict[str, list[Run]], ours: Arm, other: Arm) -> float:
    """Between medians of the same round, as the machine's mood changes between rounds."""
    return median(
        mine.p50 - theirs.p50 for mine, theirs in zip(runs[ours.name], runs[other.name], strict=True)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="coarse, in 2 minutes")
    parser.add_argument("--seed", type=int, default=1, help="of the numbers that are called")
    parser.add_argument("--share", type=Path, help="directory with templates/ and dialplans/ to try for ours")
    return parser.parse_args()


def _print(arm: str, figure: str, value: float | list[float], unit: str) -> None:
    told = round(value, 2) if isinstance(value, float) else value
    print(
        json.dumps({"bench": "calls", "arm": arm, "figure": figure, "value": told, "unit": unit}), flush=True
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
