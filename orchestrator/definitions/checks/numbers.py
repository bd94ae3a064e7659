"""Checks of external numbers, within a tenant and across all of them. Rule: decision 15."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.definitions.checks.caller_ids import check_caller_ids
from orchestrator.definitions.checks.circles import check_circles
from orchestrator.definitions.checks.mobiles import check_mobiles
from orchestrator.definitions.document import Document, is_empty
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Did, Tenant


def check_numbers(
    tenants: Mapping[str, Document[Tenant]], platform: Document[PlatformFile] | None
) -> Iterator[Problem]:
    """Problems with numbers. Args: tenants: all of them, in sorted order."""
    owners: dict[str, Did] = {}
    for file in tenants.values():
        yield from _check_clashes(file, owners)
        yield from _check_no_caller_id(file)
    for file in tenants.values():
        yield from check_caller_ids(file, owners)
    yield from check_mobiles(list(tenants.values()), owners, platform)
    yield from check_circles([file.value for file in tenants.values()], owners)


def _check_clashes(file: Document[Tenant], owners: dict[str, Did]) -> Iterator[Problem]:
    for did in file.value.numbers:
        first = owners.setdefault(did.number, did)
        if first is not did:
            message = f"number {quoted(did.number)} belongs to another tenant already ({first.position})"
            hint = "a number rings one tenant: delete it in one of the two files"
            yield Problem(did.position, f"numbers.{did.number}", "number-clash", message, hint)


def _check_no_caller_id(file: Document[Tenant]) -> Iterator[Problem]:
    if file.value.caller_id or file.has("caller_id"):
        return
    own = [did.number for did in file.value.numbers]
    if len(own) > 1:
        message = "a tenant with several numbers needs `caller_id`: which of them is shown outside"
        yield file.problem(("caller_id",), "missing-key", message, f'caller_id: "{own[0]}"')
    elif not own and file.value.dial_classes and is_empty(file.node("numbers")):
        message = "a tenant without numbers has nothing to show outside (decision 15)"
        hint = "give it a number, or forbid calls outside: outgoing: {allow: []}"
        yield file.problem(("numbers",), "caller-id-missing", message, hint)
