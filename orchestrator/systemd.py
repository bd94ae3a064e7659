"""What a service tells the service manager that started it: ready, still well, stopping, one line of state.

systemd names a datagram socket in the environment; without one nothing is told and nothing fails.
Rule: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

SOCKET = "NOTIFY_SOCKET"
WATCHDOG_USEC = "WATCHDOG_USEC"
WATCHDOG_PID = "WATCHDOG_PID"
JOURNAL_STREAM = "JOURNAL_STREAM"

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

_SEND_DEADLINE_S = 2.0


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Who started this process, if anybody did who wants to hear of it.

    Args: address: of its socket, a path or, after a zero byte, an abstract name; empty: there is none.
    watchdog_s: it ends this process when nothing was heard for so long; None: it doesn't watch.
    """

    address: bytes = b""
    watchdog_s: float | None = None

    def tell(self, *lines: str) -> bool:
        """Tell something in one datagram. Returns: False when nobody is there, or doesn't take it in time.

        A manager that can't be told is no reason for a service to stop working.

        Args: lines: READY, STOPPING, WATCHDOG, `status_line(...)`.
        """
        if not self.address:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_DEADLINE_S)
            try:
                sender.sendto("\n".join(lines).encode(), self.address)
            except OSError:
                return False
        return True


def service_manager(environment: Mapping[str, str], pid: int) -> ServiceManager:
    """Whom to tell, from what the environment says to the process of this id.

    >>> service_manager({"NOTIFY_SOCKET": "@vpbx", "WATCHDOG_USEC": "30000000"}, 7)
    ServiceManager(address=b'\\x00vpbx', watchdog_s=30.0)
    >>> service_manager({"NOTIFY_SOCKET": "relative/path"}, 7)
    ServiceManager(address=b'', watchdog_s=None)
    """
    name = os.fsencode(environment.get(SOCKET, ""))
    if name.startswith(b"@"):
        name = b"\0" + name[1:]
    elif not name.startswith(b"/"):
        name = b""
    return ServiceManager(name, _watchdog_s(environment, pid))


def status_line(text: str) -> str:
    """One line of state, shown by `systemctl status`."""
    return "STATUS=" + " ".join(text.split())


def writes_to_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """Whether what is written to a descriptor goes to the journal. Rule: systemd.exec(5), $JOURNAL_STREAM."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get(JOURNAL_STREAM) == f"{status.st_dev}:{status.st_ino}"


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    try:
        usec = int(environment.get(WATCHDOG_USEC, "0"))
        meant = int(environment.get(WATCHDOG_PID, str(pid)))
    except ValueError:
        return None
    return usec / 1e6 if usec > 0 and meant == pid else None
