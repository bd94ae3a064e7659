"""A PEM certificate and its key, read by OpenSSL's own program: the switch reads them with OpenSSL too."""

from __future__ import annotations

import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.certificates import pair_of
from orchestrator.doctor.certificates import Certificate
from orchestrator.doctor.subject import Subject
from orchestrator.model.platform import ANY_HOST

_DEADLINE_S = 5


def observe(subject: Subject) -> Iterator[Certificate]:
    """The node's certificate as apply will take it; not one that the first apply has yet to make."""
    pair, node = pair_of(subject.project, subject.node), subject.node
    if pair is None or node.tls is None or (pair.own and not pair.certificate.is_file()):
        return
    called = dict.fromkeys(
        (node.tls.address.host, node.external_address or ANY_HOST, socket.gethostname(), socket.getfqdn())
    )
    yield read(pair.certificate, pair.key, tuple(name for name in called if name != ANY_HOST))


def read(certificate: Path, key: Path, wanted: Sequence[str]) -> Certificate:
    """A certificate and its key. Args: wanted: names and addresses that telephones may call us by."""
    key_mode = stat.S_IMODE(key.stat().st_mode) if key.is_file() else None
    seen = Certificate(str(certificate), str(key), key_mode=key_mode, wanted=wanted)
    if shutil.which("openssl") is None:
        return replace(seen, trouble="it can't be looked at without the program openssl")
    if not certificate.is_file():
        return replace(seen, trouble="there is no such file", key_trouble=_key_trouble(key, ""))
    asked = (
        "-noout",
        "-startdate",
        "-enddate",
        "-subject",
        "-nameopt",
        "multiline,utf8",
        "-ext",
        "subjectAltName",
    )
    told = _openssl("x509", "-in", str(certificate), *asked)
    public = _openssl("x509", "-in", str(certificate), "-noout", "-pubkey")
    dates = dict(re.findall(r"^(notBefore|notAfter)=(.+)$", told, re.MULTILINE))
    if len(dates) != 2:
        return replace(seen, trouble="it is no certificate in PEM form", key_trouble=_key_trouble(key, ""))
    return replace(
        seen,
        begins=_moment(dates["notBefore"]),
        ends=_moment(dates["notAfter"]),
        names=names(told),
        key_trouble=_key_trouble(key, public),
    )


def names(told: str) -> tuple[str, ...]:
    """Names in what OpenSSL tells of a certificate: of its subjectAltName, without one its common name.

    >>> names("X509v3 Subject Alternative Name: \\n    DNS:a.test, IP Address:127.0.0.1\\n")
    ('a.test', '127.0.0.1')
    >>> names("subject=\\n    commonName                = b.test\\n")
    ('b.test',)
    """
    alternative = re.findall(r"(?:DNS|IP Address):([^,\s]+)", told)
    common = re.findall(r"^\s*commonName\s*=\s*(.+)$", told, re.MULTILINE)
    return tuple(alternative or common)


def _key_trouble(key: Path, public: str) -> str:
    """Why the key can't serve the certificate with this public key; empty when it can."""
    if not key.is_file():
        return "there is no such file"
    own = _openssl("pkey", "-in", str(key), "-pubout", "-passin", "pass:")
    if "BEGIN PUBLIC KEY" not in own:
        return "it is no key in PEM form, or it is encrypted"
    return "it belongs to another certificate" if public and own.strip() != public.strip() else ""


def _moment(text: str) -> datetime:
    """A time as OpenSSL writes it, e.g. `Nov 25 18:00:00 2026 GMT`."""
    return datetime.strptime(text.removesuffix(" GMT"), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)


def _openssl(*arguments: str) -> str:
    done = subprocess.run(
        ["openssl", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_DEADLINE_S,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    return done.stdout
