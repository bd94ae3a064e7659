"""Each check of `vpbx doctor` on facts: well on good ones, red on each bad one."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import orchestrator.doctor
from orchestrator.doctor import (
    ami,
    certificates,
    clock,
    database,
    disk,
    limits,
    listener,
    mail,
    modules,
    names,
    permissions,
    portability,
    ports,
    recording_store,
    registrations,
    sounds,
    strength,
    switch,
    versions,
    webhooks,
)
from orchestrator.doctor.ami import Ami
from orchestrator.doctor.certificates import Certificate
from orchestrator.doctor.clock import Clock
from orchestrator.doctor.disk import Disk, Place
from orchestrator.doctor.examine import CHECKS
from orchestrator.doctor.finding import Finding
from orchestrator.doctor.limits import Limits
from orchestrator.doctor.listener import Listener
from orchestrator.doctor.modules import Modules
from orchestrator.doctor.names import Names, TrunkName
from orchestrator.doctor.permissions import Git, Permissions, Seen, TrunkSecret
from orchestrator.doctor.portability import Ported
from orchestrator.doctor.ports import Bound, Ports, Wanted
from orchestrator.doctor.sounds import Sounds
from orchestrator.doctor.strength import Strength, Strengths
from orchestrator.doctor.switch import Applied, LiveSwitch
from orchestrator.doctor.versions import Versions
from orchestrator.model.platform import Address, RecordingStore, Smtp
from orchestrator.storage.inspection import Inspection

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GB = 10**9
STORE = RecordingStore("s3://recordings/calls")
SMTP = Smtp(Address("mail.example.com", 587), "pbx@example.com")
SWITCH, LISTENER, STRANGER = 100, 200, 666

VERSIONS = Versions((3, 11, 2), "0.1.0", "Asterisk 22.10.1", "22.10.1")
RUNS = LiveSwitch(pid=SWITCH, answers=True)
APPLIED = Applied(3)
MODULES = Modules(
    frozenset({"a.so", "b.so"}), frozenset({"a.so", "b.so", "c.so"}), {"a.so": "Running", "b.so": "Running"}
)
SIP = Wanted("udp", Address("127.0.0.1", 5060))
PORTS = Ports(
    sip=(SIP,),
    ami=Wanted("tcp", Address("127.0.0.1", 5038)),
    metrics=Wanted("tcp", Address("127.0.0.1", 9417)),
    bound=(
        Bound("udp", "127.0.0.1", 5060, SWITCH, "asterisk"),
        Bound("tcp", "127.0.0.1", 5038, SWITCH, "asterisk"),
        Bound("tcp", "127.0.0.1", 9417, LISTENER, "vpbx"),
    ),
    absent=frozenset(),
    switch=SWITCH,
    listener=LISTENER,
    rtp=(10_000, 10_199),
    lines={"acme": 14, "beta": 14},
    ephemeral=(32_768, 60_999),
)
AMI = Ami(
    general={"bindaddr": "127.0.0.1", "webenabled": "no"},
    readers={"listen": "call", "control": ""},
    http_conf={},
    live_readers={"listen": "call", "control": ""},
    live_http="HTTP Server Status:\nServer Disabled",
    listens_on=("127.0.0.1",),
)
PERMISSIONS = Permissions(
    user=1000,
    secrets=Seen("/p/.vpbx/secrets.json", 0o600, 1000),
    state=Seen("/p/.vpbx", 0o750, 1000, True),
    configs=(Seen("pjsip.conf", 0o600, 1000), Seen("manager.conf", 0o600, 1000)),
    database=Seen("/p/.vpbx/vpbx.db", 0o600, 1000),
    recordings=Seen("/p/.vpbx/recordings", 0o750, 1000, True),
    writable=True,
    git=Git(inside=True),
    leaks=(),
    trunks=(TrunkSecret("main", "file:t", "", Seen("/p/t", 0o600, 1000)),),
)
STRONG = Strength("acme/101/desk", 24, 100.0)
STRENGTHS = Strengths([STRONG], [], [STRONG], [STRONG])
CLOCK = Clock(NOW, ["Europe/Moscow"], [], [], synchronised=True, error_s=0.001, ahead_s=0.0, unsure_s=0.001)
PLACE = Place("recordings", "/r", 1, 100 * GB, 10**6)
DISK = Disk([PLACE, replace(PLACE, purpose="spool")], recorded_lines=14)
DATABASE = Inspection("sqlite", schema=Inspection("sqlite").head)
SOUNDS = Sounds(2, [], "ru", 500, "/s/ru", [])
NAMES = Names("pbx", True, [TrunkName("main", "sip.test", ["203.0.113.10"], ["203.0.113.0/28"])])
LIMITS = Limits(28, 14, 20_000, True, 8 * GB, 0, 0, 4, 0.5)
CERTIFICATE = Certificate(
    "/c.pem",
    "/k.pem",
    begins=NOW - timedelta(days=10),
    ends=NOW + timedelta(days=80),
    names=("*.example.com",),
    key_mode=0o600,
    wanted=("pbx.example.com",),
)
PAGE = {
    "node": "pbx1",
    "status": "ok",
    "problems": [],
    "last_reconcile": (NOW - timedelta(seconds=20)).isoformat(),
}
LISTENING = Listener("pbx1", True, PAGE)


def bind(transport: str, host: str, port: int, pid: int | None = STRANGER) -> Bound:
    return Bound(transport, host, port, pid, "nc")


def placed(**settings: object) -> Disk:
    return Disk([replace(PLACE, **settings), replace(PLACE, purpose="spool", device=2)], recorded_lines=14)


def page(**settings: object) -> Listener:
    return replace(LISTENING, page={**PAGE, **settings})


WELL: list[tuple[str, Iterable[Finding]]] = [
    ("versions", versions.check(VERSIONS)),
    ("switch", switch.check(RUNS, APPLIED)),
    ("modules", modules.check(MODULES)),
    ("ports", ports.check(PORTS)),
    ("free ports", ports.check(replace(PORTS, bound=(), switch=None, listener=None))),
    ("ami", ami.check(AMI)),
    ("permissions", permissions.check(PERMISSIONS)),
    ("strength", strength.check(STRENGTHS)),
    ("certificates", certificates.check(CERTIFICATE, NOW)),
    ("clock", clock.check(CLOCK)),
    ("names", names.check(NAMES)),
    ("registrations", registrations.check(["trunk-a"], {"trunk-a": "Registered"})),
    ("portability", portability.check(Ported(["a"], 5))),
    ("portability", portability.check(Ported([]))),
    ("webhooks", webhooks.check({"acme": ""})),
    ("mail", mail.check(SMTP, "")),
    ("recording-store", recording_store.check(STORE, "")),
    ("sounds", sounds.check(SOUNDS)),
    ("disk", disk.check(DISK)),
    ("database", database.check(DATABASE)),
    ("no database yet", database.check(Inspection("sqlite", absent=True))),
    ("listener", listener.check(LISTENING, NOW)),
    ("limits", limits.check(LIMITS)),
]

RED: list[tuple[str, str, Iterable[Finding]]] = [
    ("python-version", "problem", versions.check(replace(VERSIONS, python=(3, 10, 9)))),
    ("python-version", "warning", versions.check(replace(VERSIONS, python=(3, 14, 0)))),
    ("vpbx-version", "warning", versions.check(replace(VERSIONS, vpbx=""))),
    (
        "asterisk-version",
        "problem",
        versions.check(replace(VERSIONS, asterisk="Asterisk 22.9.0", running="")),
    ),
    ("asterisk-version", "problem", versions.check(replace(VERSIONS, asterisk=None, running=""))),
    ("asterisk-version", "warning", versions.check(replace(VERSIONS, asterisk="Asterisk GIT-x", running=""))),
    (
        "asterisk-version",
        "warning",
        versions.check(replace(VERSIONS, asterisk="Asterisk 22.10.0", running="")),
    ),
    ("asterisk-running-version", "problem", versions.check(replace(VERSIONS, running="22.9.0"))),
    ("asterisk-running-version", "warning", versions.check(replace(VERSIONS, running="22.11.0"))),
    ("switch-running", "warning", switch.check(LiveSwitch(), APPLIED)),
    ("switch-running", "problem", switch.check(LiveSwitch(pid=SWITCH, trouble="no answer"), APPLIED)),
    ("switch-running", "problem", switch.check(LiveSwitch(trouble="a stranger"), APPLIED)),
    ("configuration-applied", "warning", switch.check(RUNS, Applied(None))),
    ("configuration-applied", "warning", switch.check(RUNS, Applied(3, edited=("manager.conf",)))),
    ("configuration-applied", "problem", switch.check(RUNS, Applied(3, there=False))),
    ("modules-on-disk", "problem", modules.check(replace(MODULES, on_disk=frozenset({"a.so"})))),
    ("modules-running", "problem", modules.check(replace(MODULES, loaded={"a.so": "Running"}))),
    (
        "modules-running",
        "problem",
        modules.check(replace(MODULES, loaded={"a.so": "Running", "b.so": "Not Running"})),
    ),
    (
        "modules-unasked",
        "warning",
        modules.check(replace(MODULES, loaded={**(MODULES.loaded or {}), "app_sayunixtime.so": "Running"})),
    ),
    (
        "modules-unasked",
        "problem",
        modules.check(replace(MODULES, loaded={**(MODULES.loaded or {}), "chan_sip.so": "Running"})),
    ),
    (
        "modules-unasked",
        "problem",
        modules.check(replace(MODULES, loaded={**(MODULES.loaded or {}), "app_system.so": "Running"})),
    ),
    ("sip-port", "problem", ports.check(replace(PORTS, switch=None, bound=[bind("udp", "127.0.0.1", 5060)]))),
    ("sip-port", "problem", ports.check(replace(PORTS, switch=None, bound=[bind("udp", "0.0.0.0", 5060)]))),
    ("sip-port", "problem", ports.check(replace(PORTS, bound=()))),
    ("sip-port", "problem", ports.check(replace(PORTS, absent=frozenset({"127.0.0.1"})))),
    ("ami-port", "problem", ports.check(replace(PORTS, switch=None, bound=[bind("tcp", "0.0.0.0", 5038)]))),
    ("ami-port", "problem", ports.check(replace(PORTS, switch=None, bound=[bind("tcp", "::", 5038, None)]))),
    ("metrics-port", "problem", ports.check(replace(PORTS, listener=None))),
    ("rtp-range-size", "warning", ports.check(replace(PORTS, rtp=(10_000, 10_099)))),
    ("rtp-range-size", "problem", ports.check(replace(PORTS, rtp=(10_000, 10_051)))),
    # 14 lines that ring 7 phones each: 14 x 2 x 8 = 224 ports.
    ("rtp-range-size", "warning", ports.check(replace(PORTS, rung={"acme": 7}))),
    ("rtp-range-ephemeral", "warning", ports.check(replace(PORTS, rtp=(30_000, 33_000)))),
    ("rtp-range-ephemeral", "warning", ports.check(replace(PORTS, ephemeral=(5_000, 6_000)))),
    ("rtp-range-taken", "warning", ports.check(replace(PORTS, bound=[bind("udp", "0.0.0.0", 10_004)]))),
    ("ami-loopback", "problem", ami.check(replace(AMI, general={"bindaddr": "0.0.0.0"}))),
    ("ami-loopback", "problem", ami.check(replace(AMI, general={}))),
    ("ami-loopback", "problem", ami.check(replace(AMI, listens_on=("192.0.2.1",)))),
    (
        "ami-loopback",
        "problem",
        ami.check(
            replace(AMI, general={**(AMI.general or {}), "tlsenable": "yes", "tlsbindaddr": "0.0.0.0:5039"})
        ),
    ),
    ("ami-users", "problem", ami.check(replace(AMI, readers={**AMI.readers, "admin": "call"}))),
    ("ami-users", "problem", ami.check(replace(AMI, live_readers={**AMI.readers, "admin": "call"}))),
    ("ami-users", "problem", ami.check(replace(AMI, readers={"listen": "call"}))),
    (
        "ami-security-class",
        "problem",
        ami.check(replace(AMI, readers={**AMI.readers, "listen": "call,security"})),
    ),
    ("ami-security-class", "problem", ami.check(replace(AMI, live_readers={"listen": "all", "control": ""}))),
    ("ami-http", "problem", ami.check(replace(AMI, general={"bindaddr": "127.0.0.1", "webenabled": "yes"}))),
    ("ami-http", "problem", ami.check(replace(AMI, http_conf={"enabled": "yes"}))),
    ("ami-http", "problem", ami.check(replace(AMI, live_http="Server Enabled and Bound to 0.0.0.0:8088"))),
    ("secrets-file", "problem", permissions.check(replace(PERMISSIONS, secrets=Seen("s", 0o640, 1000)))),
    ("secrets-file", "problem", permissions.check(replace(PERMISSIONS, secrets=Seen("s", 0o600, 0)))),
    (
        "state-directory",
        "warning",
        permissions.check(replace(PERMISSIONS, state=Seen("d", 0o755, 1000, True))),
    ),
    (
        "state-directory",
        "problem",
        permissions.check(replace(PERMISSIONS, state=Seen("d", 0o770, 1000, True))),
    ),
    (
        "switch-config-files",
        "problem",
        permissions.check(replace(PERMISSIONS, configs=(Seen("m", 0o644, 1000),))),
    ),
    ("database-file", "problem", permissions.check(replace(PERMISSIONS, database=Seen("db", 0o644, 1000)))),
    ("recordings-directory", "problem", permissions.check(replace(PERMISSIONS, writable=False))),
    (
        "recordings-directory",
        "problem",
        permissions.check(replace(PERMISSIONS, recordings=Seen("/r", 0o600, 1000, False))),
    ),
    (
        "recordings-directory",
        "warning",
        permissions.check(replace(PERMISSIONS, recordings=Seen("/r", 0o755, 1000, True))),
    ),
    (
        "state-in-git",
        "problem",
        permissions.check(replace(PERMISSIONS, git=Git(True, True, (".vpbx/secrets.json",)))),
    ),
    ("state-in-git", "warning", permissions.check(replace(PERMISSIONS, git=Git(True, False)))),
    ("secrets-in-yaml", "problem", permissions.check(replace(PERMISSIONS, leaks=("platform.yaml",)))),
    (
        "trunk-secrets",
        "problem",
        permissions.check(replace(PERMISSIONS, trunks=(TrunkSecret("m", "env:X", "it holds nothing"),))),
    ),
    (
        "trunk-secrets",
        "warning",
        permissions.check(replace(PERMISSIONS, trunks=(TrunkSecret("m", "file:t", "", Seen("t", 0o644)),))),
    ),
    ("device-secrets", "problem", strength.check(replace(STRENGTHS, devices=[Strength("a", 8, 20.0)]))),
    ("device-secrets-unique", "problem", strength.check(replace(STRENGTHS, shared=[["a", "b"]]))),
    ("ami-secrets", "problem", strength.check(replace(STRENGTHS, ami=[Strength("a", 8, 20.0)]))),
    (
        "trunk-password-strength",
        "problem",
        strength.check(replace(STRENGTHS, trunks=[Strength("m", 6, 12.0)])),
    ),
    (
        "trunk-password-strength",
        "warning",
        strength.check(replace(STRENGTHS, trunks=[Strength("m", 10, 33.0)])),
    ),
    ("tls-certificate", "problem", certificates.check(replace(CERTIFICATE, trouble="no such file"), NOW)),
    ("tls-certificate-dates", "problem", certificates.check(CERTIFICATE, NOW + timedelta(days=81))),
    ("tls-certificate-dates", "problem", certificates.check(CERTIFICATE, NOW - timedelta(days=11))),
    ("tls-certificate-dates", "warning", certificates.check(CERTIFICATE, NOW + timedelta(days=51))),
    (
        "tls-certificate-name",
        "warning",
        certificates.check(replace(CERTIFICATE, wanted=("a.b.example.com",)), NOW),
    ),
    ("tls-certificate-name", "warning", certificates.check(replace(CERTIFICATE, names=()), NOW)),
    ("tls-key", "problem", certificates.check(replace(CERTIFICATE, key_trouble="another's"), NOW)),
    ("tls-key-file", "problem", certificates.check(replace(CERTIFICATE, key_mode=0o640), NOW)),
    ("clock-date", "problem", clock.check(replace(CLOCK, now=datetime(1970, 1, 1, tzinfo=UTC)))),
    ("clock-zones", "problem", clock.check(replace(CLOCK, unknown=["Mars/Olympus"]))),
    ("clock-zones", "warning", clock.check(replace(CLOCK, without_file=["Europe/Moscow"]))),
    ("clock-synchronised", "warning", clock.check(replace(CLOCK, synchronised=False))),
    ("clock-switch", "warning", clock.check(replace(CLOCK, ahead_s=-0.6))),
    ("clock-switch", "problem", clock.check(replace(CLOCK, ahead_s=3.0))),
    ("host-name", "problem", names.check(replace(NAMES, resolves=False))),
    ("registrations", "problem", registrations.check(["trunk-a"], {"trunk-a": "Rejected"})),
    ("portability", "warning", portability.check(Ported(["a"]))),
    ("portability", "warning", portability.check(Ported(["a"], 0))),
    ("portability", "problem", portability.check(Ported(["a"], fault="it is damaged"))),
    ("webhooks", "problem", webhooks.check({"acme": "low_balance: env:KEY holds nothing"})),
    ("mail", "problem", mail.check(SMTP, "mail.example.com:587: 535 no")),
    ("recording-store", "problem", recording_store.check(STORE, "s3://recordings: 403")),
    ("trunk-name", "problem", names.check(replace(NAMES, trunks=[replace(NAMES.trunks[0], addresses=[])]))),
    (
        "trunk-name",
        "warning",
        names.check(replace(NAMES, trunks=[replace(NAMES.trunks[0], addresses=["198.51.100.1"])])),
    ),
    ("prompts", "problem", sounds.check(replace(SOUNDS, unplayable=["a.wav: not a WAV file"]))),
    ("sounds-language", "warning", sounds.check(replace(SOUNDS, language_files=0))),
    ("sounds-directories", "problem", sounds.check(replace(SOUNDS, dead_links=["/s/en"]))),
    ("disk-space", "warning", disk.check(placed(free_bytes=900_000_000))),
    ("disk-space", "problem", disk.check(placed(free_bytes=100_000_000))),
    ("disk-inodes", "warning", disk.check(placed(free_inodes=9_000))),
    ("disk-inodes", "problem", disk.check(placed(free_inodes=10))),
    ("disk-writable", "problem", disk.check(placed(trouble="Read-only file system"))),
    ("disk-recording-hours", "warning", disk.check(replace(DISK, recorded_lines=140))),
    ("disk-recording-hours", "problem", disk.check(replace(DISK, recorded_lines=1400))),
    ("database-reachable", "problem", database.check(Inspection("postgresql", trouble="no answer"))),
    ("database-schema", "warning", database.check(replace(DATABASE, schema=None))),
    ("database-schema", "problem", database.check(replace(DATABASE, schema="9999"))),
    ("database-durable", "problem", database.check(replace(DATABASE, weak=("synchronous is 1, not FULL",)))),
    ("database-whole", "problem", database.check(replace(DATABASE, damage="row 1 missing"))),
    ("ledger-chain", "problem", database.check(replace(DATABASE, ledger_fault="entry 7 was changed"))),
    ("calls-unrated", "warning", database.check(replace(DATABASE, unrated=2))),
    ("record-quarantined", "warning", database.check(replace(DATABASE, quarantined=1))),
    ("listener-running", "warning", listener.check(Listener("pbx1", False, None), NOW)),
    ("listener-running", "problem", listener.check(Listener("pbx1", True, None, "timed out"), NOW)),
    ("listener-running", "problem", listener.check(page(node="pbx2"), NOW)),
    ("listener-running", "problem", listener.check(replace(LISTENING, page={}), NOW)),
    ("listener-health", "problem", listener.check(page(status="degraded", problems=["AMI is down"]), NOW)),
    ("listener-reconciled", "warning", listener.check(LISTENING, NOW + timedelta(minutes=4))),
    ("listener-reconciled", "warning", listener.check(page(last_reconcile=None), NOW)),
    ("listener-reconciled", "problem", listener.check(LISTENING, NOW + timedelta(hours=2))),
    ("open-files", "warning", limits.check(replace(LIMITS, open_files=400))),
    ("open-files", "problem", limits.check(replace(LIMITS, open_files=256))),
    ("memory", "warning", limits.check(replace(LIMITS, memory_free=100_000_000))),
    ("memory", "problem", limits.check(replace(LIMITS, memory_free=10_000_000))),
    ("udp-drops", "warning", limits.check(replace(LIMITS, udp_dropped=5, udp_dropped_now=5))),
    ("processors", "warning", limits.check(replace(LIMITS, load=4.5))),
]
ELSEWHERE = {("definitions", "problem"), ("check-failed", "problem")}
"""What no facts of one group make red; `test_doctor_cli` does."""


def test_a_range_that_is_enough_while_all_lines_of_a_tenant_ring_is_well() -> None:
    """14 lines, each with the operator's leg and 7 phones, two ports a leg: 224."""
    seen = replace(PORTS, rung={"acme": 7}, rtp=(10_000, 10_223))
    assert {found.severity for found in ports.check(seen) if found.code == "rtp-range-size"} == {"ok"}
    short = replace(seen, rtp=(10_000, 10_222))
    (found,) = [found for found in ports.check(short) if found.code == "rtp-range-size"]
    assert "224 are taken while all lines of acme ring, 7 phones each" in found.seen


