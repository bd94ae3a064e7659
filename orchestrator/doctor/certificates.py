"""Certificates for SIP over TLS: in date, for our name, with the right key, and the key ours alone."""

from __future__ import annotations

import fnmatch
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.doctor.finding import Check, Finding, some

SOON = timedelta(days=30)

READABLE = Check(
    "tls-certificate",
    "the PEM file of the certificate for SIP over TLS",
    "without it no telephone connects by TLS",
    problem_when="it isn't there or is no certificate",
)
DATES = Check(
    "tls-certificate-dates",
    "the dates of the certificate",
    "telephones refuse a certificate that is out of date, all at the same minute",
    warning_when="it ends within 30 days",
    problem_when="it has ended or hasn't begun",
)
NAME = Check(
    "tls-certificate-name",
    "the names in the certificate, against the addresses of the node and this machine's name",
    "a telephone that checks the name refuses another one's certificate",
    warning_when="it names neither the node's address nor this machine",
)
KEY = Check(
    "tls-key",
    "whether the key belongs to the certificate",
    "the switch starts without TLS when it doesn't",
    problem_when="it isn't there, is encrypted, or belongs to another certificate",
)
KEY_MODE = Check(
    "tls-key-file",
    "the mode of the key's file",
    "who has the key can be us, and can read what was recorded of the connections",
    problem_when="others than its owner may read or write it",
)
CHECKS = (READABLE, DATES, NAME, KEY, KEY_MODE)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files.

    Args:
        path, key_path: the files. trouble: why it can't be read; empty when it can.
        begins, ends: of its validity. names: host names and addresses in it.
        key_trouble: why the key doesn't fit; empty when it does. key_mode: None: it isn't there.
        wanted: names and addresses that telephones may call us by.
    """

    path: str
    key_path: str
    trouble: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    names: Sequence[str] = ()
    key_trouble: str = ""
    key_mode: int | None = None
    wanted: Sequence[str] = ()


def check(seen: Certificate, now: datetime) -> Iterator[Finding]:
    """Findings on one certificate. Args: now: aware."""
    if seen.trouble:
        yield READABLE.problem(
            f"{seen.path}: {seen.trouble}",
            "put a PEM certificate there, or correct the node; then vpbx apply",
        )
    else:
        yield READABLE.ok(seen.path)
        yield _dates(seen, now)
        yield _name(seen)
    if seen.key_trouble:
        yield KEY.problem(
            f"{seen.key_path}: {seen.key_trouble}", "put the certificate's own unencrypted key there"
        )
    elif not seen.trouble:
        yield KEY.ok(f"{seen.key_path} belongs to it")
    if seen.key_mode is not None:
        text = f"{seen.key_path}: mode {seen.key_mode:04o}"
        if seen.key_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield KEY_MODE.problem(text, f"chmod 600 {seen.key_path}")
        else:
            yield KEY_MODE.ok(text)


def _dates(seen: Certificate, now: datetime) -> Finding:
    assert seen.begins is not None and seen.ends is not None
    do = "renew it, put it in place, then vpbx apply"
    if now < seen.begins:
        return DATES.problem(f"it begins on {seen.begins:%Y-%m-%d %H:%M} UTC", "correct the clock, or " + do)
    if now >= seen.ends:
        return DATES.problem(f"it ended on {seen.ends:%Y-%m-%d %H:%M} UTC", do)
    days = (seen.ends - now).days
    text = f"it ends on {seen.ends:%Y-%m-%d}, in {days} days"
    return DATES.warning(text, do) if seen.ends - now < SOON else DATES.ok(text)


def _name(seen: Certificate) -> Finding:
    if not seen.names:
        return NAME.warning("it names nobody", "make one with a subjectAltName")
    if any(fits(name, wanted) for name in seen.names for wanted in seen.wanted):
        return NAME.ok(f"it names {some(list(seen.names))}")
    return NAME.warning(
        f"it names {some(list(seen.names))}, and we are {some(list(seen.wanted))}",
        "telephones must call the node by a name in it",
    )


def fits(name: str, wanted: str) -> bool:
    """Whether a name in a certificate covers a host name; `*` stands for one whole label. RFC 6125 6.4.3.

    >>> fits("*.example.com", "sip.example.com"), fits("*.example.com", "a.b.example.com")
    (True, False)
    """
    name, wanted = name.lower(), wanted.lower()
    if not name.startswith("*."):
        return name == wanted
    return wanted.partition(".")[2] == name[2:] and fnmatch.fnmatchcase(wanted, name)
