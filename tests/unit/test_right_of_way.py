"""Verbs give way to the switch on a machine at its limit; what starts a switch doesn't, for it would
inherit that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "niceness"),
    [(["plan"], 10), (["-C", "here", "listen"], 5), (["switch", "start"], 0), (["try"], 0)],
)
def test_a_verb_is_as_nice_as_it_may_be(words: list[str], niceness: int) -> None:
    code = (
        "import os, orchestrator.cli.main as program\n"
        f"program._give_way({words!r})\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) == max(niceness, os.getpriority(os.PRIO_PROCESS, 0))
