"""What one change costs on a platform of many tenants, on a real switch.

    bench/bench_changes.py --tenants 10 100 1000 2000
    bench/bench_changes.py --tenants 1000 --calls

For each size: the first apply of all, the switch's start, then one tenant changed, one added, one removed,
each by the real command line from its start to its end, and `vpbx plan`. With --calls the changes are made
while calls are up and others arrive, and what those calls wait is compared with what they wait otherwise.
Prints one JSON line a figure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from calls.arms import HOST
from calls.beside import calls_beside
from calls.load import FarEnd, percentile
from tenants import write_tenant

from orchestrator.asterisk.listening import free_ports
from orchestrator.model.platform import Address

EXAMPLES = Path(__file__).parents[1] / "examples"
VPBX = Path(sys.executable).with_name("vpbx")
_DEADLINE_S = 600
_CHANGES = 3
_SETTLED_S, _USUAL_S, _BETWEEN_S = 3.0, 8.0, 2.0
_AFTERWARDS_S = 2.5
"""What an apply doesn't wait for is done by then: the states of new phones."""

Window = tuple[float, float]
"""Begin and end, seconds since the epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--calls", action="store_true", help="Make the changes while calls go on.")
    given = parser.parse_args()
    for tenants in given.tenants:
        with tempfile.TemporaryDirectory(prefix="vpbx-changes-") as work:
            if given.calls:
                _measure_beside_calls(Path(work), tenants)
            else:
                _measure(Path(work) / "project", tenants)


def _measure(root: Path, tenants: int) -> None:
    _write(root, tenants, Address(HOST, 5080))
    _print(tenants, "plan, cold, before the first apply", [_vpbx(root, "plan", exits=2)])
    _print(tenants, "first apply of all, switch not running", [_vpbx(root, "apply")])
    with _running(root, tenants):
        _print(tenants, "apply that asks for everything after the start", [_vpbx(root, "apply")])
        _print(tenants, "plan, nothing to do", [_vpbx(root, "plan") for _ in range(_CHANGES)])
        changed, planned = [], []
        for number in range(_CHANGES):
            _change(root, number)
            planned.append(_vpbx(root, "plan", exits=2))
            changed.append(_vpbx(root, "apply"))
        _print(tenants, "plan, one tenant changed", planned)
        _print(tenants, "apply, one tenant changed", changed)
        added, removed = [], []
        for number in range(tenants, tenants + _CHANGES):
            path = write_tenant(root, number)
            added.append(_vpbx(root, "apply"))
            _disconnect(path)
            removed.append(_vpbx(root, "apply"))
        _print(tenants, "apply, one tenant added", added)
        _print(tenants, "apply, one tenant removed", removed)


def _measure_beside_calls(work: Path, tenants: int) -> None:
    """The changes while calls are up and others arrive, with `vpbx listen` running as it would."""
    root, far = work / "project", FarEnd(work / "far")
    try:
        sip = _write(root, tenants, far.address)
        _vpbx(root, "apply")
        with _running(root, tenants), _listening(root):
            _vpbx(root, "apply")
            with calls_beside(root, sip, far, work / "calls") as calls:
                usual, told = _changes_beside_calls(root, tenants)
    finally:
        far.stop()
    for figure, value in _waits("usual", calls.within(usual)).items():
        _print(tenants, figure, [value], "ms")
    for words, count in calls.unanswered.items():
        _print(tenants, f"calls not answered, told {words!r}", [count], "")
    for kind, windows in told.items():
        _print(tenants, f"apply beside calls, one tenant {kind}", [end - begin for begin, end in windows])
        after = [(begin, end + _AFTERWARDS_S) for begin, end in windows]
        for figure, value in _waits(f"one tenant {kind}", calls.within(after)).items():
            _print(tenants, figure, [value], "ms")


def _changes_beside_calls(root: Path, tenants: int) -> tuple[list[Window], dict[str, list[Window]]]:
    """Returns: when nothing was changed; when each kind of change went on."""
    time.sleep(_SETTLED_S)
    usual = [_during(lambda: time.sleep(_USUAL_S))]
    told: dict[str, list[Window]] = {"changed": [], "added": [], "removed": []}
    for number in range(_CHANGES):
        _change(root, number)
        told["changed"].append(_during(lambda: _vpbx(root, "apply")))
        usual.append(_quiet())
        path = write_tenant(root, tenants + number)
        told["added"].append(_during(lambda: _vpbx(root, "apply")))
        usual.append(_quiet())
        _disconnect(path)
        told["removed"].append(_during(lambda: _vpbx(root, "apply")))
        usual.append(_quiet())
    time.sleep(1)
    return usual, told


def _during(work: Callable[[], object]) -> Window:
    """When some work went on, in seconds since the epoch."""
    begin = time.time()
    work()
    return begin, time.time()


def _quiet() -> Window:
    """A while in which nothing is changed, after what an apply leaves to be done."""
    time.sleep(_AFTERWARDS_S)
    return _during(lambda: time.sleep(_BETWEEN_S))


def _waits(when: str, delays_ms: tuple[float, ...]) -> dict[str, float]:
    return {
        f"post-dial delay, {when}, {name}": value
        for name, value in (
            ("calls", float(len(delays_ms))),
            ("median", percentile(delays_ms, 50)),
            ("99th percentile", percentile(delays_ms, 99)),
            ("worst", max(delays_ms, default=float("inf"))),
        )
    }


@contextmanager
def _listening(root: Path) -> Iterator[None]:
    with (root / "listen.log").open("wb") as log:
        listener = subprocess.Popen(
            [str(VPBX), "-C", str(root), "listen"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        listener.terminate()
        listener.wait(30)


@contextmanager
def _running(root: Path, tenants: int) -> Iterator[None]:
    _print(tenants, "start of the switch", [_vpbx(root, "switch", "start", "--deadline", "300")])
    try:
        yield
    finally:
        _vpbx(root, "switch", "stop")


def _vpbx(root: Path, *arguments: str, exits: int = 0) -> float:
    """Run a verb. Returns: seconds from its start to its end."""
    began = time.perf_counter()
    done = subprocess.run(
        [str(VPBX), "-C", str(root), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    if done.returncode != exits:
        sys.exit(
            f"bench_changes: vpbx {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return time.perf_counter() - began


def _write(root: Path, tenants: int, far: Address) -> Address:
    """A project. Args: far: the other end of its trunk. Returns: where its switch takes calls."""
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
    shutil.rmtree(root / "tenants")
    (root / "tenants").mkdir()
    ports = free_ports("127.0.0.1", 3)
    platform = root / "platform.yaml"
    text = platform.read_text()
    for key, port in zip(("sip", "ami", "metrics"), ports, strict=True):
        text = re.sub(rf"{key}: 127\.0\.0\.1:\d+", f"{key}: 127.0.0.1:{port}", text)
    text = text.replace("address: 127.0.0.1:5080", f"address: {far}").replace(
        "rtp_timeout_s: 60", "rtp_timeout_s: 3600"
    )
    platform.write_text(text)
    for number in range(tenants):
        write_tenant(root, number)
    return Address(HOST, ports[0])


def _change(root: Path, number: int) -> None:
    name = root / "tenants" / f"t{number:05d}.yaml"
    name.write_text(name.read_text().replace('members: ["104", "105"]', 'members: ["104", "106"]'))


def _disconnect(path: Path) -> None:
    path.write_text(path.read_text().replace("tariff: master", "tariff: master\nservice: disconnected"))


def _print(tenants: int, figure: str, values: list[float], unit: str = "s") -> None:
    told = {"bench": "changes", "tenants": tenants, "figure": figure, "value": round(median(values), 3)}
    print(json.dumps({**told, "unit": unit, "load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
