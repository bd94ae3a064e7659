"""What isn't as it was applied: somebody has edited a node's files, its phones' rows or its switch."""

from __future__ import annotations

from pathlib import Path

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generation
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.parcel import Live, digest_on_disk
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.model.platform import Node
from orchestrator.project import Project
from orchestrator.rendering.render import (
    dialplan_file,
    digest_of,
    generation_global,
    mark_global,
    phones_file,
)


def drift_on_disk(project: Project, node: Node, live: Live) -> tuple[str, ...]:
    """Files and rows that aren't as they were applied: somebody has edited them."""
    if live.manifest is None or live.generation is None:
        return ()
    shared = [
        f"{path} was edited since generation {live.number}"
        for path in altered_shared(live.generation.path, live.manifest)
    ]
    tenants = [
        f"files of tenant {name} were edited since generation {live.number}" for name in sorted(live.altered)
    ]
    rows = PhoneRows(project.switch(node.name).phones)
    phones = [f"phone {endpoint} was edited in the phones' database" for endpoint in rows.altered()]
    return (*shared, *tenants, *phones)


async def drift_on_switch(live: Live, switch: AmiSwitch) -> tuple[str, ...]:
    """What the running switch has otherwise than it was applied, by its own marks."""
    if live.manifest is None:
        return ()
    seen = await switch.global_variables()
    shared = [
        f"the switch has another {path} than generation {live.number}"
        for path, mark in live.manifest.marks.items()
        if seen.get(mark_global(path)) != mark
    ]
    tenants = [
        f"the switch has another dialplan of tenant {name} than generation {live.number}"
        for name, part in live.manifest.tenants.items()
        if seen.get(generation_global(name)) != part.steps
    ]
    return (*shared, *tenants)


def altered_tenants(live: Generation | None, manifest: Manifest | None) -> frozenset[str]:
    """Tenants whose files in the live generation aren't what was written there."""
    if live is None or manifest is None:
        return frozenset()
    return frozenset(
        name for name, part in manifest.tenants.items() if part_digest(live.path, name) != part.digest
    )


def altered_shared(root: Path, manifest: Manifest) -> list[str]:
    """Files that all tenants share which in a generation's directory aren't what was written there."""
    return [path for path, digest in manifest.shared.items() if digest_on_disk(root / path) != digest]


def part_digest(root: Path, name: str) -> str:
    """Digest of a tenant's files in a generation's directory, as `rendering.TenantPart` has it."""
    contents = {}
    for path in (dialplan_file(name), phones_file(name)):
        try:
            with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123 - for each tenant, and Path takes longer
                contents[path] = file.read()
        except OSError:
            return ""
    return digest_of(contents)
