"""Certificates of SIP over TLS: the operator's own, or one that vpbx signs itself and keeps.

A switch reads copies named after what is in them. Another certificate is therefore another text of the
switch's configuration, which `apply` sees as a change and takes back whole when it fails; and the switch
never reads a file that another program is just writing.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

from orchestrator.asterisk.transports import FINGERPRINT_DIGITS
from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import ANY_HOST, Node, TlsListener
from orchestrator.project import Project
from orchestrator.rendering.render import TlsFiles

LIFE = timedelta(days=825)
"""Of one that vpbx signs: phones and their libraries refuse to trust longer ones."""
RENEW_BEFORE = timedelta(days=30)
"""`apply` makes a new one of its own when the old one has less time left."""

_PRIVATE, _PUBLIC = 0o600, 0o644
_CLOCK_SKEW = timedelta(hours=1)


class CertificateUnusable(OrchestratorError):
    """A certificate or its key isn't there, isn't one, has expired, or is another's."""

    code = "certificate-unusable"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A node's certificate as it lies on disk.

    Args: file, key_file: PEM. fingerprint: SHA-256 of the certificate. names: it is valid for. own: vpbx
    signed it. place: the node in platform.yaml.
    """

    file: Path
    key_file: Path
    fingerprint: str
    names: tuple[str, ...]
    not_after: datetime
    own: bool
    place: str


def node_certificate(project: Project, node: Node) -> Certificate | None:
    """The certificate that a node has now; None: it speaks no TLS, or its own hasn't been made yet.

    Raises: CertificateUnusable: what is there can't be read.
    """
    if node.tls is None:
        return None
    own = not node.tls.certificate
    file, key_file = _files(project, node, node.tls)
    if own and not file.exists():
        return None
    place = f"{node.position}: node {node.name}"
    try:
        first = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError) as error:
        raise _unusable(place, file, error, "certificate") from error
    return Certificate(
        file,
        key_file,
        first.fingerprint(hashes.SHA256()).hex(),
        _names_in(first),
        first.not_valid_after_utc,
        own,
        place,
    )


def tls_files(project: Project, node: Node, now: datetime) -> TlsFiles | None:
    """The files that a node's switch is to read; a certificate of vpbx's own is made or renewed when due.

    A renewed one keeps its key, so that a phone that was told to trust the key still does.

    Raises: CertificateUnusable.
    """
    if node.tls is None:
        return None
    certificate = node_certificate(project, node)
    if not node.tls.certificate and _is_due(certificate, node, now):
        _make(project, node, now)
        certificate = node_certificate(project, node)
    assert certificate is not None, "it was given, or has just been made"
    if certificate.not_after <= now:
        raise CertificateUnusable(
            f"{certificate.place}: {certificate.file} has expired on {certificate.not_after:%Y-%m-%d}",
            "put a new one there",
        )
    stem = certificate.fingerprint[:FINGERPRINT_DIGITS]
    chain, key = certificate.file.read_bytes(), _matching_key(certificate)
    directory = project.switch(node.name).tls
    kept = TlsFiles(
        certificate=str(directory / f"{stem}.pem"),
        key=str(directory / f"{stem}.key"),
        authorities=_authorities(project, certificate.place, node.tls),
    )
    _write(Path(kept.key), key, _PRIVATE)
    _write(Path(kept.certificate), chain, _PUBLIC)
    return kept


def tls_files_for_reading(project: Project, node: Node, now: datetime) -> TlsFiles | None:
    """The same names with nothing written; where `tls_files` would make or renew one, a stand-in.

    Raises: CertificateUnusable: the certificate can't be read.
    """
    if node.tls is None:
        return None
    certificate = node_certificate(project, node)
    due = not node.tls.certificate and _is_due(certificate, node, now)
    stem = "made-by-apply" if certificate is None or due else certificate.fingerprint[:FINGERPRINT_DIGITS]
    directory = project.switch(node.name).tls
    authorities = str(project.root / node.tls.authorities) if node.tls.authorities else ""
    return TlsFiles(str(directory / f"{stem}.pem"), str(directory / f"{stem}.key"), authorities)


def names_of(node: Node) -> tuple[str, ...]:
    """What phones may call a node: its external address, the address that it listens on, its host name."""
    listens = node.tls.address.host if node.tls is not None else ""
    given = [name for name in (node.external_address, listens) if name and name != ANY_HOST]
    return tuple(dict.fromkeys(given)) or (socket.gethostname(),)


def _files(project: Project, node: Node, tls: TlsListener) -> tuple[Path, Path]:
    if tls.certificate:
        return project.root / tls.certificate, project.root / tls.key
    directory = project.state / "tls"
    return directory / f"{node.name}.pem", directory / f"{node.name}.key"


def _is_due(certificate: Certificate | None, node: Node, now: datetime) -> bool:
    if certificate is None or certificate.not_after - now < RENEW_BEFORE:
        return True
    return set(certificate.names) != set(names_of(node))


def _make(project: Project, node: Node, now: datetime) -> None:
    """Sign a certificate for the node's names, by the key that it has or a new one."""
    assert node.tls is not None
    file, key_file = _files(project, node, node.tls)
    place = f"{node.position}: node {node.name}"
    if key_file.exists():
        key = _load_key(place, key_file)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateUnusable(f"{place}: {key_file} isn't vpbx's key", "move it away")
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(key_file, _key_text(key), _PRIVATE)
    names = names_of(node)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(file, made.public_bytes(serialization.Encoding.PEM), _PUBLIC)


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.IPv4Address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _names_in(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in extension.get_values_for_type(x509.IPAddress))
    return (*extension.get_values_for_type(x509.DNSName), *addresses)


def _matching_key(certificate: Certificate) -> bytes:
    """The key's text. Raises: CertificateUnusable: it is none, or of another certificate."""
    key = _load_key(certificate.place, certificate.key_file)
    first = x509.load_pem_x509_certificates(certificate.file.read_bytes())[0]
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    der = serialization.Encoding.DER
    if first.public_key().public_bytes(der, spki) != key.public_key().public_bytes(der, spki):
        raise CertificateUnusable(
            f"{certificate.place}: {certificate.key_file} is the key of another certificate than "
            f"{certificate.file}",
            "name the pair that belongs together",
        )
    return certificate.key_file.read_bytes()


def _load_key(place: str, file: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(file.read_bytes(), password=None)
    except TypeError as error:
        raise CertificateUnusable(
            f"{place}: the key in {file} has a password", "the switch has nobody who types it: take it off"
        ) from error
    except (OSError, ValueError) as error:
        raise _unusable(place, file, error, "private key") from error


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _authorities(project: Project, place: str, tls: TlsListener) -> str:
    if not tls.authorities:
        return ""
    file = project.root / tls.authorities
    try:
        x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(place, file, error, "certificate") from error
    return str(file)


def _unusable(place: str, file: Path, error: Exception, kind: str) -> CertificateUnusable:
    told = error.strerror if isinstance(error, OSError) else f"holds no {kind} in PEM"
    return CertificateUnusable(f"{place}: {file}: {told}", f"platform.yaml names where the {kind} lies")


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
