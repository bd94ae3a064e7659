"""All checks of one node, side by side, each group with a deadline; a group that fails is a finding too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestrator import definitions as definition_files
from orchestrator.asterisk import install
from orchestrator.asterisk.binary import Asterisk
from orchestrator.candidate import choose_node
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
from orchestrator.doctor.finding import WORST_FIRST, Check, Finding
from orchestrator.doctor.observe import ami as ami_facts
from orchestrator.doctor.observe import certificate as certificate_facts
from orchestrator.doctor.observe import clock as clock_facts
from orchestrator.doctor.observe import disk as disk_facts
from orchestrator.doctor.observe import files as file_facts
from orchestrator.doctor.observe import limits as limit_facts
from orchestrator.doctor.observe import listener as listener_facts
from orchestrator.doctor.observe import mail as mail_facts
from orchestrator.doctor.observe import modules as module_facts
from orchestrator.doctor.observe import names as name_facts
from orchestrator.doctor.observe import portability as portability_facts
from orchestrator.doctor.observe import recording_store as store_facts
from orchestrator.doctor.observe import secrets as secret_facts
from orchestrator.doctor.observe import sockets as socket_facts
from orchestrator.doctor.observe import sounds as sound_facts
from orchestrator.doctor.observe import switch as switch_facts
from orchestrator.doctor.observe import versions as version_facts
from orchestrator.doctor.observe import webhooks as webhook_facts
from orchestrator.doctor.subject import Subject
from orchestrator.doctor.switch import LiveSwitch
from orchestrator.errors import OrchestratorError
from orchestrator.model.problem import Problem
from orchestrator.project import Project
from orchestrator.storage.inspection import inspect

GROUP_DEADLINE_S = 20.0

DEFINITIONS = Check(
    "definitions",
    "the project's YAML and decks, as `vpbx validate` reads them",
    "what can't be read can't be applied, and the checks that need it are left out",
    problem_when="there is a problem in them",
)
FAILED = Check(
    "check-failed",
    "whether each group of checks came to an end",
    "what couldn't be looked at may be wrong",
    problem_when="one fails, or takes more than 20 seconds",
)

CHECKS: Sequence[Check] = (
    DEFINITIONS,
    *versions.CHECKS,
    *switch.CHECKS,
    *modules.CHECKS,
    *ports.CHECKS,
    *ami.CHECKS,
    *permissions.CHECKS,
    *strength.CHECKS,
    *certificates.CHECKS,
    *clock.CHECKS,
    *names.CHECKS,
    *registrations.CHECKS,
    *portability.CHECKS,
    *mail.CHECKS,
    *webhooks.CHECKS,
    *recording_store.CHECKS,
    *sounds.CHECKS,
    *disk.CHECKS,
    *database.CHECKS,
    *listener.CHECKS,
    *limits.CHECKS,
    FAILED,
)
"""Every check, in the order in which people read them."""

Group = Callable[[], Iterable[Finding]]


def examine(project: Project, node: str | None) -> list[Finding]:
    """Everything that can be found out about a project's node, in the order of the checks.

    Nothing is changed: no secret, no directory and no database is made.

    Raises: NodeUnknown: `node` names none, or is needed and missing.
    """
    definitions, problems = definition_files.check(project.root)
    asterisk = install.find()
    if definitions is None or problems:
        found = [_invalid(problems), *run_groups(_machine(asterisk))]
        return sorted(found, key=_order)
    chosen = choose_node(definitions, node)
    live = switch_facts.observe_live(project, chosen, asterisk)
    subject = Subject(project, definitions, chosen, asterisk, live)
    found = [
        DEFINITIONS.ok(f"no problems; tenants: {len(definitions.tenants)}"),
        *run_groups(_groups(subject)),
    ]
    return [replace(finding, node=chosen.name) for finding in sorted(found, key=_order)]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Problems, then warnings, then what is well."""
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.severity))


def _order(finding: Finding) -> int:
    return next(at for at, check in enumerate(CHECKS) if check.code == finding.code)


