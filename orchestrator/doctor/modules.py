"""Modules: those asked for are there and run, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

ON_DISK = Check(
    "modules-on-disk",
    "each module that the configuration asks for, in the Asterisk that is installed",
    "a missing module keeps the switch from starting, or leaves a function of the dialplan out",
    problem_when="one isn't there",
)
RUN = Check(
    "modules-running",
    "each module that the configuration asks for, in the running switch",
    "Asterisk goes on without a module that failed to load, and calls fail later",
    problem_when="one isn't loaded or doesn't run",
)
UNASKED = Check(
    "modules-unasked",
    "every other module that the running switch has loaded",
    "what isn't loaded can't be attacked; some modules run commands or take connections from outside",
    warning_when="one is loaded that nobody asked for",
    problem_when="one of them runs commands or takes connections",
)
CHECKS = (ON_DISK, RUN, UNASKED)

DANGEROUS = re.compile(
    r"app_(system|originate|externalivr|alarmreceiver|adsiprog|sms|stasis)|cdr_|cel_|chan_(?!pjsip|bridge|rtp)"
    r"|func_(shell|curl|env|odbc|realtime)|pbx_(spool|lua|ael|dundi|realtime)"
    r"|res_(agi|ari|ael|calendar|clialiases|config|curl|fax|geoloc|hep|http_(?!websocket)|limit|phoneprov|prometheus"
    r"|realtime|snmp|stasis|statsd|websocket|xmpp|tonedetect|pjsip_phoneprov|pjsip_publish|pjsip_messaging)"
)
"""Modules that run commands, write elsewhere, or take connections or messages from outside."""

_LOAD = re.compile(r"(?:pre)?load(?:-require)?\s*=>?\s*([\w.-]+)|require\s*=>?\s*([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Modules:
    """Args: asked: names with `.so`. on_disk: None: there is no Asterisk.

    loaded: status by name; None: the switch doesn't run.
    """

    asked: frozenset[str]
    on_disk: frozenset[str] | None
    loaded: Mapping[str, str] | None


def asked(modules_conf: str) -> frozenset[str]:
    """The modules that a `modules.conf` asks for.

    >>> sorted(asked("[modules]\\nautoload=no\\nload=a.so\\nrequire=b.so\\npreload=c.so\\n;load=d.so"))
    ['a.so', 'b.so', 'c.so']
    """
    found = (_LOAD.match(line.strip()) for line in modules_conf.splitlines())
    return frozenset(match[1] or match[2] for match in found if match)


def loaded(module_show: str) -> dict[str, str]:
    """Status by module, from the output of `module show`. What is part of Asterisk itself is left out.

    >>> loaded("Module  Description  Use Count  Status\\na.so  Some thing  0  Running\\nacl  b  1  Running")
    {'a.so': 'Running'}
    """
    rows = {}
    for line in module_show.splitlines():
        match = re.match(r"(\S+\.so)\s+.*\s\d+\s+(Running|Not Running)\b", line)
        if match:
            rows[match[1]] = match[2]
    return rows


def check(seen: Modules) -> Iterator[Finding]:
    """Findings on modules."""
    if seen.on_disk is not None:
        missing = sorted(seen.asked - seen.on_disk)
        if missing:
            yield ON_DISK.problem(
                f"not there: {some(missing)}",
                "install the rest of Asterisk's modules (Debian: asterisk-modules)",
            )
        else:
            yield ON_DISK.ok(f"all {len(seen.asked)} are there")
    if seen.loaded is None:
        return
    stopped = sorted(name for name in seen.asked if seen.loaded.get(name) != "Running")
    if stopped:
        yield RUN.problem(
            f"not running: {some(stopped)}", "log/messages says why; vpbx switch stop, vpbx switch start"
        )
    else:
        yield RUN.ok(f"all {len(seen.asked)} run")
    unasked = sorted(seen.loaded.keys() - seen.asked)
    dangerous = [name for name in unasked if DANGEROUS.match(name)]
    if dangerous:
        yield UNASKED.problem(f"loaded: {some(dangerous)}", _unload(dangerous))
    elif unasked:
        yield UNASKED.warning(f"loaded: {some(unasked)}", _unload(unasked))
    else:
        yield UNASKED.ok("none")


def _unload(names: list[str]) -> str:
    return f"vpbx switch console: module unload {names[0]}; a restart drops them all"
