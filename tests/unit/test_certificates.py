"""A node's certificate for SIP over TLS: made once, replaced by its operator, refused with its place."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rendered_cases import EXAMPLES

from orchestrator import definitions
from orchestrator.certificates import (
    CertificateUnusable,
    certificate_warning,
    pair_of,
    tls_files,
    tls_files_to_plan,
)
from orchestrator.model.platform import Address, Node, TlsListener
from orchestrator.project import Project

NOW = datetime.now(UTC) + timedelta(hours=1)
"""A certificate that was just made has begun by then."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def node() -> Node:
    """Of the example, with TLS and an external address."""
    example = definitions.load(EXAMPLES).platform.nodes["pbx1"]
    return replace(example, tls=TlsListener(Address("127.0.0.1", 5061)), external_address="pbx.example.test")


def make(directory: Path, name: str, days: int = 90) -> tuple[Path, Path]:
    """A self-signed pair, as an operator makes one."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    out = ("-keyout", str(key), "-out", str(certificate), "-days", str(days), "-subj", "/CN=pbx.example.test")
    subprocess.run([*new, *out], check=True, capture_output=True, timeout=30)
    return certificate, key


def refusal(project: Project, node: Node, now: datetime = NOW) -> str:
    """What apply says, which plan says too; each names the node's place."""
    told = []
    for asked in (tls_files, tls_files_to_plan):
        with pytest.raises(CertificateUnusable) as caught:
            asked(project, node, now)
        assert caught.value.hint
        told.append(caught.value.message)
    assert told[0] == told[1]
    assert told[0].startswith("platform.yaml:20:3: node pbx1: ")
    return told[0]


def given(node: Node, certificate: Path, key: Path, authorities: str = "") -> Node:
    listener = TlsListener(Address("127.0.0.1", 5061), str(certificate), str(key), authorities)
    return replace(node, tls=listener)


def test_a_node_without_tls_has_no_certificate(project: Project, node: Node) -> None:
    assert tls_files(project, replace(node, tls=None), NOW) is None


def test_the_first_apply_makes_a_pair_for_the_nodes_names_that_only_its_user_reads(
    project: Project, node: Node
) -> None:
    planned = tls_files_to_plan(project, node, NOW)
    assert planned is not None and not project.state.exists()
    kept = tls_files(project, node, NOW)
    pair = pair_of(project, node)
    assert kept is not None and pair is not None
    assert [path.stat().st_mode & 0o777 for path in (pair.key, Path(kept.key))] == [0o600, 0o600]
    shown = ("openssl", "x509", "-in", kept.certificate, "-noout", "-ext", "subjectAltName")
    told = subprocess.run(shown, check=True, capture_output=True, text=True, timeout=30).stdout
    assert "IP Address:127.0.0.1" in told and "DNS:pbx.example.test" in told
    assert tls_files(project, node, NOW) == kept == tls_files_to_plan(project, node, NOW)


def test_a_replaced_pair_is_taken_under_another_name_and_never_overwritten(
    project: Project, node: Node, tmp_path: Path
) -> None:
    first = tls_files(project, node, NOW)
    pair = pair_of(project, node)
    assert first is not None and pair is not None
    own = [file.read_bytes() for file in make(tmp_path, "own")]
    pair.certificate.write_bytes(own[0])
    pair.key.write_bytes(own[1])
    second = tls_files(project, node, NOW)
    assert second is not None and second.certificate != first.certificate
    assert [pair.certificate.read_bytes(), pair.key.read_bytes()] == own
    assert [Path(second.certificate).read_bytes(), Path(second.key).read_bytes()] == own
    assert Path(first.certificate).exists(), "a rollback needs it"


def test_one_that_is_out_of_date_is_refused_at_its_first_use(
    project: Project, node: Node, tmp_path: Path
) -> None:
    theirs = given(node, *make(tmp_path, "theirs", days=20))
    assert "has expired on" in refusal(project, theirs, NOW + timedelta(days=21))
    assert "is not valid before" in refusal(project, theirs, NOW - timedelta(days=1))


def test_one_that_runs_out_in_use_is_warned_of_and_refuses_no_change(
    project: Project, node: Node, tmp_path: Path
) -> None:
    own, later = tls_files(project, node, NOW), NOW + timedelta(days=826)
    assert own is not None
    assert certificate_warning(project, node, NOW) == ""
    assert tls_files(project, node, later) == tls_files_to_plan(project, node, later) == own
    told = certificate_warning(project, node, later)
    assert told.startswith("platform.yaml:20:3: node pbx1: ")
    assert "has expired on" in told and "vpbx apply makes a new pair" in told
    theirs = given(node, *make(tmp_path, "theirs", days=20))
    assert "has expired on" in refusal(project, theirs, NOW + timedelta(days=21)), "another is new again"
    tls_files(project, theirs, NOW)
    assert tls_files(project, theirs, NOW + timedelta(days=21)) is not None
    assert "put a new one there" in certificate_warning(project, theirs, NOW + timedelta(days=21))


def test_another_certificates_key_is_refused(project: Project, node: Node, tmp_path: Path) -> None:
    one, two = make(tmp_path, "one"), make(tmp_path, "two")
    assert "is the key of another certificate than" in refusal(project, given(node, one[0], two[1]))


def test_files_that_are_missing_or_something_else_are_refused(
    project: Project, node: Node, tmp_path: Path
) -> None:
    certificate, key = make(tmp_path, "pair")
    nothing, text = tmp_path / "nothing.pem", tmp_path / "text.pem"
    text.write_text("no PEM")
    assert "nothing.pem: No such file" in refusal(project, given(node, nothing, key))
    assert "nothing.pem: No such file" in refusal(project, given(node, certificate, nothing))
    assert "text.pem holds no certificate in PEM" in refusal(project, given(node, text, key))
    assert "text.pem holds no private key in PEM" in refusal(project, given(node, certificate, text))
    authorities = given(node, certificate, key, str(text))
    assert "text.pem holds no certificate in PEM" in refusal(project, authorities)


def test_a_key_with_a_password_is_refused(project: Project, node: Node, tmp_path: Path) -> None:
    certificate, key = make(tmp_path, "locked")
    lock = ("openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(key))
    subprocess.run(lock, check=True, capture_output=True, timeout=30)
    assert "has a password" in refusal(project, given(node, certificate, key))


def test_half_a_pair_is_not_completed(project: Project, node: Node) -> None:
    tls_files(project, node, NOW)
    pair = pair_of(project, node)
    assert pair is not None
    pair.certificate.unlink()
    assert "pbx1.pem: No such file" in refusal(project, node)
    assert not pair.certificate.exists()