def _invalid(problems: Sequence[Problem]) -> Finding:
    first = f"{problems[0].position}: {problems[0].message}" if problems else "they can't be read"
    return DEFINITIONS.problem(
        f"problems: {len(problems)}, the first: {first}", "vpbx validate shows them all"
    )


def _machine(asterisk: Asterisk | None) -> dict[str, Group]:
    """What can be checked of the machine alone."""
    return {
        "versions": lambda: versions.check(version_facts.observe(asterisk, "")),
        "clock": lambda: clock.check(clock_facts.observe([], LiveSwitch())),
        "names": lambda: names.check(name_facts.observe([])),
    }


def _groups(subject: Subject) -> dict[str, Group]:
    platform = subject.definitions.platform
    zones = {platform.time_zone, *(tenant.time_zone for tenant in subject.definitions.tenants.values())}
    url = subject.project.database_url(platform.storage.database)

    def switch_group() -> Iterator[Finding]:
        return switch.check(subject.live, switch_facts.observe_applied(subject.project, subject.node))

    def certificate_group() -> Iterator[Finding]:
        for certificate in certificate_facts.observe(subject):
            yield from certificates.check(certificate, datetime.now(UTC))

    return {
        "versions": lambda: versions.check(version_facts.observe(subject.asterisk, subject.live.version)),
        "switch": switch_group,
        "modules": lambda: modules.check(module_facts.observe(subject)),
        "ports": lambda: ports.check(socket_facts.observe(subject)),
        "ami": lambda: ami.check(ami_facts.observe(subject)),
        "permissions": lambda: permissions.check(file_facts.observe(subject)),
        "passwords": lambda: strength.check(secret_facts.observe(subject)),
        "certificates": certificate_group,
        "clock": lambda: clock.check(clock_facts.observe(zones, subject.live)),
        "names": lambda: names.check(name_facts.observe(subject.definitions.trunks_of(subject.node))),
        "registrations": lambda: registrations.check(
            [
                f"trunk-{trunk.name}"
                for trunk in subject.definitions.trunks_of(subject.node)
                if trunk.auth == "registration"
            ],
            subject.live.registrations,
        ),
        "portability": lambda: portability.check(portability_facts.observe(subject)),
        "mail": lambda: mail.check(platform.smtp, mail_facts.observe(subject)),
        "webhooks": lambda: webhooks.check(webhook_facts.observe(subject)),
        "recording store": lambda: recording_store.check(
            platform.storage.store, store_facts.observe(subject)
        ),
        "sounds": lambda: sounds.check(sound_facts.observe(subject)),
        "disk": lambda: disk.check(disk_facts.observe(subject)),
        "database": lambda: database.check(inspect(url, subject.systemname())),
        "listener": lambda: listener.check(listener_facts.observe(subject), datetime.now(UTC)),
        "limits": lambda: limits.check(limit_facts.observe(subject)),
    }


@dataclass
class _Running:
    """A group in a thread of its own, which is left behind when it doesn't end."""

    name: str
    group: Group
    findings: list[Finding] | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"doctor-{self.name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.findings = list(self.group())
        except OrchestratorError as error:
            self.findings = [FAILED.problem(f"{self.name}: {error.message}", error.hint or "see vpbx --help")]
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding, not the end of all others
            self.findings = [FAILED.problem(f"{self.name}: {type(error).__name__}: {error}", _REPORT)]


_REPORT = "look at what it names; if nothing is wrong there, it is a fault of vpbx"


def run_groups(groups: dict[str, Group], deadline_s: float = GROUP_DEADLINE_S) -> list[Finding]:
    """Findings of all groups. A group that isn't done at the deadline is a finding."""
    deadline = time.monotonic() + deadline_s
    found: list[Finding] = []
    ended = 0
    for running in [_Running(name, group) for name, group in groups.items()]:
        running.thread.join(max(0.0, deadline - time.monotonic()))
        findings = running.findings
        if findings is None:
            findings = [
                FAILED.problem(
                    f"{running.name}: not done in {deadline_s:g} s", "look for a hanging disk or server"
                )
            ]
        ended += FAILED.code not in {finding.code for finding in findings}
        found += findings
    return [*found, FAILED.ok(f"{ended} groups of checks ended")] if ended == len(groups) else found
