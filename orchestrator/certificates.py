"""Certificates of SIP over TLS: the operator's own, or one that the first apply signs itself.

A switch reads copies named after what is in them. Another certificate is therefore another text of the
switch's configuration, which `apply` sees as a change and takes back whole when it fails; and the switch
never reads a file that another program is just writing.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.asterisk.transports import FINGERPRINT_DIGITS
from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import ANY_HOST, Node
from orchestrator.project import Project
from orchestrator.rendering.render import TlsFiles

LIFE = timedelta(days=825)
"""Of one that vpbx signs: telephones and their libraries refuse to trust longer ones."""

_NOT_MADE = "made-by-apply"
_PRIVATE, _PUBLIC = 0o600, 0o644
_CLOCK_SKEW = timedelta(hours=1)


class CertificateUnusable(OrchestratorError):
    """A certificate or its key isn't there, isn't one, is another's, or is out of date at its first use."""

    code = "certificate-unusable"


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a node's certificate and key lie. Args: own: vpbx makes them when neither is there."""

    certificate: Path
    key: Path
    own: bool


def pair_of(project: Project, node: Node) -> Pair | None:
    """What the operator names or replaces, not the switch's copies; None: the node speaks no TLS."""
    if node.tls is None:
        return None
    if node.tls.certificate:
        return Pair(project.root / node.tls.certificate, project.root / node.tls.key, own=False)
    directory = project.state / "tls"
    return Pair(directory / f"{node.name}.pem", directory / f"{node.name}.key", own=True)


def tls_files(project: Project, node: Node, now: datetime) -> TlsFiles | None:
    """The files that a node's switch is to read; a pair of vpbx's own is made once and never overwritten.

    Raises: CertificateUnusable.
    """
    pair = pair_of(project, node)
    if pair is None:
        return None
    if _is_to_be_made(pair):
        _make(pair, node, now)
    chain, key, stem = _checked(pair, node)
    named = _named_in_date(project, node, stem, pair, chain, now)
    _write(Path(named.key), key, _PRIVATE)
    _write(Path(named.certificate), chain, _PUBLIC)
    return named


def tls_files_to_plan(project: Project, node: Node, now: datetime) -> TlsFiles | None:
    """The same with nothing made and nothing written. Raises: CertificateUnusable."""
    pair = pair_of(project, node)
    if pair is None:
        return None
    if _is_to_be_made(pair):
        return _named(project, node, _NOT_MADE)
    chain, _, stem = _checked(pair, node)
    return _named_in_date(project, node, stem, pair, chain, now)


def certificate_warning(project: Project, node: Node, now: datetime) -> str:
    """What to tell of a certificate that is out of date, in one line; nothing of any other.

    One that the switch has already stays: who corrects something else must not wait for it.
    """
    pair = pair_of(project, node)
    if pair is None or not pair.certificate.is_file():
        return ""
    told, do = _out_of_date(
        pair, _first_certificate(node, pair.certificate, _read(node, pair.certificate)), now
    )
    return f"{_place(node)}: {pair.certificate} {told}: phones refuse the node over TLS; {do}" if told else ""


def tls_files_masked(project: Project, node: Node, stem: str) -> TlsFiles | None:
    """The same with a stand-in for what names them; nothing is looked at. Args: stem: the stand-in."""
    if node.tls is None:
        return None
    directory = project.switch(node.name).tls
    authorities = str(project.root / node.tls.authorities) if node.tls.authorities else ""
    return TlsFiles(str(directory / f"{stem}.pem"), str(directory / f"{stem}.key"), authorities)


def _named(project: Project, node: Node, stem: str) -> TlsFiles:
    named = tls_files_masked(project, node, stem)
    assert named is not None
    if named.authorities:
        _first_certificate(node, Path(named.authorities), _read(node, Path(named.authorities)))
    return named


def _is_to_be_made(pair: Pair) -> bool:
    return pair.own and not pair.certificate.exists() and not pair.key.exists()


def _checked(pair: Pair, node: Node) -> tuple[bytes, bytes, str]:
    """The texts of a certificate and its key, and what their copies are named after."""
    chain, text = _read(node, pair.certificate), _read(node, pair.key)
    first = _first_certificate(node, pair.certificate, chain)
    if first.public_key() != _public_key(node, pair.key, text):
        raise CertificateUnusable(
            f"{_place(node)}: {pair.key} is the key of another certificate than {pair.certificate}",
            "put the two there that belong together",
        )
    return chain, text, first.fingerprint(hashes.SHA256()).hex()[:FINGERPRINT_DIGITS]


def _named_in_date(
    project: Project, node: Node, stem: str, pair: Pair, chain: bytes, now: datetime
) -> TlsFiles:
    """The files named; one that the switch has not read yet must be in date."""
    named = _named(project, node, stem)
    told, do = _out_of_date(pair, _first_certificate(node, pair.certificate, chain), now)
    if told and not Path(named.certificate).exists():
        raise CertificateUnusable(f"{_place(node)}: {pair.certificate} {told}", do)
    return named


def _out_of_date(pair: Pair, first: x509.Certificate, now: datetime) -> tuple[str, str]:
    """What is wrong with a certificate's dates, or nothing; and what to do."""
    if now >= first.not_valid_after_utc:
        renew = "delete both files, and vpbx apply makes a new pair" if pair.own else "put a new one there"
        return f"has expired on {first.not_valid_after_utc:%Y-%m-%d}", renew
    if now < first.not_valid_before_utc:
        return (
            f"is not valid before {first.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
            "look at the clock, or wait",
        )
    return "", ""


def _first_certificate(node: Node, file: Path, text: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(text)[0]
    except ValueError as error:
        raise CertificateUnusable(
            f"{_place(node)}: {file} holds no certificate in PEM",
            "it begins with -----BEGIN CERTIFICATE-----",
        ) from error


def _public_key(node: Node, file: Path, text: bytes) -> object:
    try:
        return serialization.load_pem_private_key(text, password=None).public_key()
    except TypeError as error:
        raise CertificateUnusable(
            f"{_place(node)}: the key in {file} has a password",
            "the switch has nobody who types it: take it off with openssl pkey",
        ) from error
    except ValueError as error:
        raise CertificateUnusable(
            f"{_place(node)}: {file} holds no private key in PEM",
            "it begins with -----BEGIN PRIVATE KEY-----",
        ) from error


def _read(node: Node, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateUnusable(
            f"{_place(node)}: {file}: {error.strerror}",
            "put it there, and let the user who runs vpbx read it",
        ) from error


def _place(node: Node) -> str:
    return f"{node.position}: node {node.name}"


def _make(pair: Pair, node: Node, now: datetime) -> None:
    """Sign a certificate for the node's names with a new key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = _names_of(node)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(pair.key, key.private_bytes(pem, pkcs8, serialization.NoEncryption()), _PRIVATE)
    _write(pair.certificate, made.public_bytes(pem), _PUBLIC)


def _names_of(node: Node) -> tuple[str, ...]:
    """What phones may call a node: its external address, the address that it listens on, its host name."""
    listens = node.tls.address.host if node.tls is not None else ""
    given = [name for name in (node.external_address, listens) if name and name != ANY_HOST]
    return tuple(dict.fromkeys(given)) or (socket.gethostname(),)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.IPv4Address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole, when it isn't there with this content already."""
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise CertificateUnusable(
            f"{path}: {error.strerror}", "check the disk and the directory's rights"
        ) from error
