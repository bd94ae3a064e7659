"""What `vpbx doctor` sees: real files, sockets, repositories and certificates, broken on purpose."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from wave import open as open_wave

import pytest
from click.testing import CliRunner
from fake_ami import FakeAmi, play

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.main import root as command_line
from orchestrator.definitions import load
from orchestrator.doctor import (
    certificates,
    disk,
    limits,
    listener,
    names,
    permissions,
    ports,
    sounds,
    strength,
    versions,
)
from orchestrator.doctor.finding import Finding
from orchestrator.doctor.observe import ami as ami_facts
from orchestrator.doctor.observe import certificate as certificate_facts
from orchestrator.doctor.observe import clock as clock_facts
from orchestrator.doctor.observe import disk as disk_facts
from orchestrator.doctor.observe import files as file_facts
from orchestrator.doctor.observe import limits as limit_facts
from orchestrator.doctor.observe import listener as listener_facts
from orchestrator.doctor.observe import names as name_facts
from orchestrator.doctor.observe import secrets as secret_facts
from orchestrator.doctor.observe import sockets as socket_facts
from orchestrator.doctor.observe import sounds as sound_facts
from orchestrator.doctor.observe import switch as switch_facts
from orchestrator.doctor.observe import versions as version_facts
from orchestrator.doctor.subject import Subject
from orchestrator.doctor.switch import LiveSwitch
from orchestrator.model.platform import Address, TlsListener, Trunk
from orchestrator.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples"
SOON = timedelta(minutes=1)
"""A certificate that was just made has begun by then."""


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The example platform, applied, with its addresses on free ports; no switch runs."""
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
    text = (root / "platform.yaml").read_text()
    with ExitStack() as held:
        for port in ("5060", "5038", "9417"):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{probe.getsockname()[1]}")
    (root / "platform.yaml").write_text(text)
    return applied(root)


