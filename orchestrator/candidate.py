"""An operator's project as a candidate configuration: definitions and secrets together, rendered."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.certificates import tls_files, tls_files_for_reading
from orchestrator.errors import OrchestratorError
from orchestrator.model.credential import DeviceCredential
from orchestrator.model.platform import Definitions, Node, Trunk
from orchestrator.project import Project
from orchestrator.rendering.render import Rendered, SwitchSecrets, device_keys, render
from orchestrator.rendering.sources import share_directory
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN, Secrets

MASKED = "masked"


class TrunkSecretMissing(OrchestratorError):
    """The place that a trunk's `secret:` names holds nothing."""

    code = "trunk-secret-missing"


def choose_node(definitions: Definitions, name: str | None) -> Node:
    """The node that was named, or the only one. Raises: NodeUnknown."""
    nodes = definitions.platform.nodes
    if name is None and len(nodes) == 1:
        return next(iter(nodes.values()))
    if name is None or name not in nodes:
        raise NodeUnknown(f"node {name!r} isn't one of {', '.join(nodes)}", "name one with --node")
    return nodes[name]


class NodeUnknown(OrchestratorError):
    code = "node-unknown"


def rendered_for_apply(project: Project, definitions: Definitions, node: Node) -> Rendered:
    """The configuration to apply. Secrets that don't exist yet are made up and kept.

    Raises: RenderFailed, TrunkSecretMissing, SecretsUnreadable, CertificateUnusable.
    """
    kept = Secrets.open(project.secrets_file)
    secrets = SwitchSecrets(
        systemname=kept.systemname(node.name),
        ami={user: kept.ami(node.name, user) for user in (AMI_LISTEN, AMI_CONTROL)},
        devices=kept.devices(device_keys(definitions, node)),
        trunks={trunk.name: trunk_secret(project, trunk) for trunk in definitions.platform.trunks.values()},
        tls=tls_files(project, node, datetime.now(UTC)),
    )
    return render(definitions, node, secrets, share_directory())


def rendered_for_reading(project: Project, definitions: Definitions, node: Node) -> Rendered:
    """The same with every secret masked and nothing made up: a device never applied has no id yet."""
    kept = Secrets.open(project.secrets_file)
    devices = {}
    for key in device_keys(definitions, node):
        known = kept.known_device(*key)
        devices[key] = DeviceCredential(known.endpoint if known else f"new-{'-'.join(key)}", MASKED)
    secrets = SwitchSecrets(
        systemname=MASKED,
        ami={AMI_LISTEN: MASKED, AMI_CONTROL: MASKED},
        devices=devices,
        trunks=dict.fromkeys(definitions.platform.trunks, MASKED),
        tls=tls_files_for_reading(project, node),
    )
    return render(definitions, node, secrets, share_directory())


def trunk_secret(project: Project, trunk: Trunk) -> str:
    """The password that a trunk's `secret:` refers to; empty when it has none.

    Raises: TrunkSecretMissing: the variable isn't set, or the file can't be read or is empty.
    """
    if not trunk.secret:
        return ""
    kind, _, where = trunk.secret.partition(":")
    if kind == "env":
        text = os.environ.get(where, "")
    else:
        try:
            text = (project.root / Path(where)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TrunkSecretMissing(
                f"{trunk.position}: trunk {trunk.name}: {where}: {error}", "write the password there"
            ) from error
    if not text:
        raise TrunkSecretMissing(
            f"{trunk.position}: trunk {trunk.name}: {trunk.secret} holds nothing", "set it before applying"
        )
    return text
