"""How long a platform of many tenants takes to read and check. Prints one JSON line.

Example: python bench/bench_definitions.py --tenants 1000
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import tempfile
import time
from pathlib import Path

import yaml
from tenants import write_tenant

from orchestrator.definitions import load
from orchestrator.definitions.marked import LOADER

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tenants", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(EXAMPLES, Path(folder) / "project"))
        shutil.rmtree(root / "tenants")
        (root / "tenants").mkdir()
        files = [write_tenant(root, index, "Иванович", "[desk, mobile]") for index in range(given.tenants)]
        size = sum(file.stat().st_size for file in files)
        seconds = sorted(_timed(root) for _ in range(given.rounds))
    print(
        json.dumps(
            {
                "bench": "definitions",
                "tenants": given.tenants,
                "bytes": size,
                "best_s": round(seconds[0], 3),
                "median_s": round(seconds[len(seconds) // 2], 3),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "loader": LOADER.__name__,
                "pyyaml": yaml.__version__,
                "python": platform.python_version(),
            }
        )
    )


def _timed(root: Path) -> float:
    started = time.perf_counter()
    load(root)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
