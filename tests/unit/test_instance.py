"""One node's switch as files and as a process, without an Asterisk."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.layout import asterisk_conf, prepare
from orchestrator.asterisk.listening import Listen, check_free, host_name_warning
from orchestrator.asterisk.process import Held, runs, spawn
from orchestrator.errors import PortTaken, SwitchNotRunning, SwitchStartFailed
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Address
from orchestrator.project import SwitchPaths

NAME = Systemname("s0123456789abcdef")


@pytest.fixture
def asterisk(tmp_path: Path) -> Asterisk:
    data = tmp_path / "install/share"
    (data / "sounds/en_US_f_Allison").mkdir(parents=True)
    (data / "documentation").mkdir()
    modules = tmp_path / "install/modules"
    return Asterisk(("/bin/false",), (22, 10, 1), modules, data, data / "sounds/en_US_f_Allison", "cache")


@pytest.fixture
def paths(tmp_path: Path) -> SwitchPaths:
    return SwitchPaths(tmp_path / "node")


def _settings(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line and line[0] not in ";[")
    return {
        name.strip(): value.strip()
        for name, value in (line.replace("=>", "=").split("=", 1) for line in lines)
    }


def test_asterisk_conf_names_every_directory_of_the_node(paths: SwitchPaths, asterisk: Asterisk) -> None:
    settings = _settings(asterisk_conf(paths, asterisk, NAME))
    assert settings["astetcdir"] == str(paths.etc)
    assert settings["astmoddir"] == str(asterisk.modules)
    assert settings["astdbdir"] == settings["astvarlibdir"] == str(paths.lib)
    assert settings["astkeydir"] == str(paths.keys.parent)
    assert settings["astspooldir"] == str(paths.spool)
    assert settings["astlogdir"] == str(paths.log)
    assert settings["astrundir"] == str(paths.run)
    assert settings["systemname"] == NAME


def test_asterisk_conf_shuts_the_doors(paths: SwitchPaths, asterisk: Asterisk) -> None:
    settings = _settings(asterisk_conf(paths, asterisk, NAME))
    assert settings["live_dangerously"] == settings["execincludes"] == settings["dumpcore"] == "no"
    assert int(settings["minmemfree"]) > 0
    assert settings["verbose"] == "0"


def test_prepare_makes_closed_directories_and_the_record_folders(
    paths: SwitchPaths, asterisk: Asterisk
) -> None:
    prepare(paths, asterisk, NAME)
    prepare(paths, asterisk, NAME)
    for place in (paths.cel_file.parent, paths.cdr_file.parent, paths.monitor, paths.keys, paths.run):
        assert place.is_dir() and place.stat().st_mode & 0o007 == 0, place
    assert paths.config_file.stat().st_mode & 0o777 == 0o640
    assert (paths.root / "data/sounds/en").readlink() == asterisk.sounds
    assert (paths.root / "data/documentation").is_dir()


def test_prepare_follows_an_asterisk_that_moved(
    paths: SwitchPaths, asterisk: Asterisk, tmp_path: Path
) -> None:
    (paths.root / "data/sounds").mkdir(parents=True)
    (paths.root / "data/sounds/en").symlink_to(tmp_path / "gone")
    prepare(paths, asterisk, NAME)
    assert (paths.root / "data/sounds/en").readlink() == asterisk.sounds


def test_path_that_would_be_a_comment_is_refused(tmp_path: Path, asterisk: Asterisk) -> None:
    with pytest.raises(SwitchStartFailed, match="can't stand in"):
        prepare(SwitchPaths(tmp_path / "a;b"), asterisk, NAME)


def test_deep_project_gets_a_run_directory_whose_socket_can_be_bound(
    tmp_path: Path, asterisk: Asterisk
) -> None:
    paths = SwitchPaths(tmp_path / ("d" * 100))
    prepare(paths, asterisk, NAME)
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(paths.run / "asterisk.ctl"))


def test_start_before_the_first_apply_names_the_verb(paths: SwitchPaths, asterisk: Asterisk) -> None:
    with pytest.raises(SwitchStartFailed) as failed:
        Instance(paths, asterisk).start(NAME, ())
    assert failed.value.hint == "vpbx apply"


def test_start_that_dies_at_once_is_told_at_once(paths: SwitchPaths, asterisk: Asterisk) -> None:
    paths.etc.mkdir(parents=True)
    with pytest.raises(SwitchStartFailed, match=r"ended while starting \(exit code 1\): it said nothing"):
        Instance(paths, asterisk).start(NAME, (), deadline_s=10)
    assert Instance(paths, asterisk).pid() is None


def test_what_does_not_run_is_stopped_and_not_running(paths: SwitchPaths, asterisk: Asterisk) -> None:
    instance = Instance(paths, asterisk)
    assert instance.stop() is False
    assert instance.status().running is False
    with pytest.raises(SwitchNotRunning):
        instance.rx("core show version")
    with pytest.raises(SwitchNotRunning):
        instance.console()


def test_process_that_took_over_the_id_is_not_the_switch(paths: SwitchPaths, asterisk: Asterisk) -> None:
    prepare(paths, asterisk, NAME)
    (paths.run / "vpbx.pid").write_text(f"{os.getpid()}\n")
    instance = Instance(paths, asterisk)
    assert instance.pid() is None
    assert instance.stop() is False


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_taken_port_is_named_with_its_purpose(transport: str) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if transport == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"SIP address 127.0.0.1:{port}/{transport} is taken"):
            check_free(Listen(transport, Address("127.0.0.1", port), "SIP"))
    check_free(Listen(transport, Address("127.0.0.1", port), "SIP"))


@pytest.mark.parametrize("host", ["192.0.2.1", "not-an-address"])
def test_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(SwitchStartFailed):
        check_free(Listen("udp", Address(host, 0), "SIP"))


def test_host_name_without_an_address_is_warned_of_with_the_line_to_add(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "nowhere.invalid")

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "127.0.1.1 nowhere.invalid" in (host_name_warning() or "")


def test_spawned_process_has_its_own_session_and_is_known_by_its_argument(tmp_path: Path) -> None:
    output = tmp_path / "out"
    pid = spawn(["/bin/sleep", "61.25"], output)
    with Held(pid, "61.25") as held:
        assert os.getsid(pid) == pid != os.getsid(0)
        assert not held.ended(0)
        held.send(signal.SIGKILL)
        assert held.ended(10)
    assert not runs(pid, "61.25")
    assert output.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="a kernel without autogroup")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may go before others")
@pytest.mark.parametrize(("tied", "niceness"), [(False, -10), (True, 5)])
def test_a_switch_goes_before_other_sessions_and_a_scratch_switch_last(
    tmp_path: Path, tied: bool, niceness: int
) -> None:
    pid = spawn(["/bin/sleep", "61.75"], tmp_path / "out", tied)
    with Held(pid, "61.75") as held:
        assert Path(f"/proc/{pid}/autogroup").read_text().split()[-1] == str(niceness)
        held.send(signal.SIGKILL)
        assert held.ended(10)


def test_process_with_another_command_line_is_not_held() -> None:
    with pytest.raises(ProcessLookupError):
        Held(os.getpid(), "no such argument")