def applied(root: Path) -> Subject:
    """A project's subject, after an apply without a switch, a scratch switch neither."""
    nowhere = {"VPBX_CACHE": str(root / "no-cache")}
    done = CliRunner().invoke(command_line, ["-C", str(root), "apply"], env=nowhere, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    project, definitions = Project(root), load(root)
    return Subject(project, definitions, definitions.platform.nodes["pbx1"], None, LiveSwitch())


def red(findings: Iterator[Finding]) -> dict[str, str]:
    """Severity by code of what isn't well."""
    return {finding.code: finding.severity for finding in findings if finding.severity != "ok"}


class TestFiles:
    """Owners, modes, Git and passwords in YAML."""

    def found(self, subject: Subject) -> dict[str, str]:
        return red(permissions.check(file_facts.observe(subject)))

    def test_a_project_that_was_just_applied_is_well(self, subject: Subject) -> None:
        assert self.found(subject) == {}

    @pytest.mark.parametrize(
        ("path", "mode", "code"),
        [
            (".vpbx/secrets.json", 0o644, "secrets-file"),
            (".vpbx/switch/pbx1/etc/manager.conf", 0o640, "switch-config-files"),
            (".vpbx/switch/pbx1/etc/pjsip.conf", 0o604, "switch-config-files"),
            (".vpbx/switch/pbx1/etc/pjsip/tenants/acme.conf", 0o640, "switch-config-files"),
            (".vpbx/switch/pbx1/lib/phones.sqlite3", 0o644, "switch-config-files"),
            (".vpbx", 0o777, "state-directory"),
        ],
    )
    def test_a_file_that_others_may_read_is_found(
        self, subject: Subject, path: str, mode: int, code: str
    ) -> None:
        (subject.project.root / path).chmod(mode)
        assert self.found(subject) == {code: "problem"}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_a_secrets_file_of_another_user_is_found(self, subject: Subject) -> None:
        os.chown(subject.project.secrets_file, 12345, 12345)
        assert self.found(subject) == {"secrets-file": "problem"}

    def test_a_database_that_others_may_read_is_found(self, subject: Subject) -> None:
        (subject.project.state / "vpbx.db").touch(0o644)
        (subject.project.state / "vpbx.db").chmod(0o644)
        assert self.found(subject) == {"database-file": "problem"}

    def test_recordings_that_are_a_file_are_found(self, subject: Subject) -> None:
        subject.recordings.touch()
        assert self.found(subject) == {"recordings-directory": "problem"}

    def test_state_that_git_tracks_or_does_not_ignore_is_found(self, subject: Subject) -> None:
        root = subject.project.root
        (root / ".gitignore").unlink()
        git(root, "init", "--quiet")
        assert self.found(subject) == {"state-in-git": "warning"}
        git(root, "add", "--force", ".vpbx/secrets.json")
        assert self.found(subject) == {"state-in-git": "problem"}
        git(root, "rm", "--quiet", "--cached", ".vpbx/secrets.json")
        (root / ".gitignore").write_text(".vpbx/\n")
        assert self.found(subject) == {}

    def test_looking_at_a_repository_runs_nothing_that_it_names(
        self, subject: Subject, tmp_path: Path
    ) -> None:
        root = subject.project.root
        git(root, "init", "--quiet")
        git(root, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
        self.found(subject)
        assert not (tmp_path / "ran").exists()

    def test_a_password_in_yaml_is_found_and_not_shown(self, subject: Subject) -> None:
        kept = json.loads(subject.project.secrets_file.read_text())
        secret = kept["ami"]["pbx1/control"]
        with (subject.project.root / "tenants/acme.yaml").open("a") as file:
            file.write(f"# {secret}\n")
        findings = list(permissions.check(file_facts.observe(subject)))
        assert red(iter(findings)) == {"secrets-in-yaml": "problem"}
        assert secret not in repr(findings)

    def test_the_place_of_a_trunks_password_is_looked_at(
        self, subject: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        edit(
            subject,
            "    auth: ip\n",
            "    auth: registration\n    username: u\n    secret: env:DOCTOR_TRUNK\n",
        )
        monkeypatch.delenv("DOCTOR_TRUNK", raising=False)
        unset = replace(subject, definitions=load(subject.project.root))
        assert self.found(unset) == {"trunk-secrets": "problem"}
        monkeypatch.setenv("DOCTOR_TRUNK", "123456")
        assert self.found(unset) == {}
        weak = red(strength.check(secret_facts.observe(unset)))
        assert weak == {"trunk-password-strength": "problem"}
        edit(subject, "env:DOCTOR_TRUNK", "file:trunk.txt")
        (subject.project.root / "trunk.txt").write_text("k3Jd-92xQpLw_fTz")
        (subject.project.root / "trunk.txt").chmod(0o644)
        in_file = replace(subject, definitions=load(subject.project.root))
        assert self.found(in_file) == {"trunk-secrets": "warning"}


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, timeout=30, capture_output=True)


def edit(subject: Subject, old: str, new: str) -> None:
    path = subject.project.root / "platform.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_weak_and_shared_passwords_are_found_and_not_shown(subject: Subject) -> None:
    assert red(strength.check(secret_facts.observe(subject))) == {}
    kept = json.loads(subject.project.secrets_file.read_text())
    first, second, *_ = kept["devices"]
    kept["devices"][first] = kept["devices"][second] = "d00:hunter2"
    kept["ami"]["pbx1/listen"] = "swordfish"
    subject.project.secrets_file.write_text(json.dumps(kept))
    findings = list(strength.check(secret_facts.observe(subject)))
    wanted = {"device-secrets": "problem", "device-secrets-unique": "problem", "ami-secrets": "problem"}
    assert red(iter(findings)) == wanted
    assert "hunter2" not in repr(findings) and "swordfish" not in repr(findings)


class TestPorts:
    """Who has a port, seen in /proc."""

    def found(self, subject: Subject) -> dict[str, str]:
        own = {"rtp-range-taken", "rtp-range-ephemeral"}
        return {
            code: how
            for code, how in red(ports.check(socket_facts.observe(subject))).items()
            if code not in own
        }

    def test_free_ports_are_well(self, subject: Subject) -> None:
        assert self.found(subject) == {}

    @pytest.mark.parametrize(
        ("kind", "purpose"),
        [("udp", "sip"), ("tcp", "ami"), ("tcp", "metrics")],
        ids=["SIP", "AMI", "metrics"],
    )
    def test_a_port_that_another_process_has_is_found_with_its_name(
        self, subject: Subject, kind: str, purpose: str
    ) -> None:
        where: Address = getattr(subject.node, purpose)
        with socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as other:
            other.bind((where.host, where.port))
            if kind == "tcp":
                other.listen()
            assert self.found(subject) == {f"{purpose}-port": "problem"}
            findings = ports.check(socket_facts.observe(subject))
            (finding,) = [finding for finding in findings if finding.code == f"{purpose}-port"]
        assert f"process {os.getpid()} (" in finding.seen

    def test_an_address_that_this_machine_has_not_is_found(self, subject: Subject) -> None:
        edit(subject, f"sip: {subject.node.sip}", "sip: 203.0.113.77:5060")
        definitions = load(subject.project.root)
        moved = replace(subject, definitions=definitions, node=definitions.platform.nodes["pbx1"])
        assert self.found(moved) == {"sip-port": "problem"}

    def test_a_socket_in_the_rtp_range_is_found(self, subject: Subject) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            node = replace(subject.node, rtp_from=port - 8, rtp_to=port + 400)
            findings = list(ports.check(socket_facts.observe(replace(subject, node=node))))
        assert red(iter(findings))["rtp-range-taken"] == "warning"
        assert red(iter(findings))["rtp-range-ephemeral"] == "warning"

    def test_ipv6_and_ipv4_sockets_are_read_from_the_kernel(self) -> None:
        with socket.socket() as four, socket.socket(socket.AF_INET6) as six:
            four.bind(("127.0.0.2", 0))
            six.bind(("::1", 0))
            for each in (four, six):
                each.listen()
            seen = {(bound.host, bound.port, bound.pid) for bound in socket_facts.bound()}
            wanted = {
                ("127.0.0.2", four.getsockname()[1], os.getpid()),
                ("::1", six.getsockname()[1], os.getpid()),
            }
        assert wanted <= seen


def test_a_live_manager_conf_that_was_changed_by_hand_is_found(subject: Subject) -> None:
    assert red(iter(ami_facts_of(subject))) == {}
    path = subject.paths.etc / "manager.conf"
    path.write_text(path.read_text().replace("read=call\n", "read=call,security\n") + "[admin]\nread=all\n")
    (subject.paths.etc / "http.conf").write_text("[general]\nenabled = yes\n")
    assert red(iter(ami_facts_of(subject))) == {
        "ami-users": "problem",
        "ami-security-class": "problem",
        "ami-http": "problem",
    }
    assert switch_facts.observe_applied(subject.project, subject.node).edited == ("manager.conf",)


def test_a_phone_whose_row_was_changed_by_hand_is_found(subject: Subject) -> None:
    assert switch_facts.observe_applied(subject.project, subject.node).edited == ()
    with closing(sqlite3.connect(subject.paths.phones)) as phones, phones:
        phones.execute("UPDATE ps_endpoints SET context = 'beta-phones' WHERE context = 'acme-phones'")
    edited = switch_facts.observe_applied(subject.project, subject.node).edited
    assert len(edited) > 3 and all(name.startswith("phone d") for name in edited)


def ami_facts_of(subject: Subject) -> list[Finding]:
    from orchestrator.doctor import ami

    return list(ami.check(ami_facts.observe(subject)))


class TestCertificates:
    """Certificates made by OpenSSL for the occasion."""

    def test_a_good_certificate_is_well(self, tmp_path: Path) -> None:
        assert self.found(*make(tmp_path, "good")) == {}

    def test_one_that_ends_soon_and_one_that_has_ended_are_found(self, tmp_path: Path) -> None:
        pair = make(tmp_path, "short", days=20)
        assert self.found(*pair) == {"tls-certificate-dates": "warning"}
        assert self.found(*pair, after=timedelta(days=21)) == {"tls-certificate-dates": "problem"}
        assert self.found(*pair, after=-timedelta(days=1)) == {"tls-certificate-dates": "problem"}

    def test_one_for_another_name_is_found(self, tmp_path: Path) -> None:
        pair = make(tmp_path, "other", names="DNS:other.test")
        assert self.found(*pair) == {"tls-certificate-name": "warning"}

    def test_a_wildcard_and_an_address_name_us(self, tmp_path: Path) -> None:
        assert self.found(*make(tmp_path, "wild", names="DNS:*.example.test")) == {}
        assert self.found(*make(tmp_path, "address", names="IP:127.0.0.1")) == {}

    def test_another_certificates_key_is_found(self, tmp_path: Path) -> None:
        certificate, _ = make(tmp_path, "one")
        _, key = make(tmp_path, "two")
        assert self.found(certificate, key) == {"tls-key": "problem"}

    def test_an_encrypted_key_is_found(self, tmp_path: Path) -> None:
        certificate, key = make(tmp_path, "locked")
        openssl("ec", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(key))
        assert self.found(certificate, key) == {"tls-key": "problem"}

    def test_a_key_that_others_may_read_is_found(self, tmp_path: Path) -> None:
        certificate, key = make(tmp_path, "open")
        key.chmod(0o644)
        assert self.found(certificate, key) == {"tls-key-file": "problem"}

    def test_missing_and_damaged_files_are_found(self, tmp_path: Path) -> None:
        certificate, key = make(tmp_path, "damaged")
        certificate.write_text(certificate.read_text()[:200])
        assert self.found(certificate, key) == {"tls-certificate": "problem"}
        certificate.unlink()
        key.unlink()
        assert self.found(certificate, key) == {"tls-certificate": "problem", "tls-key": "problem"}

    def found(self, certificate: Path, key: Path, after: timedelta = SOON) -> dict[str, str]:
        seen = certificate_facts.read(certificate, key, ("pbx.example.test", "127.0.0.1"))
        return red(certificates.check(seen, datetime.now(UTC) + after))

    def test_the_certificate_of_a_tls_transport_is_looked_at(self, subject: Subject, tmp_path: Path) -> None:
        assert list(certificate_facts.observe(subject)) == []
        certificate, key = make(tmp_path, "sip", names="DNS:nobody.test")
        secure = with_tls(subject, certificate, key)
        (seen,) = certificate_facts.observe(secure)
        found = red(certificates.check(seen, datetime.now(UTC) + SOON))
        assert found == {"tls-certificate-name": "warning"}
        sip = {(wanted.transport, wanted.address.port) for wanted in socket_facts.observe(secure).sip}
        assert ("tcp", 5061) in sip

    def test_the_address_that_phones_outside_see_is_a_name_of_ours(
        self, subject: Subject, tmp_path: Path
    ) -> None:
        certificate, key = make(tmp_path, "outside", names="IP:203.0.113.5")
        (seen,) = certificate_facts.observe(with_tls(subject, certificate, key, "203.0.113.5"))
        assert red(certificates.check(seen, datetime.now(UTC) + SOON)) == {}

    def test_a_missing_certificate_is_found_and_one_that_apply_will_make_is_not_missed(
        self, subject: Subject, tmp_path: Path
    ) -> None:
        (seen,) = certificate_facts.observe(with_tls(subject, tmp_path / "none.pem", tmp_path / "none.key"))
        assert red(certificates.check(seen, datetime.now(UTC)))["tls-certificate"] == "problem"
        own = replace(subject.node, tls=TlsListener(Address("127.0.0.1", 5061)))
        assert list(certificate_facts.observe(replace(subject, node=own))) == []


def with_tls(subject: Subject, certificate: Path, key: Path, external: str = "") -> Subject:
    """The same with a TLS listener on its node."""
    listener = TlsListener(Address("127.0.0.1", 5061), str(certificate), str(key))
    return replace(subject, node=replace(subject.node, tls=listener, external_address=external))


def make(
    directory: Path, name: str, days: int = 90, names: str = "DNS:pbx.example.test"
) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    out = ("-keyout", str(key), "-out", str(certificate), "-days", str(days))
    openssl(*new, *out, "-subj", "/CN=vpbx test", "-addext", f"subjectAltName={names}")
    key.chmod(0o600)
    return certificate, key


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)


class TestListener:
    """The health page of a listener, and of others."""

    def test_nothing_listens(self, subject: Subject) -> None:
        assert self.found(subject) == {"listener-running": "warning"}

    def test_a_well_listener_and_a_degraded_one(self, subject: Subject) -> None:
        page = {
            "node": "pbx1",
            "status": "ok",
            "problems": [],
            "last_reconcile": datetime.now(UTC).isoformat(),
        }
        with serving(subject, json.dumps(page)):
            assert self.found(subject) == {}
        stale = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
        bad = {**page, "status": "degraded", "problems": ["AMI is down: refused"], "last_reconcile": stale}
        with serving(subject, json.dumps(bad)):
            findings = list(listener.check(listener_facts.observe(subject), datetime.now(UTC)))
        assert red(iter(findings)) == {"listener-health": "problem", "listener-reconciled": "problem"}
        assert any("AMI is down: refused" in finding.seen for finding in findings)

    @pytest.mark.parametrize("page", ['{"node": "pbx9", "status": "ok"}', "<html>hello</html>", "[1]"])
    def test_somebody_elses_page(self, subject: Subject, page: str) -> None:
        with serving(subject, page):
            assert self.found(subject) == {"listener-running": "problem"}

    def test_one_that_takes_the_connection_and_says_nothing(self, subject: Subject) -> None:
        where = subject.node.metrics
        with (
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "listen"]) as process,
            socket.socket() as deaf,
        ):
            (subject.paths.root / "listen.lock").write_text(str(process.pid))
            deaf.bind((where.host, where.port))
            deaf.listen()
            begun = time.monotonic()
            try:
                assert self.found(subject) == {"listener-running": "problem"}
            finally:
                process.kill()
        assert time.monotonic() - begun < 15

    def found(self, subject: Subject) -> dict[str, str]:
        return red(listener.check(listener_facts.observe(subject), datetime.now(UTC)))


