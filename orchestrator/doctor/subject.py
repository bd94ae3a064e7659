"""What is examined: a project's definitions, one of its nodes, and that node's switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestrator.asterisk.binary import Asterisk
from orchestrator.candidate import rendered_for_reading
from orchestrator.doctor.ami import sections
from orchestrator.doctor.switch import LiveSwitch
from orchestrator.model.platform import Definitions, Node
from orchestrator.model.tenant import Tenant
from orchestrator.project import Project, SwitchPaths
from orchestrator.rendering.render import Rendered, node_tenants
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.graph import Action, Distribute, Graph, Ring
from orchestrator.secrets import Secrets


@dataclass(frozen=True)
class Subject:
    """Args: asterisk: the one to run; None: there is none. live: what the running switch said."""

    project: Project
    definitions: Definitions
    node: Node
    asterisk: Asterisk | None
    live: LiveSwitch

    @property
    def paths(self) -> SwitchPaths:
        return self.project.switch(self.node.name)

    @property
    def tenants(self) -> list[Tenant]:
        """The active tenants of the node."""
        return node_tenants(self.definitions, self.node)

    @property
    def lines(self) -> dict[str, int]:
        """Lines by tenant of the node."""
        return {tenant.name: self.definitions.line_limit(tenant) for tenant in self.tenants}

    @property
    def rung(self) -> dict[str, int]:
        """The most phones that one call rings at once, by tenant of the node."""
        return {tenant.name: _rung(compile_tenant(self.definitions, tenant)) for tenant in self.tenants}

    @cached_property
    def rendered(self) -> Rendered:
        """What the switch is to read, with every secret masked. Raises: RenderFailed, SecretsUnreadable."""
        return rendered_for_reading(self.project, self.definitions, self.node)

    @property
    def transports(self) -> Mapping[str, Mapping[str, str]]:
        """Settings of each SIP transport, by its section's name."""
        found = sections(self.rendered.shared["pjsip.conf"].text)
        return {name: settings for name, settings in found.items() if settings.get("type") == "transport"}

    @property
    def recordings(self) -> Path:
        return self.project.recordings(self.definitions.platform.storage.recordings)

    def systemname(self) -> str | None:
        """What the switch calls itself; None before the first apply. Raises: SecretsUnreadable."""
        return Secrets.open(self.project.secrets_file).known_systemname(self.node.name)


def _rung(graph: Graph) -> int:
    """The most phones that one call may ring."""
    return max((_phones(step.action) for step in graph.steps.values()), default=0)


def _phones(action: Action) -> int:
    match action:
        case Ring(devices=devices):
            return len(devices)
        case Distribute(members=members):
            return sum(len(member.devices) for member in members)
        case _:
            return 0
