"""`vpbx doctor` beside a real switch: well as it starts, and red when it is broken on purpose."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.ports import PortBlock
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

OF_THE_MACHINE = {"clock-synchronised", "processors", "udp-drops", "memory", "rtp-range-taken", "host-name"}
"""What a busy machine without NTP may be told, whatever the switch is like."""

USUAL = {"sounds-language"}
"""The tests' Asterisk brings no Russian sounds."""


def examined(site: Site, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the worst finding by code."""
    result = site.run("doctor", "--json", *arguments)
    assert "Traceback" not in result.stderr, result.stderr
    told = json.loads(result.stdout)["findings"]
    worst = sorted(told, key=lambda finding: ["ok", "warning", "problem"].index(finding["severity"]))
    return result.returncode, {finding["code"]: finding for finding in worst}


def red(site: Site) -> dict[str, str]:
    """Severity by code of what isn't well, but for what the machine is told."""
    code, told = examined(site)
    found = {name: each["severity"] for name, each in told.items() if each["severity"] != "ok"}
    assert code == int("problem" in found.values())
    return {name: severity for name, severity in found.items() if name not in OF_THE_MACHINE | USUAL}


@contextmanager
def edited(path: Path, text: str) -> Iterator[None]:
    """A file with another content for a while, with its times as they were."""
    before = (path.read_text(), path.stat().st_mtime_ns) if path.exists() else None
    path.write_text(text)
    if before is not None:
        os.utime(path, ns=(before[1], before[1]))
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before[0])
            os.utime(path, ns=(before[1], before[1]))


def etc(site: Site) -> Path:
    return site.root / ".vpbx/switch/pbx1/etc"


def test_a_switch_as_vpbx_starts_it_is_well_but_for_the_listener(site: Site) -> None:
    assert red(site) == {"listener-running": "warning"}
    _, told = examined(site)
    asked = {
        "asterisk-running-version",
        "modules-running",
        "modules-unasked",
        "ami-users",
        "ami-http",
        "clock-switch",
    }
    assert asked <= set(told), "what only a running switch can tell was not asked"
    assert str(site.pid) in told["switch-running"]["seen"]
    assert told["sip-port"]["seen"] == f"{site.sip}/udp: the switch has it"
    assert told["open-files"]["seen"].startswith("the running switch may open ")


def test_a_module_that_runs_commands_is_a_problem_until_it_is_unloaded(site: Site) -> None:
    site.rx("module load app_system.so")
    try:
        assert red(site)["modules-unasked"] == "problem"
    finally:
        site.rx("module unload app_system.so")
    assert "modules-unasked" not in red(site)


def test_a_module_that_was_unloaded_is_missed(site: Site) -> None:
    site.rx("module unload app_echo.so")
    try:
        code, told = examined(site)
        assert (code, told["modules-running"]["seen"]) == (1, "not running: app_echo.so")
    finally:
        site.rx("module load app_echo.so")
    assert "modules-running" not in red(site)


def test_an_ami_user_of_somebody_else_is_found_in_the_running_switch_alone(site: Site) -> None:
    path = etc(site) / "manager.conf"
    with edited(path, path.read_text() + "\n[spy]\nsecret=spy-secret\nread=security\nwrite=\n"):
        site.rx("manager reload")
    _, told = examined(site)
    assert told["ami-users"]["seen"] == "not of vpbx: spy"
    assert told["ami-security-class"]["seen"] == "read by spy"
    site.rx("manager reload")
    assert red(site) == {"listener-running": "warning"}


def test_the_http_server_is_found_when_it_is_on(site: Site) -> None:
    path = etc(site) / "http.conf"
    with PortBlock() as ports:
        on = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={ports.port()}\n"
        with edited(path, on):
            site.rx("module reload http")
            _, told = examined(site)
            assert told["ami-http"]["seen"] == "on: enabled in http.conf, the running switch's HTTP server"
        with edited(path, "[general]\nenabled=no\n"):
            site.rx("module reload http")
            assert "ami-http" not in red(site)