class serving:
    """Answers every request at the node's metrics address while the `with` lasts."""

    def __init__(self, subject: Subject, page: str) -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = HTTPServer((subject.node.metrics.host, subject.node.metrics.port), Answer)

    def __enter__(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_switch_whose_clock_is_another_is_seen() -> None:
    async def compare(fake: FakeAmi) -> None:
        async with AmiSwitch(AmiLogin("127.0.0.1", fake.port, "control", "right")) as switch:
            ahead_s, unsure_s = await switch_facts.compare_clocks(switch)
        wanted_s = 1_790_000_000 - time.time()
        assert abs(ahead_s - wanted_s) < 5 and unsure_s < 5

    play(compare)


@pytest.mark.parametrize("told", ["Asterisk 18.26.4", "Asterisk GIT-master-1a2b3c"])
def test_an_asterisk_that_vpbx_does_not_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    binary = tmp_path / "asterisk"
    binary.write_text(f"#!/bin/sh\necho '{told}'\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    findings = list(versions.check(version_facts.observe(None, "")))
    assert red(iter(findings)) == {"asterisk-version": "problem"}
    assert any(told in finding.seen for finding in findings)


def test_zones_that_vpbx_or_the_system_does_not_know_are_seen(tmp_path: Path) -> None:
    seen = clock_facts.observe(["Europe/Moscow", "Mars/Olympus"], LiveSwitch(), zone_files=tmp_path)
    assert (seen.unknown, seen.without_file) == (["Mars/Olympus"], ["Europe/Moscow", "Mars/Olympus"])
    assert seen.synchronised in (True, False, None)
    assert abs((seen.now - datetime.now(UTC)).total_seconds()) < 60


def test_names_that_nobody_knows_are_found_in_time() -> None:
    known = Trunk("near", "ip", Address("localhost", 5060), ("192.0.2.1",), "", "")
    unknown = replace(known, name="far", address=Address("no-such-host.invalid", 5060))
    begun = time.monotonic()
    seen = name_facts.observe(
        [known, unknown, replace(known, name="numeric", address=Address("192.0.2.1", 5060))]
    )
    assert time.monotonic() - begun < 20
    assert [trunk.trunk for trunk in seen.trunks] == ["near", "far"]
    found = [finding for finding in names.check(seen) if finding.code == "trunk-name"]
    assert [finding.severity for finding in found] == ["warning", "problem"]


def test_prompts_that_can_not_be_played_are_found(subject: Subject) -> None:
    prompts = subject.project.root / "prompts"
    prompts.mkdir()
    for name in ("gone", "damaged"):
        with open_wave(str(prompts / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes(bytes(16000))
    path = subject.project.root / "tenants/acme.yaml"
    both = "recording: {announce: prompts/gone.wav, announce_outbound: prompts/damaged.wav}\n"
    path.write_text(path.read_text() + both)
    named = replace(subject, definitions=load_before(subject, prompts))
    seen = sound_facts.observe(named)
    assert len(seen.unplayable) == 2 and seen.prompts == 2
    assert red(sounds.check(seen))["prompts"] == "problem"


def load_before(subject: Subject, prompts: Path) -> object:
    """The definitions as they were while every file was whole."""
    try:
        return load(subject.project.root)
    finally:
        (prompts / "gone.wav").unlink()
        (prompts / "damaged.wav").write_bytes(b"RIFF")


def test_sounds_behind_dead_links_and_of_the_platforms_language_are_seen(subject: Subject) -> None:
    directory = subject.paths.root / "data/sounds"
    directory.mkdir(parents=True)
    (directory / "en").symlink_to("/nowhere/at/all")
    assert red(sounds.check(sound_facts.observe(subject))) == {
        "sounds-language": "warning",
        "sounds-directories": "problem",
    }
    (directory / "en").unlink()
    (directory / "ru").mkdir()
    (directory / "ru/hello.wav").touch()
    assert red(sounds.check(sound_facts.observe(subject))) == {}


def test_packets_that_a_slow_program_loses_are_seen(subject: Subject) -> None:
    stop = threading.Event()
    with socket.socket(type=socket.SOCK_DGRAM) as slow, socket.socket(type=socket.SOCK_DGRAM) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.bind(("127.0.0.1", 0))

        def flood() -> None:
            while not stop.is_set():
                quick.sendto(bytes(1000), slow.getsockname())
                time.sleep(0.001)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            seen = limit_facts.observe(subject)
        finally:
            stop.set()
            thread.join(5)
    assert red(limits.check(seen))["udp-drops"] == "warning"
    assert seen.processors >= 1 and seen.lines == 28


@pytest.mark.root
class TestFileSystems:
    """Small file systems, mounted for the test."""

    def test_a_read_only_and_a_small_one_are_found(self, tmp_path: Path) -> None:
        with mounted(tmp_path / "small", "size=1m,nr_inodes=20"):
            small = disk_facts.place("spool", tmp_path / "small")
            assert (
                0 < small.free_bytes < 2_000_000 and small.free_inodes is not None and small.free_inodes <= 20
            )
            assert red(disk.check(disk.Disk([small], 14))) == {
                "disk-space": "problem",
                "disk-inodes": "problem",
                "disk-recording-hours": "problem",
            }
            (tmp_path / "small/fill").write_bytes(bytes(small.free_bytes))
            assert disk_facts.place("spool", tmp_path / "small").trouble
        with mounted(tmp_path / "locked", "ro"):
            locked = disk_facts.place("spool", tmp_path / "locked")
        assert locked.trouble == os.strerror(30)


class mounted:
    """A file system in memory. Args: options: of mount."""

    def __init__(self, place: Path, options: str) -> None:
        self._place, self._options = place, options

    def __enter__(self) -> None:
        self._place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(self._place)], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._place)], check=True)


def test_a_place_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    place = disk_facts.place("recordings", tmp_path / "a/b/c")
    assert place.trouble == "" and place.free_bytes > 0
    assert not (tmp_path / "a").exists()
