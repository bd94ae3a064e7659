"""One node's Asterisk as a process: start it, look at it, give it console commands, stop it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from orchestrator.asterisk.binary import Asterisk, parse_version
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.layout import FILE_MODE, console_log, control_socket, prepare
from orchestrator.asterisk.listening import Listen, check_free, host_name_warning
from orchestrator.asterisk.process import UMASK, Held, runs, spawn
from orchestrator.errors import SwitchError, SwitchNotRunning, SwitchStartFailed
from orchestrator.model.call import Systemname
from orchestrator.project import SwitchPaths

START_DEADLINE_S = 60.0
_RX_DEADLINE_S = 10.0
_STOP_DEADLINE_S = 10.0
_RUN_WAIT_S = 10.0
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
_POLL_S = 0.05
_BOOTED = "Asterisk has fully booted"
_TROUBLE = re.compile(r"ERROR\[|parse error|EXITING|rror loading|Unable to open")
_TROUBLE_LINES = 4
_LONGEST_LOG_READ = 262_144


@dataclass(frozen=True, slots=True)
class Started:
    """Args: pid: of the switch. new: False when it was running already. warnings: one line each."""

    pid: int
    new: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The switch as a process.

    Args: pid: None when it isn't running. answering: its control socket answered in time.
    version, uptime_s: as it says; empty and None when it doesn't answer.
    """

    running: bool
    pid: int | None = None
    answering: bool = False
    version: str = ""
    uptime_s: int | None = None


