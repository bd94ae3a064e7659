"""Programs beside the suite start on their own: demo, proofs and benchmarks find what they import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[2]
PROGRAMS = [
    ROOT / "examples/demo.py",
    *sorted((ROOT / "bench").glob("bench_*.py")),
    *sorted((ROOT / "tests/faults").glob("proof_*.py")),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_finds_all_that_it_imports(program: Path, tmp_path: Path) -> None:
    code = "import runpy, sys; sys.path.insert(0, sys.argv[2]); runpy.run_path(sys.argv[1], run_name='read')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(program), str(program.parent)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
