"""Calls per second and post-dial delay through a department, a menu and a schedule, against Dial and Queue.

Two Asterisks with the same phones and trunk take turns on one machine: ours, whose numbers lead to an
employee, by a schedule, by a menu and to departments of twenty; and one with a bare Dial and a bare app_queue
Queue of the same twenty, without any record. SIPp is operator and phones. Calls are short and carry no RTP:
what is measured is finding a phone, from the operator's INVITE to the INVITE at the phone. In a menu a key is
pressed at once, which takes 80 ms by itself.

First all run at one modest rate, in turn, several times; then the highest clean rate of each way is searched.
Prints one JSON line a figure. Take the ratios, not the absolutes: everything shares the machine.

    bench/bench_routing.py            6 minutes
    bench/bench_routing.py --quick    2 minutes: coarse
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean, median

from calls.load import GeneratorFailed
from calls.search import around, ladder, whole
from routing.load import Phones, Run, call
from routing.switches import DIAL, QUEUE, WAYS, Running, Way, start

from orchestrator.asterisk import install

_WARM_RATE, _WARM_S = 10, 2.0
_REACH = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How thorough. Args: rates: tried in the search. probe_s: how long calls are begun in one try.

    tries: of a rate, until one is clean. rounds: searches. delay_rate, delay_rounds: of the runs before.
    """

    rates: tuple[int, ...]
    probe_s: float
    tries: int
    rounds: int
    delay_rate: int
    delay_rounds: int


FULL = Plan(ladder(20, 320, 1.12), 3.0, tries=2, rounds=1, delay_rate=30, delay_rounds=5)
QUICK = Plan(ladder(20, 320, 1.4), 2.0, tries=1, rounds=1, delay_rate=30, delay_rounds=2)


@dataclass(frozen=True, slots=True)
class Bench:
    """Args: switches: by whether it is the bare one. work: directory that lives as long as the run."""

    plan: Plan
    switches: Mapping[bool, Running]
    phones: Phones
    work: Path

    def warm(self) -> None:
        """The first calls of a process cost more."""
        for way in WAYS:
            self._run(way, _WARM_RATE, _WARM_S)

    def highest(self) -> dict[str, float]:
        """Highest clean rate by way: the mean of what each round found."""
        rates = self.plan.rates
        found: dict[str, list[float]] = {way.name: [] for way in WAYS}
        last: dict[str, int] = {}
        for number in range(self.plan.rounds):
            searches = {
                way.name: around(last[way.name], _REACH, len(rates)) if number else whole(len(rates))
                for way in WAYS
            }
            while not all(search.over for search in searches.values()):
                for way in WAYS:
                    search = searches[way.name]
                    if not search.over:
                        search.tell(self._is_clean(way, rates[search.step]))
            for name, search in searches.items():
                last[name] = max(0, search.clean)
                found[name].append(rates[last[name]])
        return {name: geometric_mean(values) for name, values in found.items()}

    def delays(self) -> dict[str, list[Run]]:
        """Every way at one rate, in turn, several times."""
        runs: dict[str, list[Run]] = {way.name: [] for way in WAYS}
        for _ in range(self.plan.delay_rounds):
            for way in WAYS:
                runs[way.name].append(self._run(way, self.plan.delay_rate, 1.2 * self.plan.probe_s))
        return runs

    def _is_clean(self, way: Way, rate: int) -> bool:
        return any(self._run(way, rate, self.plan.probe_s).clean for _ in range(self.plan.tries))

    def _run(self, way: Way, rate: int, seconds: float) -> Run:
        run = call(self.switches[way.bare], way, self.phones, self.work, rate, seconds)
        state = "clean" if run.clean else "NOT CLEAN"
        _say(
            f"{way.name:22} {rate:4}/s {state:9} failed {run.failed} of {run.made}, "
            f"retransmitted {run.retransmitted}, {run.p50:.1f} / {run.p95:.1f} ms, CPU {run.cpu_ms:.1f} ms"
        )
        return run


def main() -> None:
    arguments = _arguments()
    if shutil.which("sipp") is None:
        sys.exit("bench_routing: there is no sipp on this machine: apt-get install sip-tester")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    before = os.getloadavg()[0]
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vpbx-bench-")))
        switches: dict[bool, Running] = {}
        try:
            for bare in (True, False):
                switches[bare] = start(work, install.require(), bare=bare)
                stack.callback(switches[bare].instance.stop)
            phones = Phones(work / "phones", tuple(switches.values()))
            stack.callback(phones.stop)
            bench = Bench(QUICK if arguments.quick else FULL, switches, phones, work)
            bench.warm()
            runs = bench.delays()
            highest = bench.highest()
        except GeneratorFailed as error:
            sys.exit(f"bench_routing: {error}")
    _tell(highest, bench.plan.delay_rate, runs)
    _print("all", "load average before and after", [round(before, 1), round(os.getloadavg()[0], 1)], "")


def _tell(highest: Mapping[str, float], rate: int, runs: Mapping[str, Sequence[Run]]) -> None:
    for name, value in highest.items():
        _print(name, "highest clean rate", value, "calls/s")
        for other in (DIAL, QUEUE):
            _print(name, f"rate against {other.name}", value / highest[other.name], "ratio")
    _print("all", "rate of the following", rate, "calls/s")
    for name, its in runs.items():
        _print(name, "post-dial delay median", median(run.p50 for run in its), "ms")
        _print(name, "post-dial delay p95", median(run.p95 for run in its), "ms")
        _print(name, "CPU of Asterisk a call", median(run.cpu_ms for run in its), "ms")
        for other in (DIAL, QUEUE):
            added = median(mine.p50 - theirs.p50 for mine, theirs in zip(its, runs[other.name], strict=True))
            _print(name, f"post-dial delay added to {other.name}", added, "ms")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="coarse, in 2 minutes")
    return parser.parse_args()


def _print(way: str, figure: str, value: float | list[float], unit: str) -> None:
    told = round(value, 2) if isinstance(value, float) else value
    print(
        json.dumps({"bench": "routing", "way": way, "figure": figure, "value": told, "unit": unit}),
        flush=True,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
