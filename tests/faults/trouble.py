"""How a verb that fails must look to an operator."""

from __future__ import annotations

import subprocess


def told_plainly(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One error line on stderr that holds the words, exit code 1, and no traceback anywhere."""
    assert result.returncode == 1, (result.returncode, result.stdout, result.stderr)
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("vpbx: error: ")]
    assert len(errors) == 1, result.stderr
    assert "this is a fault of vpbx" not in result.stderr, result.stderr
    for word in words:
        assert word in result.stderr, (word, result.stderr)
