"""Checks of a tenant's caller lists."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_caller_lists(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of one tenant's lists, and of whom it refuses."""
    tenant = file.value
    lists = {each.name: each for each in tenant.caller_lists}
    for each in lists.values():
        written = file.node("caller_lists", each.name, "numbers") is not None
        if not (each.numbers or each.prefixes or each.anonymous or written):
            message = f"nobody is in caller list {quoted(each.name)}"
            hint = 'name its callers: numbers: ["+79035556677"], or anonymous: true'
            yield file.problem(("caller_lists", each.name), "list-empty", message, hint)
    own = sorted(did.number for did in tenant.numbers)
    for name in filter(None, tenant.block):
        where = file.item("block", text=name)
        if name not in lists:
            message = f"there is no caller list {quoted(name)}"
            yield file.problem(where, "unknown-list", message, did_you_mean(name, lists))
            continue
        blocked = next((number for number in own if number and lists[name].has(number)), "")
        if blocked:
            message = f"list {quoted(name)} has the tenant's own number {blocked}: its own calls are refused"
            yield file.problem(where, "block-own-number", message, "take it out of the list")