class Instance:
    """One node's switch. Several, each with its own paths and ports, run side by side."""

    def __init__(self, paths: SwitchPaths, asterisk: Asterisk, tied: bool = False) -> None:
        """Args: tied: a scratch switch, which doesn't outlive this process."""
        self._tied = tied
        self.paths = paths
        self.asterisk = asterisk

    def start(
        self, systemname: Systemname, listens: Sequence[Listen], deadline_s: float = START_DEADLINE_S
    ) -> Started:
        """Start it and wait until it has fully booted. When it runs already, nothing is done.

        Args: listens: where it will listen, checked first.
        Raises: SwitchStartFailed: with the last errors of its log. PortTaken. LockHeld: another start or
            stop of this switch goes on.
        """
        self._check_applied()
        with self._alone(deadline_s):
            pid = self.pid()
            if pid is not None:
                return Started(pid, new=False)
            warnings = self._prepare(systemname, listens)
            pid = self._spawn(time.monotonic() + deadline_s, deadline_s)
            return Started(pid, new=True, warnings=warnings)

    def run(
        self, systemname: Systemname, listens: Sequence[Listen], note: Callable[[Sequence[str]], None]
    ) -> NoReturn:
        """Become the switch, in the foreground: for a service manager, which it tells when it has booted.

        It is known as the one that `start` makes: `stop`, `status` and `console` work on it. Its output is
        this process's.

        Args: note: called with warnings at the last moment before.
        Raises: SwitchStartFailed: it runs already, or can't be started. PortTaken. LockHeld.
        """
        self._check_applied()
        with self._alone(_RUN_WAIT_S):
            pid = self.pid()
            if pid is not None:
                raise SwitchStartFailed(
                    f"the switch in {self.paths.root} runs already, process {pid}", "vpbx switch stop"
                )
            note(self._prepare(systemname, listens))
            argv = self.asterisk.argv("-f", "-C", str(self.paths.config_file))
            control_socket(self.paths).unlink(missing_ok=True)
            try:
                self._note_pid(os.getpid())
                os.chdir("/")
                os.umask(UMASK)
                for number in _PYTHON_IGNORES:
                    signal.signal(number, signal.SIG_DFL)
                # The lock is on a descriptor that exec closes: from then on the command line tells what runs.
                os.execv(argv[0], argv)
            except OSError as error:
                self._pid_file.unlink(missing_ok=True)
                raise SwitchStartFailed(f"{error.filename or argv[0]}: {error.strerror}") from error

    def stop(self, drain_s: float = 0.0, deadline_s: float = _STOP_DEADLINE_S) -> bool:
        """End it: by console command, then SIGTERM, then SIGKILL, each with the deadline.

        Args: drain_s: how long calls may go on first while new ones are refused.
        Returns: False when it wasn't running.
        Raises: SwitchError: it lives on even after SIGKILL.
        """
        with self._alone(drain_s + 4 * deadline_s):
            pid = self.pid()
            if pid is None:
                return False
            try:
                with Held(pid, str(self.paths.config_file)) as held:
                    self._end(held, drain_s, deadline_s)
            except ProcessLookupError:
                return True
            self._pid_file.unlink(missing_ok=True)
            return True

    def kill(self) -> None:
        """End it at once, without a word to it: for a scratch switch that nobody talks through."""
        pid = self.pid()
        if pid is not None:
            with suppress(ProcessLookupError), Held(pid, str(self.paths.config_file)) as held:
                held.send(signal.SIGKILL)
                held.ended(_STOP_DEADLINE_S)

    def status(self) -> InstanceStatus:
        """Whether it runs, and what it says of itself."""
        pid = self.pid()
        if pid is None:
            return InstanceStatus(running=False)
        try:
            version = parse_version(self.rx("core show version")) or ()
            uptime = re.search(r"System uptime: (\d+)", self.rx("core show uptime seconds"))
        except SwitchError:
            return InstanceStatus(running=self.pid() is not None, pid=pid)
        return InstanceStatus(
            running=True,
            pid=pid,
            answering=True,
            version=".".join(map(str, version)),
            uptime_s=int(uptime[1]) if uptime else None,
        )

    def rx(self, line: str, deadline_s: float = _RX_DEADLINE_S) -> str:
        """What one console command printed.

        Raises: SwitchNotRunning: nothing answers on its control socket. SwitchError: no answer in time.
        """
        if "\n" in line or "\0" in line:
            raise SwitchError(f"{line!r} is no single console command")
        command = self.asterisk.argv("-C", str(self.paths.config_file), "-rx", line)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise SwitchError(
                f"no answer to {line!r} within {deadline_s:g} s", "vpbx switch status"
            ) from None
        if done.returncode != 0:
            raise SwitchNotRunning(f"the switch in {self.paths.root} is not running", "vpbx switch start")
        return done.stdout.decode(errors="replace")

    def console(self) -> NoReturn:
        """Become the switch's own console.

        Raises: SwitchNotRunning.
        """
        if self.pid() is None:
            raise SwitchNotRunning(f"the switch in {self.paths.root} is not running", "vpbx switch start")
        argv = self.asterisk.argv("-C", str(self.paths.config_file), "-r")
        os.execv(argv[0], argv)

    def pid(self) -> int | None:
        """Its process id; None when it isn't running. A process that took over an old id is not it."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if runs(pid, str(self.paths.config_file)) else None

    @property
    def _pid_file(self) -> Path:
        """Ours: it is there from the first moment, when Asterisk has not written its own yet."""
        return self.paths.run / "vpbx.pid"

    def _alone(self, deadline_s: float) -> AbstractContextManager[None]:
        return file_lock(self.paths.root / "process.lock", deadline_s, "starting or stopping this switch")

    def _check_applied(self) -> None:
        if not self.paths.etc.is_dir():
            raise SwitchStartFailed(f"no configuration has been applied yet ({self.paths.etc})", "vpbx apply")

    def _prepare(self, systemname: Systemname, listens: Sequence[Listen]) -> tuple[str, ...]:
        """What both ways to start need. Returns: warnings, one line each."""
        for listen in listens:
            check_free(listen)
        prepare(self.paths, self.asterisk, systemname)
        warning = host_name_warning()
        return (warning,) if warning else ()

    def _note_pid(self, pid: int) -> None:
        self._pid_file.write_text(f"{pid}\n", encoding="ascii")
        self._pid_file.chmod(FILE_MODE)

    def _spawn(self, deadline: float, deadline_s: float) -> int:
        argv = self.asterisk.argv("-f", "-C", str(self.paths.config_file))
        before = _sizes(self.paths.log)
        control_socket(self.paths).unlink(missing_ok=True)
        try:
            pid = spawn(argv, console_log(self.paths), self._tied)
            self._note_pid(pid)
        except OSError as error:
            raise SwitchStartFailed(f"{error.filename or argv[0]}: {error.strerror}") from error
        with Held(pid) as held:
            while not held.ended(_POLL_S):
                if self._booted(deadline):
                    return pid
                if time.monotonic() >= deadline:
                    held.send(signal.SIGKILL)
                    held.ended(_STOP_DEADLINE_S)
                    what = f"Asterisk had not booted within {deadline_s:g} s"
                    break
            else:
                what = f"Asterisk ended while starting ({held.how()})"
        self._pid_file.unlink(missing_ok=True)
        raise SwitchStartFailed(
            f"{what}: {_trouble(self.paths.log, before)}", f"see {console_log(self.paths)}"
        )

    def _booted(self, deadline: float) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(control_socket(self.paths)))
            except OSError:
                return False
        try:
            return _BOOTED in self.rx("core waitfullybooted", max(0.1, deadline - time.monotonic()))
        except SwitchError:
            return False

    def _end(self, held: Held, drain_s: float, deadline_s: float) -> None:
        if drain_s > 0:
            self._tell("core stop gracefully")
            if held.ended(drain_s):
                return
        self._tell("core stop now")
        for number in (signal.SIGTERM, signal.SIGKILL):
            if held.ended(deadline_s):
                return
            held.send(number)
        if not held.ended(deadline_s):
            raise SwitchError(
                f"the switch in {self.paths.root} does not end even when killed", "check its disk"
            )

    def _tell(self, line: str) -> None:
        """A command whose answer may not come, as it ends the switch."""
        with suppress(SwitchError):
            self.rx(line, deadline_s=3.0)


def _sizes(log: Path) -> Mapping[Path, int]:
    return {file: file.stat().st_size for file in log.rglob("*") if file.is_file()}


def _trouble(log: Path, before: Mapping[Path, int]) -> str:
    """The last lines of trouble logged since, in one line; when there are none, the last line of all."""
    lines: list[str] = []
    for file in sorted(log.glob("*"), key=lambda file: file.name == "console.log"):
        if file.is_file():
            start = max(before.get(file, 0), file.stat().st_size - _LONGEST_LOG_READ)
            with file.open("rb") as opened:
                opened.seek(start)
                lines += opened.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in dict.fromkeys(lines) if line.strip()]
    trouble = [line for line in said if _TROUBLE.search(line)]
    return "; ".join(trouble[-_TROUBLE_LINES:]) or (said[-1] if said else "it said nothing")
