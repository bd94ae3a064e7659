"""Checks of the trunks that tenants' calls leave by."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant

_BOTH = "`trunk` and `trunks`: one of them says where calls leave"
_DELETE = "delete `trunk`"


def check_tenant_trunks(file: Document[Tenant], platform: Platform) -> Iterator[Problem]:
    """Problems of a tenant's trunks."""
    if file.has("trunk") and file.has("trunks"):
        yield file.problem(("trunk",), "trunk-twice", _BOTH, _DELETE)
    elif file.has("trunk") or file.has("trunks"):
        for name in file.value.trunks:
            if name and name not in platform.trunks:
                where = ("trunk",) if file.has("trunk") else file.item("trunks", text=name)
                yield file.problem(where, "unknown-trunk", *_unknown(name, platform))
    elif not file.value.trunks:
        message = "a tenant needs the field 'trunk': the platform has no default for it"
        yield file.problem(("trunk",), "missing-key", message, did_you_mean("", platform.trunks))


def check_default_trunks(file: Document[PlatformFile]) -> Iterator[Problem]:
    """Problems of the trunks of tenants that name none."""
    several = file.node("defaults", "trunks") is not None
    if several and file.node("defaults", "trunk") is not None:
        yield file.problem(("defaults", "trunk"), "trunk-twice", _BOTH, _DELETE)
    for name in file.value.defaults.trunks:
        if name not in file.value.platform.trunks:
            where = file.item("defaults", "trunks", text=name) if several else ("defaults", "trunk")
            yield file.problem(where, "unknown-trunk", *_unknown(name, file.value.platform))


def _unknown(name: str, platform: Platform) -> tuple[str, str]:
    return f"there is no trunk {quoted(name)}", did_you_mean(name, platform.trunks)
