"""Long work on a terminal, and nothing of it in a pipe."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

import pytest

CODE = """
import sys, time
from orchestrator.cli.progress import working
with working("checking the definitions") as told:
    told(3, 9)
    time.sleep({seconds})
    told(4, 9)
    time.sleep({seconds})
print("done", file=sys.stderr)
"""


def on_a_terminal(seconds: float) -> str:
    """What stderr shows when it is a terminal."""
    master, slave = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds=seconds)],
        stderr=slave,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(slave)
    seen, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
    os.close(master)
    assert running.wait(30) == 0
    assert running.stdout is not None
    with running.stdout as stdout:
        assert stdout.read() == b""
    return seen.decode()


def test_long_work_shows_how_far_it_is_and_leaves_nothing_behind() -> None:
    seen = on_a_terminal(2.0)
    assert "checking the definitions" in seen and "3/9" in seen and "4/9" in seen
    assert seen.rstrip().endswith("done") and "\x1b[2K" in seen


def test_short_work_shows_nothing() -> None:
    assert on_a_terminal(0.0).strip() == "done"


@pytest.mark.parametrize("seconds", [0.0, 0.8])
def test_in_a_pipe_there_is_nothing_to_see(seconds: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(seconds=seconds)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "done\n")