def test_no_secret_is_shown_by_any_finding(site: Site) -> None:
    kept = json.loads((site.root / ".vpbx/secrets.json").read_text())
    secrets = {*kept["ami"].values(), *(text.partition(":")[2] for text in kept["devices"].values())}
    assert len(secrets) > 5
    shown = site.run("doctor", "--json").stdout + site.run("doctor", "--all").stdout
    assert [secret for secret in secrets if secret in shown] == []


def test_a_listener_that_is_well_is_told_so_and_one_that_hangs_is_a_problem(site: Site) -> None:
    listener = site.listen()
    try:
        site.until(lambda: bool(site.health().get("last_reconcile")), "the record was read", 30)
        assert {code for code in red(site) if code.startswith(("listener", "database", "metrics"))} == set()
        listener.send_signal(signal.SIGSTOP)
        try:
            assert red(site)["listener-running"] == "problem"
        finally:
            listener.send_signal(signal.SIGCONT)
    finally:
        site.stop_listener()


def test_a_switch_that_hangs_is_a_problem_and_holds_nothing_up(site: Site) -> None:
    pid = site.pid
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        code, told = examined(site)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - begun < 60
    assert (code, told["switch-running"]["severity"]) == (1, "problem")
    assert f"process {pid} runs but doesn't answer" in told["switch-running"]["seen"]
    assert "modules-on-disk" in told and "modules-running" not in told
    site.until(lambda: "switch-running" not in red(site), "the switch answers again", 60)


def test_another_projects_switch_in_our_place_is_found(
    site: Site, tmp_path: Path, asterisk: Asterisk
) -> None:
    with Site(tmp_path / "other", asterisk) as other:
        other.vpbx("apply")
        other.edit("platform.yaml", (r"ami: \S+", f"ami: {site.ami}"))
        found = red(other)
        assert (found["switch-running"], found["ami-port"]) == ("problem", "problem")
        secrets = other.root / ".vpbx/secrets.json"
        kept = json.loads(secrets.read_text())
        kept["ami"] = json.loads((site.root / ".vpbx/secrets.json").read_text())["ami"]
        secrets.write_text(json.dumps(kept))
        _, told = examined(other)
        assert "isn't this project's" in told["switch-running"]["seen"]


def test_a_refused_release_is_a_problem_and_the_start_warns_of_it(
    tmp_path: Path, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = old_release(tmp_path / "prefix", asterisk)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    with Site(tmp_path / "project", asterisk) as old:
        old.vpbx("apply")
        code, told = examined(old)
        assert (code, told["asterisk-version"]["severity"]) == (1, "problem")
        assert told["asterisk-version"]["seen"].startswith(
            "Asterisk 22.9.0: before 22.10 a published PJSIP crash"
        )
        started = old.run("switch", "start")
        assert started.returncode == 0, started.stderr
        assert (
            len(re.findall(r"^warning: Asterisk 22\.9\.0: .*vpbx doctor$", started.stderr, re.MULTILINE)) == 1
        )
        assert examined(old)[1]["asterisk-running-version"]["severity"] == "warning"


def old_release(prefix: Path, asterisk: Asterisk) -> Path:
    """The tests' Asterisk below a prefix of its own, which says that it is an older release."""
    for link, target in (("lib/asterisk/modules", asterisk.modules), ("share/asterisk", asterisk.data)):
        (prefix / link).parent.mkdir(parents=True, exist_ok=True)
        (prefix / link).symlink_to(target)
    binary = prefix / "sbin/asterisk"
    binary.parent.mkdir()
    real = " ".join(f"'{part}'" for part in asterisk.command)
    binary.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo "Asterisk 22.9.0" && exit\nexec {real} "$@"\n')
    binary.chmod(0o755)
    assert (
        subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stdout
        == "Asterisk 22.9.0\n"
    )
    return binary
