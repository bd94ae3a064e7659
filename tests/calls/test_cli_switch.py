"""`vpbx switch`: start, status, stop and console, as an operator meets them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.site import SWITCH_HOST, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

VPBX = str(Path(sys.executable).with_name("vpbx"))
NOT_RUNNING = 3


@pytest.fixture
def fresh(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    """A project to which nothing was ever applied."""
    with Site(tmp_path / "project", asterisk) as made:
        yield made


def told(result: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The one line of an error and its hint."""
    assert (result.returncode, result.stdout) == (1, ""), result
    error, hint = result.stderr.splitlines()
    assert error.startswith("vpbx: error: ") and hint.startswith("hint: "), result.stderr
    return error.removeprefix("vpbx: error: "), hint.removeprefix("hint: ")


def status(site: Site) -> dict[str, Any]:
    result = site.run("switch", "status", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == (0 if found["running"] else NOT_RUNNING)
    return found


def test_before_the_first_apply_start_says_what_to_do(fresh: Site) -> None:
    message, hint = told(fresh.run("switch", "start"))
    assert message.startswith("no configuration has been applied yet") and hint == "vpbx apply"
    assert status(fresh)["running"] is False


@pytest.mark.parametrize(
    ("transport", "purpose"), [("udp", "SIP"), ("tcp", "AMI")], ids=["SIP taken", "AMI taken"]
)
def test_a_taken_port_is_named_before_anything_starts(fresh: Site, transport: str, purpose: str) -> None:
    fresh.vpbx("apply")
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    address = fresh.sip if purpose == "SIP" else fresh.ami
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((SWITCH_HOST, address.port))
        if transport == "tcp":
            other.listen()
        message, hint = told(fresh.run("switch", "start"))
    assert message == f"{purpose} address {address}/{transport} is taken by another process"
    assert f"sport = :{address.port}" in hint
    assert status(fresh)["running"] is False


def test_apply_where_something_else_listens_for_ami_is_refused(fresh: Site) -> None:
    with socket.socket() as other:
        other.bind((SWITCH_HOST, fresh.ami.port))
        other.listen()
        other.settimeout(30)
        with subprocess.Popen(
            [VPBX, "-C", str(fresh.root), "apply"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as applying:
            for _ in range(2):
                with other.accept()[0] as session, session.makefile("wb") as stream:
                    stream.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            stdout, stderr = applying.communicate(timeout=60)
    assert (applying.returncode, stdout) == (1, "")
    error, hint = stderr.splitlines()
    assert error == f"vpbx: error: the switch at {fresh.ami} closed the connection before it answered Login"
    assert "something else listens there" in hint
    assert not (fresh.root / ".vpbx/switch/pbx1/etc").exists()


def test_started_twice_is_one_switch_and_stopped_twice_is_no_error(fresh: Site) -> None:
    fresh.vpbx("apply")
    assert status(fresh) == {
        "version": 1,
        "node": "pbx1",
        "running": False,
        "answering": False,
        "pid": None,
        "asterisk": None,
        "uptime_s": None,
    }
    first, second = fresh.run("switch", "start"), fresh.run("switch", "start")
    assert (first.returncode, second.returncode) == (0, 0)
    pid = re.search(r"^pbx1: started, process (\d+)$", first.stderr, re.MULTILINE)
    assert pid is not None, first.stderr
    assert second.stderr.splitlines()[-1] == f"pbx1: was running already, process {pid[1]}"
    seen = status(fresh)
    assert (seen["running"], seen["answering"], seen["pid"]) == (True, True, int(pid[1]))
    assert re.fullmatch(r"2\d\.\d+\.\d+", seen["asterisk"]) and 0 <= seen["uptime_s"] < 60
    assert fresh.vpbx("switch", "status").startswith(f"pbx1: running, process {pid[1]}, Asterisk ")
    first, second = fresh.run("switch", "stop"), fresh.run("switch", "stop")
    assert (first.returncode, first.stderr) == (0, "pbx1: stopped\n")
    assert (second.returncode, second.stderr) == (0, "pbx1: was not running\n")
    assert status(fresh)["running"] is False


def test_two_starts_at_once_make_one_switch(fresh: Site) -> None:
    fresh.vpbx("apply")
    command = [VPBX, "-C", str(fresh.root), "switch", "start"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("was running already" in text for text in said) == [False, True]
    assert len(set(re.findall(r"process (\d+)", "".join(said)))) == 1


def test_a_switch_that_can_not_start_is_told_with_the_reason_of_its_log(fresh: Site) -> None:
    fresh.vpbx("apply")
    (fresh.root / ".vpbx/switch/pbx1/etc/modules.conf").write_text(
        "[modules]\nautoload=no\nrequire=no_such.so\n"
    )
    message, hint = told(fresh.run("switch", "start"))
    assert message.startswith("Asterisk ended while starting") and "no_such" in message
    assert hint.startswith("see ")
    assert status(fresh)["running"] is False


@pytest.mark.parametrize("verb", ["start", "stop", "status", "console"])
def test_a_node_that_is_not_there_is_told(fresh: Site, verb: str) -> None:
    message, _ = told(fresh.run("switch", verb, "--node", "pbx9"))
    assert message == "node 'pbx9' isn't one of pbx1"


def test_the_console_of_a_switch_that_is_not_running_says_how_to_start_it(fresh: Site) -> None:
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(
            [VPBX, "-C", str(fresh.root), "switch", "console"],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    message, hint = told(result)
    assert message.endswith("is not running") and hint == "vpbx switch start"


def test_the_console_opens_on_a_terminal_and_ends_with_quit_while_the_switch_runs_on(site: Site) -> None:
    pid = site.pid
    ours, theirs = pty.openpty()
    command = [VPBX, "-C", str(site.root), "switch", "console"]
    try:
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as console:
            os.close(theirs)
            read_until(ours, "CLI>")
            os.write(ours, b"core show uptime seconds\n")
            assert "System uptime: " in read_until(ours, "System uptime: ")
            os.write(ours, b"quit\n")
            assert console.wait(20) == 0
    finally:
        os.close(ours)
    assert site.pid == pid and status(site)["answering"]


def test_the_console_without_a_terminal_is_refused(site: Site) -> None:
    command = [VPBX, "-C", str(site.root), "switch", "console"]
    result = subprocess.run(
        command, input="core stop now\n", capture_output=True, text=True, timeout=30, check=False
    )
    message, hint = told(result)
    assert message == "the console reads from a terminal, and this is none"
    assert hint == "run it at a terminal"
    assert status(site)["answering"]


def read_until(terminal: int, text: str, deadline_s: float = 20.0) -> str:
    """What a terminal shows, until it shows this. Raises: TimeoutError."""
    deadline, seen = time.monotonic() + deadline_s, ""
    while text not in seen:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"{text!r} was not shown: {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen
