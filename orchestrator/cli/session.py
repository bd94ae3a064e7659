"""What verbs share: the project's definitions, the node they mean, and a session with its switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from orchestrator import definitions as definition_files
from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.candidate import choose_node
from orchestrator.errors import NotFound
from orchestrator.model.platform import Definitions, Node
from orchestrator.model.tenant import Tenant
from orchestrator.project import Project, SwitchPaths
from orchestrator.secrets import AMI_CONTROL, Secrets

_APPLY_WAIT_S = 60.0

node_option = click.option(
    "--node",
    metavar="NAME",
    envvar="VPBX_NODE",
    help="Node of the platform, needed when it has several; VPBX_NODE in the environment.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, versioned and stable.")


@dataclass(frozen=True, slots=True)
class Session:
    """A loaded project and one of its nodes."""

    project: Project
    definitions: Definitions
    node: Node

    @property
    def paths(self) -> SwitchPaths:
        return self.project.switch(self.node.name)

    def tenant(self, name: str) -> Tenant:
        """A tenant by name. Raises: NotFound."""
        if name not in self.definitions.tenants:
            raise no_tenant(name, self.definitions)
        return self.definitions.tenants[name]

    def switch(self) -> AmiSwitch:
        """A control session with the node's running switch, to be entered with `async with`."""
        secret = Secrets.open(self.project.secrets_file).ami(self.node.name, AMI_CONTROL)
        return AmiSwitch(AmiLogin(self.node.ami.host, self.node.ami.port, AMI_CONTROL, secret))

    @contextmanager
    def applying(self) -> Iterator[None]:
        """Alone with the node's configuration. Raises: LockHeld: another apply doesn't end."""
        with file_lock(self.paths.root / "apply.lock", _APPLY_WAIT_S, "applying"):
            yield


def no_tenant(name: str, definitions: Definitions) -> NotFound:
    """The error for a tenant that isn't there."""
    known = ", ".join(definitions.tenants) or "none"
    return NotFound(f"no tenant {name!r}", f"known tenants: {known}")


def open_session(node: str | None = None) -> Session:
    """Load the project that `-C` named. Raises: DefinitionsInvalid, NodeUnknown."""
    project = click.get_current_context().find_object(Project)
    assert project is not None, "the root command sets the project"
    loaded = definition_files.load(project.root)
    return Session(project, loaded, choose_node(loaded, node))
