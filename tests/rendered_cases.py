"""The projects whose rendering is pinned, rendered with fixed secrets."""

from __future__ import annotations

from pathlib import Path

from orchestrator import definitions
from orchestrator.candidate import choose_node
from orchestrator.model.credential import DeviceCredential
from orchestrator.rendering.render import (
    DeviceKey,
    Rendered,
    SwitchSecrets,
    TlsFiles,
    device_keys,
    mailbox_keys,
    render,
)
from orchestrator.rendering.sources import share_directory

HERE = Path(__file__).parent / "golden" / "rendering"
EXAMPLES = Path(__file__).parents[1] / "examples"
CASES = {
    **{path.parent.name: path for path in sorted(HERE.glob("*/project"))},
    "examples": EXAMPLES,
    "routing": EXAMPLES / "routing",
}


def rendered(project: Path) -> Rendered:
    """A project rendered with made-up but fixed secrets."""
    loaded = definitions.load(project)
    node = choose_node(loaded, None)
    secrets = SwitchSecrets(
        systemname="s0123456789abcdef",
        ami={"listen": "secret-of-listen", "control": "secret-of-control"},
        devices={key: credential(key) for key in device_keys(loaded, node)},
        trunks={trunk.name: "secret-of-trunk" for trunk in loaded.trunks_of(node)},
        pins=dict.fromkeys(mailbox_keys(loaded, node), "secret-of-mailbox"),
        tls=None if node.tls is None else TlsFiles("/tls/a.pem", "/tls/a.key", node.tls.authorities),
    )
    return render(loaded, node, secrets, share_directory())


def credential(key: DeviceKey) -> DeviceCredential:
    return DeviceCredential(f"d-{'-'.join(key)}", f"secret-of-{'-'.join(key)}")
