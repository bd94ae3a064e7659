"""Checks of numbers that are registered at other providers."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.checks.media import LISTENER
from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_external_numbers(file: Document[Tenant], platform: Platform) -> Iterator[Problem]:
    """Problems of a tenant's external numbers."""
    tenant = file.value
    known = {did.number for did in tenant.numbers}
    node = platform.nodes.get(tenant.node)
    for external in tenant.external_numbers:
        path = f"external_numbers.{external.number}"
        if external.number not in known:
            message = f"{quoted(external.number)} has no target: its calls would lead nowhere"
            hint = f'add to numbers: "{external.number}": {{employee: …}}'
            yield Problem(external.position, path, "external-without-target", message, hint)
        if node is not None and external.transport not in (*node.transports, ""):
            message = f"node {quoted(node.name)} has no `{external.transport}`"
            hint = f"add to the node ({node.position}): {LISTENER[external.transport]}"
            yield Problem(external.position, f"{path}.transport", "trunk-transport", message, hint)
