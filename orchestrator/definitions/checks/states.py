"""Checks of a tenant's feature codes: each does one thing."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant

_Path = tuple[str | int, ...]


def check_codes(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of one tenant's codes. An extension has no star: none can be shadowed."""
    first: dict[str, _Path] = {}
    for code, where in _codes(file.value):
        if code in first:
            message = f"code {quoted(code)} {_does(first[code])} already"
            hint = "take another code; that of `feature_codes` may be `none`"
            yield file.problem(where, "code-clash", message, hint)
        first.setdefault(code, where)


def _codes(tenant: Tenant) -> Iterator[tuple[str, _Path]]:
    for name, code in tenant.codes.items():
        yield code, ("feature_codes", name)
    for switch in tenant.switches:
        if switch.code:
            yield switch.code, ("switches", switch.name, "code")


def _does(path: _Path) -> str:
    what = str(path[1])
    return f"turns switch {quoted(what)}" if path[0] == "switches" else f"is for {what.replace('_', ' ')}"