@pytest.mark.parametrize(("group", "findings"), WELL, ids=[group for group, _ in WELL])
def test_good_facts_are_found_well(group: str, findings: Iterable[Finding]) -> None:
    found = list(findings)
    assert found
    assert [finding for finding in found if finding.severity != "ok" or finding.do] == []


@pytest.mark.parametrize(
    ("code", "severity", "findings"),
    RED,
    ids=[f"{code}-{severity}-{at}" for at, (code, severity, _) in enumerate(RED)],
)
def test_bad_facts_are_found(code: str, severity: str, findings: Iterable[Finding]) -> None:
    (finding,) = [finding for finding in findings if finding.code == code]
    assert finding.severity == severity
    assert finding.seen and finding.why and finding.do


def test_each_check_goes_red_in_every_way_it_says() -> None:
    said = {
        (check.code, severity)
        for check in CHECKS
        for severity, when in (("warning", check.warning_when), ("problem", check.problem_when))
        if when
    }
    assert {(code, severity) for code, severity, _ in RED} | ELSEWHERE == said


def test_each_check_has_a_code_of_its_own() -> None:
    codes = [check.code for check in CHECKS]
    assert sorted(set(codes)) == sorted(codes)


def test_a_port_of_a_process_that_this_user_can_not_see_is_taken_for_the_running_switch() -> None:
    seen = replace(PORTS, bound=[bind("udp", "127.0.0.1", 5060, None)])
    (finding,) = [finding for finding in ports.check(seen) if finding.code == "sip-port"]
    assert finding.severity == "ok"


def test_ports_that_the_kernel_keeps_are_not_in_danger() -> None:
    seen = replace(PORTS, rtp=(33_000, 34_000), reserved=((33_000, 34_000),))
    (finding,) = [finding for finding in ports.check(seen) if finding.code == "rtp-range-ephemeral"]
    assert finding.severity == "ok"


def test_checks_do_no_input_or_output() -> None:
    root = Path(orchestrator.doctor.__file__).parent
    pure = [path for path in root.glob("*.py") if path.stem not in ("examine", "subject")]
    allowed = {
        "ast",
        "collections",
        "dataclasses",
        "datetime",
        "fnmatch",
        "ipaddress",
        "math",
        "re",
        "stat",
        "typing",
    }
    wrong = [
        f"{path.name} imports {module}"
        for path in pure
        for node in ast.walk(ast.parse(path.read_text()))
        for module in _imported(node)
        if module.split(".")[0] not in {*allowed, "__future__", "orchestrator"}
    ]
    assert wrong == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
