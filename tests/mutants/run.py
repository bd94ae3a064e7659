"""Switch each function off, one at a time, and see its test go red. One JSON line a function.

Args on the command line: words; only functions whose name has one of them are tried.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.table import OFF, ROOT, Function, functions

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".cache", ".vpbx", ".*_cache", ".hypothesis", "__pycache__"
)
_DEADLINE_S = 600


def main(words: list[str]) -> int:
    """Returns: exit code; 1 when a test stayed green, or could not even begin."""
    tried = [each for each in functions() if not words or any(word in each.name for word in words)]
    green = 0
    with tempfile.TemporaryDirectory(prefix="vpbx-mutants-") as directory:
        copy = Path(directory) / "vpbx"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        for function in tried:
            begun = time.monotonic()
            red, told = _tried(copy, function)
            green += not red
            took_s = round(time.monotonic() - begun, 1)
            line = {"proof": "mutants", "function": function.name, "red": red, "seconds": took_s}
            print(json.dumps(line if red else {**line, "told": told}, ensure_ascii=False), flush=True)
    print(
        json.dumps({"proof": "mutants", "figure": "functions", "value": len(tried), "green": green}),
        flush=True,
    )
    return 1 if green or not tried else 0


def _tried(copy: Path, function: Function) -> tuple[bool, str]:
    """Whether its tests notice, and the last they said. A test that can't begin notices nothing."""
    kept: dict[Path, str] = {}
    for off in OFF[function.name].changes:
        file = copy / off.file
        text = kept.setdefault(file, file.read_text("utf-8"))
        assert off.stands_once_in(text), f"{function.name}: see tests/unit/test_functions.py"
        file.write_text(text.replace(off.found, off.instead), encoding="utf-8")
    try:
        named = [f"{place}::{name}" for place, name in function.tests]
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider", *named],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
    finally:
        for file, text in kept.items():
            file.write_text(text, encoding="utf-8")
    summary = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    red = ran.returncode == 1 and any(line.startswith("FAILED") for line in summary)
    return red, "; ".join(summary) or ran.stdout[-300:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
