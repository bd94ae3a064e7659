"""AMI: on loopback, for our two users, without the class that carries forged lines, and not over HTTP."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN

LOOPBACK = Check(
    "ami-loopback",
    "the address AMI is bound to, in the live configuration and on this machine",
    "AMI has no encryption, and whoever reaches it owns the switch",
    problem_when="it is one that others can reach",
)
USERS = Check(
    "ami-users",
    "the AMI users of the live configuration and of the running switch",
    "every further user can place calls and read what customers say on the telephone",
    problem_when="there is one that vpbx didn't make, or one of vpbx's is missing",
)
SECURITY = Check(
    "ami-security-class",
    "the event classes that AMI users read",
    "the class `security` prints what a caller sends with its line breaks, so a caller can forge events",
    problem_when="a user reads `security` or `all`",
)
HTTP = Check(
    "ami-http",
    "the switch's HTTP server and AMI over it",
    "it is a way into the switch that nothing of vpbx needs",
    problem_when="either is on",
)
CHECKS = (LOOPBACK, USERS, SECURITY, HTTP)

OURS = frozenset({AMI_CONTROL, AMI_LISTEN})
_FORGEABLE = frozenset({"security", "all"})
_RESTART = "vpbx apply, then vpbx switch stop, vpbx switch start"


@dataclass(frozen=True, slots=True)
class Ami:
    """Args:
    general: settings of `[general]` in the live manager.conf; None: nothing was applied.
    readers: by user of that file, the classes it reads.
    http_conf: settings of `[general]` in http.conf; empty when there is none.
    live_readers: by user of the running switch; None when it doesn't run.
    live_http: what `http show status` printed. listens_on: hosts where the AMI port is bound by the switch.
    """

    general: Mapping[str, str] | None
    readers: Mapping[str, str]
    http_conf: Mapping[str, str]
    live_readers: Mapping[str, str] | None = None
    live_http: str = ""
    listens_on: Sequence[str] = ()


def sections(text: str) -> dict[str, dict[str, str]]:
    """An Asterisk configuration file as settings by section; of a repeated setting the values are joined.

    >>> sections("[general]\\nenabled=yes ; on\\n[a](+)\\nread = call\\nread=cdr")
    {'general': {'enabled': 'yes'}, 'a': {'read': 'call,cdr'}}
    """
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in text.splitlines():
        bare = re.sub(r"(?<!\\);.*", "", line).strip()
        if opened := re.match(r"\[([^\]]+)\]", bare):
            section = found.setdefault(opened[1], {})
        elif "=" in bare:
            key, _, value = bare.partition("=")
            key, value = key.strip().lower(), value.removeprefix(">").strip()
            section[key] = f"{section[key]},{value}" if key in section else value
    return found


def users(output: str) -> list[str]:
    """User names in the output of `manager show users`.

    >>> users("\\nusername\\n--------\\nlisten\\ncontrol\\n-------------------\\n2 manager users configured.")
    ['listen', 'control']
    """
    inside, names = False, []
    for line in output.splitlines():
        if line.startswith("----"):
            if inside:
                break
            inside = True
        elif inside and line.strip():
            names.append(line.strip())
    return names


def reads(output: str) -> str:
    """The classes in the output of `manager show user`; empty for none.

    >>> reads("          username: listen\\n         read perm: call,cdr\\n        write perm: all")
    'call,cdr'
    """
    match = re.search(r"read perm:\s*(\S+)", output)
    return match[1] if match and match[1] != "<none>" else ""


def check(seen: Ami) -> Iterator[Finding]:
    """Findings on AMI."""
    if seen.general is None:
        return
    yield _loopback(seen)
    yield _users(seen)
    yield _security(seen)
    yield _http(seen)


def _loopback(seen: Ami) -> Finding:
    assert seen.general is not None
    bound = seen.general.get("bindaddr", "0.0.0.0")
    tls = seen.general.get("tlsbindaddr", "") if seen.general.get("tlsenable", "no") == "yes" else ""
    hosts = [bound, *([tls.rpartition(":")[0] or tls] if tls else []), *seen.listens_on]
    exposed = [host for host in hosts if not _is_loopback(host)]
    if exposed:
        return LOOPBACK.problem(f"it is bound to {some(exposed)}", f"bind it to 127.0.0.1: {_RESTART}")
    return LOOPBACK.ok(f"bound to {bound}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _users(seen: Ami) -> Finding:
    known = set(seen.readers) | set(seen.live_readers or {})
    strange = sorted(known - OURS)
    if strange:
        return USERS.problem(f"not of vpbx: {some(strange)}", f"{_RESTART}; vpbx writes manager.conf whole")
    missing = sorted(OURS - set(seen.readers)) or sorted(OURS - set(seen.live_readers or OURS))
    if missing:
        return USERS.problem(f"missing: {some(missing)}", _RESTART)
    return USERS.ok(f"{some(sorted(known))}, both of vpbx")


def _security(seen: Ami) -> Finding:
    readers = [*seen.readers.items(), *(seen.live_readers or {}).items()]
    forged = sorted(
        {user for user, classes in readers if _FORGEABLE & set(re.split(r"[,\s]+", classes.lower()))}
    )
    if forged:
        return SECURITY.problem(f"read by {some(forged)}", f"{_RESTART}; vpbx's own users don't read it")
    return SECURITY.ok("read by nobody")


def _http(seen: Ami) -> Finding:
    assert seen.general is not None
    on = [
        what
        for what, is_on in (
            ("webenabled in manager.conf", seen.general.get("webenabled", "no") in _TRUE),
            ("enabled in http.conf", seen.http_conf.get("enabled", "no") in _TRUE),
            ("the running switch's HTTP server", "Server Enabled" in seen.live_http),
        )
        if is_on
    ]
    return HTTP.problem(f"on: {some(on)}", _RESTART) if on else HTTP.ok("off")


_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
