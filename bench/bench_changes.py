"""What one change costs on a platform of many tenants, on a real switch with calls going on.

    bench/bench_changes.py --tenants 10 100 1000 2000

For each size: the first apply of all, the switch's start, then one tenant changed, one added, one removed,
each by the real command line from its start to its end, and `vpbx plan`. Prints one JSON line a figure.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tenants import write_tenant

from orchestrator.asterisk.listening import free_ports

EXAMPLES = Path(__file__).parents[1] / "examples"
VPBX = Path(sys.executable).with_name("vpbx")
_DEADLINE_S = 600
_CHANGES = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, nargs="+", default=[10, 100, 1000])
    given = parser.parse_args()
    for tenants in given.tenants:
        with tempfile.TemporaryDirectory(prefix="vpbx-changes-") as work:
            _measure(Path(work) / "project", tenants)


def _measure(root: Path, tenants: int) -> None:
    _write(root, tenants)
    _print(tenants, "plan, cold, before the first apply", [_vpbx(root, "plan", exits=2)])
    _print(tenants, "first apply of all, switch not running", [_vpbx(root, "apply")])
    with _running(root, tenants):
        _print(tenants, "apply that asks for everything after the start", [_vpbx(root, "apply")])
        _print(tenants, "plan, nothing to do", [_vpbx(root, "plan") for _ in range(_CHANGES)])
        changed, planned = [], []
        for number in range(_CHANGES):
            name = root / "tenants" / f"t{number:05d}.yaml"
            name.write_text(name.read_text().replace('members: ["104", "105"]', 'members: ["104", "106"]'))
            planned.append(_vpbx(root, "plan", exits=2))
            changed.append(_vpbx(root, "apply"))
        _print(tenants, "plan, one tenant changed", planned)
        _print(tenants, "apply, one tenant changed", changed)
        added, removed = [], []
        for number in range(tenants, tenants + _CHANGES):
            path = write_tenant(root, number)
            added.append(_vpbx(root, "apply"))
            path.write_text(
                path.read_text().replace("tariff: master", "tariff: master\nservice: disconnected")
            )
            removed.append(_vpbx(root, "apply"))
        _print(tenants, "apply, one tenant added", added)
        _print(tenants, "apply, one tenant removed", removed)


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


def _write(root: Path, tenants: int) -> None:
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
    shutil.rmtree(root / "tenants")
    (root / "tenants").mkdir()
    ports = free_ports("127.0.0.1", 3)
    platform = root / "platform.yaml"
    text = platform.read_text()
    for key, port in zip(("sip", "ami", "metrics"), ports, strict=True):
        text = re.sub(rf"{key}: 127\.0\.0\.1:\d+", f"{key}: 127.0.0.1:{port}", text)
    platform.write_text(text)
    for number in range(tenants):
        write_tenant(root, number)


def _print(tenants: int, figure: str, seconds: list[float]) -> None:
    told = {"bench": "changes", "tenants": tenants, "figure": figure, "value": round(median(seconds), 3)}
    print(json.dumps({**told, "unit": "s", "load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
