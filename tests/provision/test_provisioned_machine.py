"""deploy/provision.sh on a bare Debian: twice, with its own systemd, up to a call that is charged.

The machine is unpacked by debootstrap and booted in namespaces, so that the services run with every
restriction of their units, as they would in the virtual machine of the Vagrantfile.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from machine import CHECKOUT, Machine

from orchestrator.model.platform import Address

pytestmark = [pytest.mark.provision, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SCRIPT = f"{CHECKOUT}/deploy/provision.sh"
SWITCH, LISTEN = "vpbx-switch.service", "vpbx-listen.service"
MOST_EXPOSED = 1.5
MOBILE = "+79161112233"
PROVISION_DEADLINE_S = 400
DRAIN_S = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """Addresses that the machine is given, free on this one."""

    sip: Address
    ami: Address
    metrics: Address
    operator: Address
    phone: Address
    rtp: tuple[int, int]

    @property
    def options(self) -> tuple[str, ...]:
        return (
            *("--seed", "example", "--sip", str(self.sip), "--ami", str(self.ami)),
            *("--metrics", str(self.metrics), "--trunk", str(self.operator)),
            *("--rtp", f"{self.rtp[0]}-{self.rtp[1]}"),
        )


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    with PortBlock() as ports:
        local = [Address("127.0.0.1", ports.port()) for _ in range(3)]
        yield Plan(
            *local, Address("127.0.0.3", ports.port()), Address("127.0.0.2", ports.port()), ports.span(100)
        )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A Debian with nothing of vpbx."""
    made = Machine(tmp_path_factory.mktemp("machine"), ROOT)
    made.unpack()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def provisioned(bare: Machine, plan: Plan) -> Machine:
    """Provisioned where systemd doesn't run: everything is there, nothing is started."""
    done = bare.run(SCRIPT, *plan.options, deadline_s=PROVISION_DEADLINE_S)
    assert done.returncode == 0, done.stderr
    assert "nothing is started" in done.stderr
    return bare


@pytest.fixture(scope="module")
def running(provisioned: Machine) -> Iterator[Machine]:
    """The provisioned machine, booted."""
    with provisioned.booted():
        yield provisioned


def verb(machine: Machine, *arguments: str) -> Any:
    """What a verb prints as JSON, run as the operator does: as root, by the installed command."""
    return json.loads(machine.ok("vpbx", *arguments, "--json"))


def charged(machine: Machine) -> list[str]:
    return [charge["to"] for charge in verb(machine, "charges", "list", "--no-reconcile")["charges"]]


def phone(machine: Machine, number: str = MOBILE) -> Row:
    """A phone of a tenant that calls a number."""
    [desk] = [
        device
        for device in verb(machine, "devices", "acme", "--secrets")["devices"]
        if (device["extension"], device["device"]) == ("101", "desk")
    ]
    return Row(desk["account"], number, secret=desk["password"])


def test_the_units_are_valid_and_closed(provisioned: Machine) -> None:
    units = [f"/etc/systemd/system/{unit}" for unit in (SWITCH, LISTEN)]
    provisioned.ok("systemd-analyze", "verify", *units)
    for unit in units:
        told = provisioned.ok("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
        score = re.search(r"Overall exposure level for (\S+): ([0-9.]+)", told)
        assert score is not None
        print(f"{score[1]}: exposure {score[2]}")
        assert float(score[2]) <= MOST_EXPOSED, told


def test_debians_own_switch_is_masked_and_ours_are_enabled(provisioned: Machine) -> None:
    state = provisioned.run("systemctl", "is-enabled", "asterisk.service", SWITCH, LISTEN).stdout.split()
    assert state == ["masked", "enabled", "enabled"]
    assert not provisioned.path("/usr/sbin/policy-rc.d").exists()


def test_what_the_operator_writes_is_readable_by_the_services_and_nobody_else(provisioned: Machine) -> None:
    told = provisioned.ok(
        "stat", "--format=%U:%G %a", "/etc/vpbx", "/etc/vpbx/platform.yaml", "/var/lib/vpbx"
    )
    assert told.splitlines() == ["root:vpbx 750", "root:vpbx 640", "vpbx:vpbx 750"]
    assert provisioned.ok("stat", "--format=%U %a", "/var/lib/vpbx/secrets.json").split() == ["vpbx", "600"]
    assert provisioned.ok("readlink", "/etc/vpbx/.vpbx").strip() == "/var/lib/vpbx"


def test_another_user_is_told_whose_the_platform_is(provisioned: Machine) -> None:
    done = provisioned.run("setpriv", "--reuid=nobody", "--clear-groups", "vpbx", "lines", "acme")
    assert done.returncode == 1
    assert done.stderr.startswith("vpbx: error: the platform of this machine is the user vpbx's\nhint: ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--seed", "demo"], "--seed demo: starter or example"),
        (["--sip", "5060"], "--sip 5060: not HOST:PORT"),
        (["--rtp"], "--rtp needs a value"),
        (["--fast"], "unknown option --fast"),
    ],
)
def test_a_wrong_call_is_one_line_and_a_hint(bare: Machine, options: list[str], told: str) -> None:
    done = bare.run(SCRIPT, *options)
    assert done.returncode == 1
    first, hint = done.stderr.splitlines()
    assert first == f"provision: error: {told}"
    assert hint.startswith("hint: ")


