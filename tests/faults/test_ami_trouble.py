"""The switch refuses, is silent or isn't there: what verbs and the listener say, by the real command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.site import Site
from trouble import told_plainly

from orchestrator.asterisk.binary import Asterisk
from orchestrator.project import Project
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN

pytestmark = pytest.mark.switch

REPOSITORY = Path(__file__).parents[2]
WRONG = "not-the-secret"


@pytest.fixture
def site(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path / "site", asterisk) as made:
        made.vpbx("apply")
        yield made


@pytest.fixture
def started(site: Site) -> Site:
    site.vpbx("switch", "start")
    return site


def forget_secret(site: Site, user: str) -> str:
    """Put a wrong secret of an AMI user into the secrets file. Returns: the file's good text."""
    file = Project(site.root).secrets_file
    good = file.read_text()
    tables = json.loads(good)
    tables["ami"][f"{site.node}/{user}"] = WRONG
    file.write_text(json.dumps(tables))
    return good


@pytest.mark.parametrize("verb", [("apply",), ("lines", "acme")])
def test_a_wrong_ami_secret_is_told_in_one_line_and_changes_nothing(
    started: Site, verb: tuple[str, ...]
) -> None:
    good = forget_secret(started, AMI_CONTROL)
    result = started.run(*verb)
    told_plainly(result, "refused the AMI user 'control'", "vpbx switch stop")
    assert WRONG not in result.stderr
    Project(started.root).secrets_file.write_text(good)
    assert started.json("apply")["confirmed"] is not None


def test_stop_apply_start_mends_a_secret_that_the_running_switch_does_not_know(started: Site) -> None:
    forget_secret(started, AMI_CONTROL)
    started.vpbx("switch", "stop")
    started.vpbx("apply")
    started.vpbx("switch", "start")
    assert started.lines("acme")["in_use"] == 0


def test_a_listener_with_a_wrong_secret_says_so_and_goes_on_when_it_is_right(started: Site) -> None:
    good = forget_secret(started, AMI_LISTEN)
    process = start_listener(started)
    try:
        started.until(lambda: started.health().get("ami") == "refused", "the refusal is told", 20)
        health = started.health()
        assert health["status"] == "degraded"
        assert "refused the AMI user 'listen'" in health["problems"][0]
        log = (started.root / "listen.log").read_text()
        assert started.logged().count("ami-refused") == 1
        assert WRONG not in log and "Traceback" not in log
        Project(started.root).secrets_file.write_text(good)
        started.until(lambda: started.health()["status"] == "ok", "the listener is up", 45)
    finally:
        process.terminate()
        process.wait(20)


def test_a_taken_ami_port_is_told_before_the_switch_starts(site: Site) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((site.ami.host, site.ami.port))
        taken.listen()
        told_plainly(site.run("switch", "start"), str(site.ami), "taken by another process")
    site.vpbx("switch", "start")


def test_a_listener_waits_for_a_switch_that_is_down_and_says_so(started: Site) -> None:
    started.listen()
    started.kill_switch()
    started.until(lambda: started.health()["ami"] == "down", "the listener has seen it", 15)
    assert started.health()["status"] == "degraded"
    told_plainly(started.run("lines", "acme"), "nothing listens for AMI", "vpbx switch start")
    started.vpbx("switch", "start")
    started.until(lambda: started.health()["status"] == "ok", "the listener is up again", 45)
    assert "Traceback" not in (started.root / "listen.log").read_text()


def test_a_frozen_switch_is_noticed_by_listener_and_verbs(started: Site) -> None:
    started.listen()
    pid = started.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        told_plainly(started.run("lines", "acme"), "gave no answer")
        started.until(lambda: started.health()["ami"] == "down", "the silence is noticed", 20)
        assert "no sign of life" in started.health()["last_error"]
    finally:
        os.kill(pid, signal.SIGCONT)
    started.until(lambda: started.health()["status"] == "ok", "the listener is up again", 45)


def test_a_template_with_an_undefined_name_is_told_with_its_place_and_changes_nothing(
    started: Site, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    for part in ("orchestrator", "templates", "dialplans"):
        shutil.copytree(REPOSITORY / part, broken / part, ignore=shutil.ignore_patterns("__pycache__"))
    with (broken / "templates/asterisk/rtp.conf.j2").open("a") as template:
        template.write("{{ no_such_name }}\n")
    command = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(started.root), "apply"]
    result = subprocess.run(
        command,
        cwd=broken,
        env={**os.environ, "PYTHONPATH": str(broken)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told_plainly(result, "rtp.conf.j2", "no_such_name")
    assert started.json("apply")["changed"] == []


def start_listener(site: Site) -> subprocess.Popen[bytes]:
    """`vpbx listen` without waiting for it to be well."""
    command = [str(Path(sys.executable).with_name("vpbx")), "-C", str(site.root), "listen"]
    with (site.root / "listen.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
