"""A node's switch as a process: real Asterisks side by side, with a small configuration."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.listening import Listen
from orchestrator.asterisk.process import Held
from orchestrator.errors import PortTaken, SwitchError, SwitchStartFailed
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Address
from orchestrator.project import SwitchPaths

pytestmark = pytest.mark.switch

Make = Callable[[str], Instance]

MODULES = """\
[modules]
autoload = no
load = pbx_config.so
load = app_dial.so
load = app_playback.so
load = app_stack.so
load = func_channel.so
load = res_timing_timerfd.so
load = format_wav.so
load = res_clioriginate.so
"""
EMPTY = ("cdr", "cel", "features", "acl", "udptl", "stasis", "ccss", "indications")


@pytest.fixture
def make(tmp_path: Path, asterisk: Asterisk) -> Iterator[Make]:
    """Make a node by name with a small configuration; all are stopped in the end."""
    made: list[Instance] = []

    def instance(name: str) -> Instance:
        paths = SwitchPaths(tmp_path / name)
        generation = paths.generations / "1"
        generation.mkdir(parents=True)
        paths.etc.symlink_to("generations/1")
        (generation / "modules.conf").write_text(MODULES, encoding="ascii")
        (generation / "extensions.conf").write_text(
            f"[{name}]\nexten => 1,1,Answer()\n same => n,Wait(60)\n", encoding="ascii"
        )
        (generation / "logger.conf").write_text("[logfiles]\nmessages = error,warning\n", encoding="ascii")
        for other in EMPTY:
            (generation / f"{other}.conf").write_text("[general]\n", encoding="ascii")
        made.append(Instance(paths, asterisk))
        return made[-1]

    yield instance
    for each in made:
        each.stop()


def _name(text: str) -> Systemname:
    return Systemname(f"s{text}")


def test_two_switches_run_side_by_side_and_stop_alone(make: Make, asterisk: Asterisk) -> None:
    one, two = make("one"), make("two")
    first, second = one.start(_name("one"), ()), two.start(_name("two"), ())
    assert first.new and second.new and first.pid != second.pid
    assert "'one'" in one.rx("dialplan show one")
    assert "System name:                 sone" in one.rx("core show settings")
    assert "no existence of 'one'" in two.rx("dialplan show one")
    status = one.status()
    assert (status.running, status.answering, status.pid) == (True, True, first.pid)
    assert status.version == asterisk.version_text
    assert status.uptime_s is not None
    assert one.stop() is True
    assert one.status().running is False
    assert two.status().pid == second.pid


def test_started_twice_is_one_switch_and_stopped_twice_is_no_error(make: Make) -> None:
    one = make("one")
    first, again = one.start(_name("one"), ()), one.start(_name("one"), ())
    assert (again.pid, again.new) == (first.pid, False)
    assert one.stop() is True
    assert one.stop() is False
    assert one.start(_name("one"), ()).new


def test_taken_port_is_refused_before_anything_is_started(make: Make) -> None:
    one = make("one")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            one.start(_name("one"), [Listen("udp", Address("127.0.0.1", port), "SIP")])
    assert one.status().running is False
    assert not one.paths.config_file.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[modules\nautoload = no\n", "no closing"),
        ("[modules]\nautoload = no\nrequire = nonexistent.so\n", "nonexistent.so"),
    ],
)
def test_broken_configuration_is_told_in_the_words_of_its_log(make: Make, text: str, told: str) -> None:
    one = make("one")
    (one.paths.etc / "modules.conf").write_text(text, encoding="ascii")
    begun = time.monotonic()
    with pytest.raises(SwitchStartFailed, match=told):
        one.start(_name("one"), (), deadline_s=30)
    assert time.monotonic() - begun < 30
    assert one.pid() is None


def test_switch_that_does_not_boot_in_time_is_ended(make: Make) -> None:
    one = make("one")
    with pytest.raises(SwitchStartFailed, match="had not booted within 0 s"):
        one.start(_name("one"), (), deadline_s=0)
    assert one.pid() is None


def test_switch_that_was_killed_is_seen_and_started_again(make: Make) -> None:
    one = make("one")
    pid = one.start(_name("one"), ()).pid
    with Held(pid, str(one.paths.config_file)) as held:
        held.send(signal.SIGKILL)
        assert held.ended(10)
    assert one.status().running is False
    assert one.start(_name("one"), ()).new


def test_frozen_switch_is_reported_and_still_stopped(make: Make) -> None:
    one = make("one")
    pid = one.start(_name("one"), ()).pid
    with Held(pid, str(one.paths.config_file)) as held:
        held.send(signal.SIGSTOP)
        with pytest.raises(SwitchError, match=r"no answer to 'core show version' within 0\.5 s"):
            one.rx("core show version", deadline_s=0.5)
        assert one.pid() == pid
        assert one.stop(deadline_s=0.5) is True
        assert held.ended(0)


def test_call_ends_by_itself_while_draining(make: Make) -> None:
    one = make("one")
    (one.paths.etc / "extensions.conf").write_text(
        "[one]\nexten => 1,1,Answer()\n same => n,Wait(2)\n", encoding="ascii"
    )
    one.start(_name("one"), ())
    one.rx("channel originate Local/1@one application Wait 60")
    assert "2 active channels" in one.rx("core show channels")
    begun = time.monotonic()
    assert one.stop(drain_s=20) is True
    assert 1 < time.monotonic() - begun < 15
    assert one.pid() is None


def test_what_the_switch_writes_is_closed_to_others(make: Make) -> None:
    one = make("one")
    one.start(_name("one"), ())
    files = [file for file in one.paths.root.rglob("*") if file.is_file() and not file.is_symlink()]
    written = [file for file in files if one.paths.generations not in file.parents]
    assert written
    assert [str(file) for file in written if file.stat().st_mode & 0o007] == []