def test_a_second_run_keeps_the_operators_yaml_and_secrets_and_takes_changes(
    running: Machine, plan: Plan
) -> None:
    platform, secrets = running.path("/etc/vpbx/platform.yaml"), running.path("/var/lib/vpbx/secrets.json")
    platform.write_text(platform.read_text() + "\n# Mine.\n")
    settings = running.path("/etc/default/vpbx")
    settings.write_text(re.sub(r"VPBX_DRAIN_S=\d+", f"VPBX_DRAIN_S={DRAIN_S}", settings.read_text()))
    before = platform.read_text(), secrets.read_text(), settings.read_text()
    release = running.ok("readlink", "/opt/vpbx/current")
    began = time.monotonic()
    done = running.run(SCRIPT, *plan.options, deadline_s=PROVISION_DEADLINE_S)
    print(f"second run: {time.monotonic() - began:.1f} s")
    assert done.returncode == 0, done.stderr
    assert "stays as it is" in done.stderr
    assert (platform.read_text(), secrets.read_text(), settings.read_text()) == before
    assert running.ok("readlink", "/opt/vpbx/current") == release
    for unit in (SWITCH, LISTEN):
        assert running.property(unit, "ActiveState") == "active"
    assert running.ok("systemctl", "--failed", "--no-legend").strip() == ""


def test_broken_yaml_stops_a_run_with_its_place_and_the_services_go_on(running: Machine) -> None:
    platform = running.path("/etc/vpbx/platform.yaml")
    good = platform.read_text()
    platform.write_text(good.replace("language: ru", "language: [ru"))
    try:
        done = running.run(SCRIPT, deadline_s=PROVISION_DEADLINE_S)
    finally:
        platform.write_text(good)
    assert done.returncode == 1
    assert "platform.yaml:" in done.stdout + done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "provision: error: /etc/vpbx has problems",
        "hint: mend them, then run again",
    ]
    assert running.property(SWITCH, "ActiveState") == "active"


