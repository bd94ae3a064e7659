"""A process that outlives the one that started it: spawn it, know it again by its command line, end it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

UMASK = 0o027
"""What a switch writes is for its own user and group only."""

_EXEC_DEADLINE_S = 1.0
_POLL_S = 0.005
_FIRST, _LAST = -10, 5
# It holds no directory of the operator's.
# Linux shares processors by session first (autogroup): a niceness counts only within one.
# The session's own is written here, if we may.
_LAUNCH = f"""cd / && umask {UMASK:04o} && {{ echo "$0" > /proc/self/autogroup; }} 2>/dev/null; exec "$@\""""


def spawn(argv: Sequence[str], output: Path, tied: bool = False) -> int:
    """Start a command in a session of its own, without a terminal. Returns: its process id.

    Calls go through it, so it goes before other sessions, where we may say so; one that is tied goes last.

    Args: argv: the command, an absolute path first. output: file that both its outputs are appended to.
    tied: it is killed when this process ends, however that happens.
    Raises: OSError.
    """
    if tied and (setpriv := shutil.which("setpriv")) is not None:
        argv = [setpriv, "--pdeathsig", "KILL", "--", *argv]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _LAUNCH, str(_LAST if tied else _FIRST), *argv],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), append, 0o640),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT],
    )


def runs(pid: int, argument: str) -> bool:
    """Whether that process is up and has this text as one whole argument of its command line."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return os.fsencode(argument) in _arguments(Path(f"/proc/{pid}"))
    except OSError:
        return False


class Held:
    """A process held by descriptor: a signal can't reach another process that took its number."""

    def __init__(self, pid: int, argument: str | None = None) -> None:
        """Args: argument: what its command line must have; None for a child that was just spawned.

        Raises: ProcessLookupError: no such process, or it isn't the one with this argument.
        """
        self._pid = pid
        self._status: int | None = None
        self._handle = os.pidfd_open(pid)
        if argument is not None and not runs(pid, argument):
            os.close(self._handle)
            raise ProcessLookupError(pid)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def ended(self, deadline_s: float) -> bool:
        """Wait for its end. Returns: whether it ended before the deadline."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        over = bool(poll.poll(max(0.0, deadline_s) * 1000))
        if over:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                self._status = status if pid else self._status
        return over

    def how(self) -> str:
        """How it ended, e.g. `exit code 1`; only known of a child of ours."""
        if self._status is None:
            return "no exit code"
        code = os.waitstatus_to_exitcode(self._status)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _arguments(process: Path) -> list[bytes]:
    """The command line; none for one that has ended. While a live one is in exec it has none either."""
    deadline = time.monotonic() + _EXEC_DEADLINE_S
    while True:
        text = (process / "cmdline").read_bytes()
        state = (process / "stat").read_bytes().rpartition(b")")[2].split()[0]
        if text or state in b"ZX" or time.monotonic() > deadline:
            return text.split(b"\0")
        time.sleep(_POLL_S)
