"""An operator's project as a candidate configuration: definitions and secrets together, rendered."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.certificates import tls_files, tls_files_masked, tls_files_to_plan
from orchestrator.errors import OrchestratorError
from orchestrator.model.balance_warning import LowBalance
from orchestrator.model.credential import DeviceCredential
from orchestrator.model.platform import Definitions, Node, RecordingStore, Smtp, Trunk
from orchestrator.object_store import StoreKeys
from orchestrator.project import Project
from orchestrator.rendering.render import Rendered, SwitchSecrets, device_keys, mailbox_keys, render
from orchestrator.rendering.sources import share_directory
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN, Secrets

MASKED = "masked"


class WrittenSecretMissing(OrchestratorError):
    """The place that a `secret:` in YAML names holds nothing."""

    code = "secret-missing"


class TrunkSecretMissing(WrittenSecretMissing):
    """That of a trunk."""

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


def secrets_to_apply(project: Project, definitions: Definitions, node: Node) -> SwitchSecrets:
    """What a switch is given. Secrets that don't exist yet are made up and kept.

    Raises: TrunkSecretMissing, SecretsUnreadable, CertificateUnusable.
    """
    kept = Secrets.open(project.secrets_file)
    return SwitchSecrets(
        systemname=kept.systemname(node.name),
        ami={user: kept.ami(node.name, user) for user in (AMI_LISTEN, AMI_CONTROL)},
        devices=kept.devices(device_keys(definitions, node)),
        trunks=_trunk_secrets(project, definitions, node),
        pins=kept.pins(mailbox_keys(definitions, node)),
        tls=tls_files(project, node, datetime.now(UTC)),
    )


def secrets_to_plan(project: Project, definitions: Definitions, node: Node) -> SwitchSecrets:
    """The same with nothing made up and nothing written: what doesn't exist yet has a stand-in.

    Raises: TrunkSecretMissing, SecretsUnreadable, CertificateUnusable.
    """
    kept = Secrets.open(project.secrets_file)
    devices = {}
    for key in device_keys(definitions, node):
        devices[key] = kept.known_device(*key) or DeviceCredential(f"new-{'-'.join(key)}", MASKED)
    return SwitchSecrets(
        systemname=kept.known_systemname(node.name) or MASKED,
        ami={user: kept.known_ami(node.name, user) or MASKED for user in (AMI_LISTEN, AMI_CONTROL)},
        devices=devices,
        trunks=_trunk_secrets(project, definitions, node),
        pins={key: kept.known_pin(*key) or MASKED for key in mailbox_keys(definitions, node)},
        tls=tls_files_to_plan(project, node, datetime.now(UTC)),
    )


def _trunk_secrets(project: Project, definitions: Definitions, node: Node) -> dict[str, str]:
    return {trunk.name: trunk_secret(project, trunk) for trunk in definitions.trunks_of(node)}


def rendered_for_reading(project: Project, definitions: Definitions, node: Node) -> Rendered:
    """The same with every secret masked and nothing made up: a device never applied has no id yet."""
    return render(definitions, node, masked_secrets(project, definitions, node), share_directory())


def masked_secrets(project: Project, definitions: Definitions, node: Node) -> SwitchSecrets:
    """What stands for secrets where people read a rendering; endpoint ids that exist are the real ones."""
    kept = Secrets.open(project.secrets_file)
    devices = {}
    for key in device_keys(definitions, node):
        known = kept.known_device(*key)
        devices[key] = DeviceCredential(known.endpoint if known else f"new-{'-'.join(key)}", MASKED)
    return SwitchSecrets(
        systemname=MASKED,
        ami={AMI_LISTEN: MASKED, AMI_CONTROL: MASKED},
        devices=devices,
        trunks={trunk.name: MASKED for trunk in definitions.trunks_of(node)},
        pins=dict.fromkeys(mailbox_keys(definitions, node), MASKED),
        tls=tls_files_masked(project, node, MASKED),
    )


def trunk_secret(project: Project, trunk: Trunk) -> str:
    """The password that a trunk's `secret:` refers to; empty when it has none.

    Raises: TrunkSecretMissing: the variable isn't set, or the file can't be read or is empty.
    """
    return _written_secret(project, trunk.secret, f"{trunk.position}: trunk {trunk.name}", TrunkSecretMissing)


def smtp_secret(project: Project, smtp: Smtp) -> str:
    """The password that `smtp:` refers to; empty when it has none.

    Raises: WrittenSecretMissing: as `trunk_secret`.
    """
    return _written_secret(project, smtp.secret, f"{smtp.position}: smtp", WrittenSecretMissing)


def webhook_key(project: Project, terms: LowBalance) -> str:
    """What posts to a tenant's webhook are signed with. Raises: WrittenSecretMissing."""
    return _written_secret(project, terms.secret, f"{terms.position}: low_balance", WrittenSecretMissing)


def store_keys(project: Project, store: RecordingStore) -> StoreKeys:
    """The credentials that the store of recordings refers to. Raises: WrittenSecretMissing."""
    whose = f"{store.position}: storage.recordings"
    return StoreKeys(
        _written_secret(project, store.key, whose, WrittenSecretMissing),
        _written_secret(project, store.secret, whose, WrittenSecretMissing),
    )


def _written_secret(project: Project, secret: str, whose: str, missing: type[WrittenSecretMissing]) -> str:
    """Args: secret: `env:NAME` or `file:PATH`; empty: none."""
    if not secret:
        return ""
    kind, _, where = secret.partition(":")
    if kind == "env":
        text = os.environ.get(where, "")
    else:
        try:
            text = (project.root / Path(where)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise missing(f"{whose}: {where}: {error}", "write the password there") from error
    if not text:
        raise missing(f"{whose}: {secret} holds nothing", "set it before applying")
    return text
