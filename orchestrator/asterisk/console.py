"""Console commands to a running Asterisk by its control socket, as `asterisk -rx` gives them.

The program itself would take 70 ms to start for each; the socket answers in one.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from orchestrator.errors import SwitchError, SwitchNotRunning

_LAST = b"cli quit after "
"""Before a command: the switch closes the session when it has answered."""

_PIECE_BYTES = 65536


def ask(control: Path, line: str, deadline_s: float) -> str:
    """What one console command printed. Args: control: the control socket.

    Raises: SwitchNotRunning: nothing answers there. SwitchError: no answer in time; no single command.
    """
    if "\n" in line or "\0" in line:
        raise SwitchError(f"{line!r} is no single console command")
    deadline = time.monotonic() + deadline_s
    with socket.socket(socket.AF_UNIX) as session:
        try:
            session.settimeout(deadline_s)
            session.connect(str(control))
            _greeting(session, deadline)
            session.sendall(_LAST + line.encode() + b"\0")
            answer = b"".join(iter(lambda: _piece(session, deadline), b""))
        except TimeoutError:
            raise SwitchError(
                f"no answer to {line!r} within {deadline_s:g} s", "vpbx switch status"
            ) from None
        except OSError:
            raise SwitchNotRunning(f"nothing answers at {control}", "vpbx switch start") from None
    return answer.decode(errors="replace")


def _greeting(session: socket.socket, deadline: float) -> None:
    """The line by which the switch says who it is: what follows it is the answer."""
    told = b""
    while not told.endswith(b"\n"):
        _limit(session, deadline)
        piece = session.recv(1)
        if not piece:
            raise ConnectionResetError
        told += piece


def _piece(session: socket.socket, deadline: float) -> bytes:
    _limit(session, deadline)
    return session.recv(_PIECE_BYTES)


def _limit(session: socket.socket, deadline: float) -> None:
    """Give the session the time that is left. Raises: TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    session.settimeout(left)
