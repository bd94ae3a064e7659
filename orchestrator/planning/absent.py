"""Tenants that a switch has and whose file is gone: they stay until they are told to go. Pure.

Rule: docs/decisions.md, decision 14: a removed tenant file does nothing until `apply --disconnect TENANT`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import Definitions
from orchestrator.planning.facts import Facts


class DisconnectRefused(OrchestratorError):
    """`--disconnect` names a tenant whose file wants it active, or none that the switch has."""

    code = "disconnect-refused"


class NumberKept(OrchestratorError):
    """A file claims a number of a tenant that is kept though its own file is gone."""

    code = "number-kept"


def kept_tenants(
    held: Collection[str], definitions: Definitions, disconnect: Collection[str]
) -> tuple[str, ...]:
    """Those that stay as they are, by name.

    Args: held: tenants that the switch has. disconnect: of `--disconnect`.
    Raises: DisconnectRefused: a name of `disconnect` isn't one of a tenant that may go.
    """
    absent = sorted(set(held) - set(definitions.tenants))
    for name in disconnect:
        tenant = definitions.tenants.get(name)
        if tenant is not None and tenant.service == "active":
            raise DisconnectRefused(
                f"tenant {name} isn't disconnected: its file says that it is active",
                f"write `service: disconnected` in tenants/{name}.yaml, or remove that file",
            )
        if tenant is None and name not in absent:
            known = f"without a file are: {', '.join(absent)}" if absent else "every tenant has its file"
            raise DisconnectRefused(f"tenant {name} isn't on this switch", known)
    return tuple(name for name in absent if name not in disconnect)


def refuse_claimed(kept: Mapping[str, Facts], definitions: Definitions) -> None:
    """See that no file claims what a kept tenant has. Args: kept: facts by tenant. Raises: NumberKept."""
    holders = {number: name for name, facts in kept.items() for number in numbers_of(facts)}
    if not holders:
        return
    for tenant in definitions.tenants.values():
        for did in tenant.numbers:
            if did.number in holders:
                holder = holders[did.number]
                raise NumberKept(
                    f"{did.position}: {did.number} is a number of tenant {holder}, which stays on the switch "
                    f"though tenants/{holder}.yaml is gone",
                    f"vpbx apply --disconnect {holder}, or bring its file back",
                )


def numbers_of(facts: Facts) -> tuple[str, ...]:
    """External numbers of a tenant.

    >>> numbers_of({"numbers/+74951112233/target": "employee 101", "lines": "14"})
    ('+74951112233',)
    """
    return tuple(path.split("/")[1] for path in facts if path.startswith("numbers/"))