@pytest.mark.parametrize("unit", [SWITCH, LISTEN])
def test_a_service_runs_as_its_user_without_any_privilege(running: Machine, unit: str) -> None:
    pid = running.property(unit, "MainPID")
    told = dict(
        line.split(":", 1) for line in running.ok("cat", f"/proc/{pid}/status").splitlines() if ":" in line
    )
    user = running.ok("id", "-u", "vpbx").strip()
    assert told["Uid"].split() == [user] * 4
    assert {int(told[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert (told["NoNewPrivs"].strip(), told["Seccomp"].strip()) == ("1", "2")


def test_the_log_is_in_the_journal_as_json_with_its_priority(running: Machine) -> None:
    told = running.ok(
        "journalctl", "--no-pager", "--output=json", f"--unit={LISTEN}", "SYSLOG_IDENTIFIER=vpbx-listen"
    )
    lines = [json.loads(line) for line in told.splitlines()]
    events = {json.loads(line["MESSAGE"])["event"]: line["PRIORITY"] for line in lines}
    assert events["listening"] == "6"
    assert events["ami-connected"] == "6"
    assert "Asterisk Ready." in running.ok("journalctl", "--no-pager", f"--unit={SWITCH}")


def test_a_call_is_charged_though_the_record_is_rotated_and_the_switch_stopped_meanwhile(
    running: Machine, plan: Plan, tmp_path: Path
) -> None:
    """One call ends after the rotation, the other after `systemctl stop`, which waits for it."""
    row = phone(running)
    record = "/var/lib/vpbx/switch/pbx1/log/cel-custom/vpbx-cel.csv"
    with Sipp(tmp_path / "operator", "uas_answer", plan.operator, plan.sip, talk_ms=60_000) as operator:
        first = Sipp(tmp_path / "first", "uac_invite", plan.phone, plan.sip, [row], talk_ms=4000)
        with first:
            running.until(lambda: any(call.answered_at for call in operator.calls()), "it is answered")
            running.ok("logrotate", "--force", "/etc/logrotate.d/vpbx")
            assert running.path(f"{record}.1").stat().st_size > 0
            assert [call.code for call in first.wait()] == [200]
        running.until(lambda: charged(running) == [MOBILE], "it is charged")
        assert running.path(record).stat().st_size > 0
        second = Sipp(tmp_path / "second", "uac_invite", plan.phone, plan.sip, [row], talk_ms=4000)
        with second:
            running.until(lambda: sum(bool(call.answered_at) for call in operator.calls()) == 2, "answered")
            running.ok("systemctl", "stop", SWITCH)
            [call] = second.wait()
        assert (call.code, call.ended_by) == (200, "sipp")
    # The listener may wait a while before it asks for the switch again; started anew it charges at once.
    running.ok("systemctl", "restart", LISTEN)
    running.until(lambda: charged(running) == [MOBILE, MOBILE], "it is charged too", 90)
    report = verb(running, "reconcile")["nodes"]["pbx1"]
    assert (report["gaps"], report["quarantined"], report["charged"]) == (0, 0, 0)
    running.ok("systemctl", "start", SWITCH)


def test_nothing_is_rotated_that_is_not_in_the_books(running: Machine) -> None:
    record = running.path("/var/lib/vpbx/switch/pbx1/log/cel-custom/vpbx-cel.csv")
    assert record.stat().st_size > 0
    inode = record.stat().st_ino
    platform = running.path("/etc/vpbx/platform.yaml")
    good = platform.read_text()
    platform.write_text(good.replace("language: ru", "language: [ru"))
    try:
        assert running.run("logrotate", "--force", "/etc/logrotate.d/vpbx").returncode != 0
    finally:
        platform.write_text(good)
    assert record.stat().st_ino == inode
    running.ok("logrotate", "--force", "/etc/logrotate.d/vpbx")
    assert record.with_name(f"{record.name}.1").stat().st_ino == inode


def test_the_switch_is_started_again_when_it_dies(running: Machine) -> None:
    pid = verb(running, "switch", "status")["pid"]
    running.ok("systemctl", "kill", "--signal=SEGV", "--kill-whom=main", SWITCH)
    running.until(lambda: running.property(SWITCH, "NRestarts") == "1", "it was started again")
    running.until(lambda: running.property(SWITCH, "ActiveState") == "active", "it has booted")
    status = verb(running, "switch", "status")
    assert status["answering"] is True
    assert status["pid"] != pid


def test_a_listener_that_hangs_is_killed_by_the_watchdog_and_started_again(running: Machine) -> None:
    # Its /run is a file system of its own, so what is written there is written inside.
    place = f"/run/systemd/system/{LISTEN}.d"
    running.ok("mkdir", "-p", place)
    running.ok("sh", "-c", f"printf '[Service]\\nWatchdogSec=3\\n' >{place}/short.conf")
    running.ok("systemctl", "daemon-reload")
    running.ok("systemctl", "restart", LISTEN)
    running.ok("systemctl", "kill", "--signal=STOP", "--kill-whom=main", LISTEN)
    running.until(lambda: running.property(LISTEN, "NRestarts") != "0", "it was started again", 60)
    running.until(lambda: running.property(LISTEN, "ActiveState") == "active", "it runs")
    assert "watchdog" in running.ok("journalctl", "--no-pager", f"--unit={LISTEN}").lower()
