"""`vpbx listen` as a service: what its manager hears from ready to stopping, and when it hears nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.daemon import Listener, Pace, UtcClock
from orchestrator.model.call import Systemname
from orchestrator.systemd import ServiceManager
from orchestrator.writer import Books, Settled, Snapshot, Writer

pytestmark = pytest.mark.program

VPBX = Path(sys.executable).with_name("vpbx")
WATCHDOG_S = 0.3
PACE = Pace(stuck_s=0.5, stop_s=5.0)


class Manager:
    """The service manager's end of the socket; everything heard is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(str(path))
        self._end.settimeout(0.05)
        self.heard: list[str] = []

    def listen(self) -> None:
        try:
            self.heard += self._end.recv(4096).decode().splitlines()
        except TimeoutError:
            return

    def until(self, true: Callable[[], bool], deadline_s: float = 30.0) -> None:
        deadline = time.monotonic() + deadline_s
        while not true():
            assert time.monotonic() < deadline, f"not in time, heard {self.heard}"
            self.listen()

    def silent_for(self, word: str, seconds: float) -> bool:
        """Whether a word isn't heard for some time, whatever else is."""
        before, end = self.heard.count(word), time.monotonic() + seconds
        while time.monotonic() < end:
            self.listen()
        return self.heard.count(word) == before

    def close(self) -> None:
        self._end.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


class HeldBooks:
    """Books whose reconciliation takes as long as it is held, and may end its thread."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.ends_thread = False

    def reconcile(self, _prompted: bool) -> Settled:
        if self.ends_thread:
            raise SystemExit
        assert self.open.wait(60)
        return Settled()

    def heartbeat(self, _snapshot: Snapshot) -> None:
        return

    def calls_ended(self, _linkedids: Sequence[str]) -> int:
        return 0

    def close(self) -> None:
        return


class Running:
    """A listener in a thread, whose switch isn't there."""

    def __init__(self, manager: Manager, books: Books) -> None:
        self.writer = Writer(lambda: books, UtcClock())
        told = ServiceManager(os.fsencode(manager.path), WATCHDOG_S)
        self._loop = asyncio.new_event_loop()
        self._listener = Listener(
            *("pbx1", Systemname("s1"), lambda: AmiLogin("127.0.0.1", 1, "listen", "x"), self.writer),
            pace=PACE,
            manager=told,
        )
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._listener.run()])
        self._thread.start()

    def block_loop(self, release: threading.Event) -> None:
        """Let the loop do nothing until released. Returns when it hangs."""
        blocked = threading.Event()

        def block() -> None:
            blocked.set()
            release.wait(60)

        self._loop.call_soon_threadsafe(block)
        assert blocked.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._listener.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._loop.close()


@pytest.fixture
def books() -> HeldBooks:
    return HeldBooks()


@pytest.fixture
def running(manager: Manager, books: HeldBooks) -> Iterator[Running]:
    made = Running(manager, books)
    yield made
    books.open.set()
    made.stop()


def test_the_watchdog_is_fed_though_the_switch_is_not_there(manager: Manager, running: Running) -> None:
    manager.until(lambda: manager.heard.count("WATCHDOG=1") > 3)
    assert manager.heard[0] == "READY=1"
    assert any(line.startswith("STATUS=AMI is") for line in manager.heard)


def test_a_writer_that_hangs_is_not_fed_for_and_one_that_goes_on_is(
    manager: Manager, running: Running, books: HeldBooks
) -> None:
    manager.until(lambda: "WATCHDOG=1" in manager.heard)
    books.open.clear()
    running.writer.reconcile_soon()
    manager.until(lambda: any("the writer has been at one piece of work" in line for line in manager.heard))
    assert manager.silent_for("WATCHDOG=1", 3 * WATCHDOG_S)
    books.open.set()
    fed = manager.heard.count("WATCHDOG=1")
    manager.until(lambda: manager.heard.count("WATCHDOG=1") > fed)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_ended_is_not_fed_for(manager: Manager, running: Running, books: HeldBooks) -> None:
    manager.until(lambda: "WATCHDOG=1" in manager.heard)
    books.ends_thread = True
    running.writer.reconcile_soon()
    manager.until(lambda: any("the writer has ended" in line for line in manager.heard))
    assert manager.silent_for("WATCHDOG=1", 3 * WATCHDOG_S)


def test_a_loop_that_hangs_feeds_nothing(manager: Manager, running: Running) -> None:
    manager.until(lambda: "WATCHDOG=1" in manager.heard)
    release = threading.Event()
    running.block_loop(release)
    try:
        manager.silent_for("WATCHDOG=1", 0.1)
        assert manager.silent_for("WATCHDOG=1", 3 * WATCHDOG_S)
    finally:
        release.set()
    fed = manager.heard.count("WATCHDOG=1")
    manager.until(lambda: manager.heard.count("WATCHDOG=1") > fed)


def test_the_verb_tells_ready_well_and_stopping(tmp_path: Path, manager: Manager) -> None:
    project = tmp_path / "project"
    subprocess.run([VPBX, "init", project], check=True, capture_output=True, timeout=60)
    platform = project / "platform.yaml"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    platform.write_text(platform.read_text().replace("127.0.0.1:9417", f"127.0.0.1:{free}"))
    told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "600000"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [VPBX, "-C", project, "listen"], env={**os.environ, **told}, stdout=log, stderr=log
        )
        try:
            manager.until(lambda: manager.heard.count("WATCHDOG=1") > 3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            manager.until(lambda: "STOPPING=1" in manager.heard)
        finally:
            process.kill()
            process.wait(10)
    assert manager.heard.count("READY=1") == 1
