"""Checks of corporate mobiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.definitions.document import Document
from orchestrator.definitions.platform_file import PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tenant import Did, Tenant


def check_mobiles(
    files: Sequence[Document[Tenant]], owners: Mapping[str, Did], platform: Document[PlatformFile] | None
) -> Iterator[Problem]:
    """Problems of employees' mobiles. Args: files: of all tenants. owners: every number of the platform."""
    taken: dict[str, Position] = {number: did.position for number, did in owners.items()}
    trunks = () if platform is None else platform.value.platform.trunks.values()
    carried = platform is None or any(trunk.mobiles for trunk in trunks)
    for file in files:
        for index, employee in enumerate(file.value.employees):
            if not employee.mobile:
                if employee.mobile_rings:
                    message = "an employee without a mobile has none that rings"
                    place = ("employees", index, "mobile_rings")
                    yield file.problem(place, "rings-without-mobile", message, 'mobile: "+79161112233"')
                continue
            where = ("employees", index, "mobile")
            if employee.mobile in taken:
                message = f"{quoted(employee.mobile)} is somebody's number already ({taken[employee.mobile]})"
                yield file.problem(where, "mobile-clash", message, "a mobile belongs to one employee")
            elif not carried:
                message = "no trunk carries corporate mobiles: its calls would never come here"
                hint = "mark the operator's trunk in platform.yaml: mobiles: true"
                yield file.problem(where, "mobile-without-trunk", message, hint)
            taken.setdefault(employee.mobile, employee.position)
