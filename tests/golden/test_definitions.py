"""Bad projects and exactly what `vpbx validate` says. `--update-goldens` writes it anew; read the diff.

A case is a directory with the files that differ from the example platform, and `expected.txt`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import root

HERE = Path(__file__).parent / "definitions"
EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = sorted(path.name for path in HERE.iterdir() if path.is_dir())


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES)
def test_validate_says_exactly_what_is_wrong(case: str, tmp_path: Path, update_goldens: bool) -> None:
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES, project)
    shutil.copytree(HERE / case, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected.txt"))
    result = CliRunner().invoke(root, ["-C", str(project), "validate"])
    assert result.exit_code == 1
    expected = HERE / case / "expected.txt"
    if update_goldens:
        expected.write_text(result.output, "utf-8")
    assert result.output == expected.read_text("utf-8")
