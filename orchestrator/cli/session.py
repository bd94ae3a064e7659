"""What verbs share: the project's definitions, the node they mean, and a session with its switch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from orchestrator import definitions as definition_files
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.candidate import choose_node
from orchestrator.cli.progress import working
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import NotFound
from orchestrator.model.platform import Definitions, Node
from orchestrator.model.tenant import Tenant
from orchestrator.project import Project, SwitchPaths
from orchestrator.secrets import AMI_CONTROL, Secrets

if TYPE_CHECKING:
    from orchestrator.asterisk.control import AmiSwitch

_APPLY_WAIT_S = 60.0

node_option = click.option(
    "--node",
    metavar="NAME",
    envvar="VPBX_NODE",
    help="Node of the platform, needed when it has several; VPBX_NODE in the environment.",
)
disconnect_option = click.option(
    "--disconnect",
    multiple=True,
    metavar="TENANT",
    help="Disconnect a tenant whose file is gone; may be given more than once.",
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
        from orchestrator.asterisk.connection import AmiLogin
        from orchestrator.asterisk.control import AmiSwitch

        secret = Secrets.open(self.project.secrets_file).ami(self.node.name, AMI_CONTROL)
        return AmiSwitch(AmiLogin(self.node.ami.host, self.node.ami.port, AMI_CONTROL, secret))

    @contextmanager
    def applying(self, wait_s: float = _APPLY_WAIT_S) -> Iterator[None]:
        """Alone with the node's configuration. Raises: LockHeld: another apply doesn't end in time."""
        with file_lock(self.paths.root / "apply.lock", wait_s, "applying"):
            yield


def no_tenant(name: str, definitions: Definitions) -> NotFound:
    """The error for a tenant that isn't there."""
    return NotFound(f"no tenant {name!r}", did_you_mean(name, definitions.tenants) or "see tenants/")


def find_project() -> Project:
    """The project that `-C` named."""
    project = click.get_current_context().find_object(Project)
    assert project is not None, "the root command sets the project"
    return project


def open_session(node: str | None = None, tenant: str | None = None) -> Session:
    """Load the project that `-C` named.

    Args: node: as `--node` says. tenant: without a node, its home node is meant.
    Raises: DefinitionsInvalid, NodeUnknown, NotFound: there is no such tenant.
    """
    project = find_project()
    with working("checking the definitions") as told:
        loaded = definition_files.load(project.root, told)
        # They stay until the verb ends: Python needn't look through them for what is no longer used.
        gc.freeze()
    if tenant is not None and tenant not in loaded.tenants:
        raise no_tenant(tenant, loaded)
    home = loaded.tenants[tenant].node if tenant is not None else None
    return Session(project, loaded, choose_node(loaded, node or home))


def open_node(node: str | None = None) -> Session:
    """The project's platform alone: a fault in a tenant's file must not keep anybody from a node's switch.

    Raises: DefinitionsInvalid: platform.yaml itself has problems. NodeUnknown.
    """
    project = find_project()
    loaded = definition_files.load_platform(project.root)
    return Session(project, loaded, choose_node(loaded, node))
