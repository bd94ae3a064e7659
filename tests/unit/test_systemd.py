"""What a service tells its manager, over real datagram sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.systemd import READY, WATCHDOG, service_manager, status_line, writes_to_journal

PID = 4711


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """The manager's end, in the file system."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.settimeout(10)
        end.bind(str(tmp_path / "notify"))
        yield end


def test_what_is_told_arrives_as_one_datagram(listening: socket.socket) -> None:
    manager = service_manager({"NOTIFY_SOCKET": listening.getsockname()}, PID)
    assert manager.tell(READY, status_line("AMI is up")) is True
    assert listening.recv(4096) == b"READY=1\nSTATUS=AMI is up"


def test_an_abstract_socket_is_reached() -> None:
    name = f"vpbx-test-{os.getpid()}-{threading.get_ident()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.settimeout(10)
        end.bind(f"\0{name}")
        assert service_manager({"NOTIFY_SOCKET": f"@{name}"}, PID).tell(WATCHDOG) is True
        assert end.recv(4096) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_told_and_nothing_fails(tmp_path: Path) -> None:
    assert service_manager({}, PID).tell(READY) is False
    assert service_manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, PID).tell(READY) is False
    assert service_manager({"NOTIFY_SOCKET": "vsock:2:1234"}, PID).tell(READY) is False


def test_a_status_of_several_lines_can_not_say_anything_else(listening: socket.socket) -> None:
    manager = service_manager({"NOTIFY_SOCKET": listening.getsockname()}, PID)
    manager.tell(status_line("AMI is down:\nSTOPPING=1"))
    assert listening.recv(4096) == b"STATUS=AMI is down: STOPPING=1"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "90000000"}, 90.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(PID)}, 90.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(PID + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(
    environment: dict[str, str], expected: float | None
) -> None:
    assert service_manager(environment, PID).watchdog_s == expected


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        told = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert writes_to_journal(told, stream.fileno()) is True
        # A pipe that the operator put between, such as `2>&1 | less`, is not the journal.
        assert (
            writes_to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"}, stream.fileno())
            is False
        )
        assert writes_to_journal({}, stream.fileno()) is False
