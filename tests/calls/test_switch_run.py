"""`vpbx switch run`: a real switch in the foreground, as a service manager starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import doomed_apply
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

VPBX = Path(sys.executable).with_name("vpbx")
BOOT_DEADLINE_S = 60


DIED_AFTER_ITS_LINK_WAS_SWAPPED = ("after", "4")


@pytest.fixture
def applied(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    """A project that is applied and whose switch doesn't run yet."""
    with Site(tmp_path / "project", asterisk) as site:
        site.vpbx("apply")
        yield site


class Foreground:
    """A switch in the foreground, and what it told the manager that started it."""

    def __init__(self, site: Site, work: Path) -> None:
        self.heard: list[str] = []
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(str(work / "notify"))
        self._end.settimeout(0.1)
        self.log = work / "run.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [VPBX, "-C", site.root, "switch", "run"],
                env={**os.environ, "NOTIFY_SOCKET": str(work / "notify")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def booted(self) -> None:
        """Wait until it says that it has booted."""
        deadline = time.monotonic() + BOOT_DEADLINE_S
        while "READY=1" not in self.heard:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            try:
                self.heard += self._end.recv(4096).decode().splitlines()
            except TimeoutError:
                continue

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._end.close()


@pytest.fixture
def left_by_a_dead_apply(applied: Site) -> str:
    """The generation before an apply that has died. Returns: where it lies."""
    etc = applied.root / ".vpbx/switch/pbx1/etc"
    before = str(etc.readlink())
    applied.edit("tenants/acme.yaml", (r'(extension: "101", name: )[^}]*', 'extension: "101", name: Vera'))
    command = [sys.executable, doomed_apply.__file__, str(applied.root), "-"]
    died = subprocess.run([*command, *DIED_AFTER_ITS_LINK_WAS_SWAPPED], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert str(etc.readlink()) != before
    return before


@pytest.fixture
def foreground(applied: Site, tmp_path: Path) -> Iterator[Foreground]:
    made = Foreground(applied, tmp_path)
    yield made
    made.close()


def test_the_process_becomes_the_switch_and_says_when_it_has_booted(
    applied: Site, foreground: Foreground
) -> None:
    foreground.booted()
    assert applied.pid == foreground.process.pid
    assert applied.json("switch", "status")["answering"] is True
    assert applied.json("apply")["confirmed"] == ["acme", "beta"]
    ignored = Path(f"/proc/{applied.pid}/status").read_text().partition("SigIgn:")[2].split()[0]
    assert int(ignored, 16) & (1 << (signal.SIGXFSZ - 1)) == 0
    again = applied.run("switch", "run")
    assert again.returncode == 1
    assert f"runs already, process {foreground.process.pid}" in again.stderr
    applied.vpbx("switch", "stop")
    assert foreground.process.wait(20) == 0
    assert applied.run("switch", "status").returncode == 3


def test_what_a_dead_apply_left_is_undone_before_the_switch_reads_it(
    applied: Site, left_by_a_dead_apply: str, foreground: Foreground
) -> None:
    foreground.booted()
    assert str((applied.root / ".vpbx/switch/pbx1/etc").readlink()) == left_by_a_dead_apply
    assert "that died is undone" in foreground.log.read_text()


def test_sigterm_ends_it_in_order(applied: Site, foreground: Foreground) -> None:
    foreground.booted()
    foreground.process.send_signal(signal.SIGTERM)
    assert foreground.process.wait(20) == 0


def test_nothing_starts_where_nothing_was_applied(tmp_path: Path, asterisk: Asterisk) -> None:
    with Site(tmp_path / "project", asterisk) as site:
        done = site.run("switch", "run")
    assert done.returncode == 1
    assert "no configuration has been applied yet" in done.stderr
