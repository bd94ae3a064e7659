"""A tenant's definitions as its routing graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.model.number import is_e164
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Position
from orchestrator.model.tenant import Department, Did, Employee, Tenant
from orchestrator.routing.graph import (
    Action,
    Admit,
    Announce,
    Classify,
    DeviceRef,
    DialOut,
    Emergency,
    Entry,
    Graph,
    HangUp,
    MarkInternal,
    Origin,
    Record,
    RefuseClass,
    Ring,
    Step,
)

LOCAL = "local"
RECORDING = "recording"

BUSY, NO_ANSWER, UNAVAILABLE, REFUSED, FULL = "busy", "no_answer", "unavailable", "refused", "full"
CAUSES: Mapping[str, int] = {BUSY: 17, NO_ANSWER: 19, UNAVAILABLE: 20, REFUSED: 21, FULL: 17}
"""Q.850 cause of a call that ends with an outcome. Asterisk's answers: 17 486, 19 and 20 480, 21 403."""

_AREA_DIGITS = {"RU": ("+7", 3)}
_INSIDE: tuple[Origin, ...] = ("phone", "transfer")


def compile_tenant(definitions: Definitions, tenant: Tenant) -> Graph:
    """The tenant's graph. Step ids come from YAML paths, so they stay when something else changes."""
    compiler = _Compiler(definitions, tenant)
    steps = sorted(compiler.steps(), key=lambda step: step.id)
    entries = sorted(compiler.entries(), key=lambda entry: (entry.origin, entry.kind, entry.pattern))
    return Graph(tenant.name, tuple(entries), {step.id: step for step in steps})


def own_area(region: str, number: str) -> str:
    """The prefix that is `local` for a tenant with this number; empty where the region has none.

    >>> own_area("RU", "+74951112233")
    '+7495'
    """
    country, digits = _AREA_DIGITS.get(region, ("", 0))
    if not country or not number.startswith(country):
        return ""
    return number[: len(country) + digits]


def end_of(outcome: str) -> str:
    """The step that ends a call with an outcome's cause."""
    return f"end.{outcome}"


class _Compiler:
    def __init__(self, definitions: Definitions, tenant: Tenant) -> None:
        self._platform = definitions.platform
        self._tenant = tenant
        self._limit = definitions.line_limit(tenant)
        self._records = RECORDING in definitions.unlocked(tenant)

    def entries(self) -> Iterator[Entry]:
        tenant = self._tenant
        for did in tenant.numbers:
            yield Entry("trunk", "did", did.number, f"{_number_id(did)}.admit", did.position)
        for origin in _INSIDE:
            for number in self._platform.emergency:
                yield Entry(origin, "emergency", number, f"emergency.{number}", self._platform.position)
            yield Entry(origin, "outside", "", "outside.check", tenant.position)
        for extension, step, position in self._extensions():
            yield Entry("phone", "extension", extension, f"inside.{extension}", position)
            yield Entry("transfer", "extension", extension, step, position)

    def steps(self) -> Iterator[Step]:
        tenant = self._tenant
        for outcome, cause in CAUSES.items():
            yield Step(end_of(outcome), HangUp(cause), tenant.position)
        for extension, step, position in self._extensions():
            yield Step(f"inside.{extension}", MarkInternal(extension), position, {"done": step})
        for employee in tenant.employees:
            yield self._ring(
                _employee_id(employee.extension), [employee], employee.ring_timeout_s, employee.position
            )
        for department in tenant.departments:
            yield self._ring_department(department)
        for did in tenant.numbers:
            yield from self._inbound(did)
        for number in self._platform.emergency:
            action = Emergency(number, tenant.caller_id, tenant.trunk)
            yield Step(f"emergency.{number}", action, self._platform.position)
        yield from self._outside()

    def _extensions(self) -> Iterator[tuple[str, str, Position]]:
        """What can be dialled from inside: extension, step that rings it, where the YAML says so."""
        for employee in self._tenant.employees:
            yield employee.extension, _employee_id(employee.extension), employee.position
        for department in self._tenant.departments:
            if department.extension:
                yield department.extension, _department_id(department.name), department.position

    def _ring_department(self, department: Department) -> Step:
        by_extension = self._tenant.employees_by_extension()
        members = [by_extension[extension] for extension in department.members]
        return self._ring(
            _department_id(department.name), members, department.ring_timeout_s, department.position
        )

    def _ring(self, step: str, employees: list[Employee], timeout_s: int, position: Position) -> Step:
        devices = tuple(DeviceRef(e.extension, device.name) for e in employees for device in e.devices)
        outcomes = (BUSY, NO_ANSWER, UNAVAILABLE, REFUSED)
        return Step(step, Ring(devices, timeout_s), position, {o: end_of(o) for o in outcomes})

    def _inbound(self, did: Did) -> Iterator[Step]:
        """Admit, tell that the call is recorded, record, and on to where the number leads."""
        base = _number_id(did)
        chain: list[tuple[str, Action]] = [("admit", Admit(did.number, self._limit))]
        if self._records and self._tenant.recording.announce:
            chain.append(("announce", Announce(self._tenant.recording.announce)))
        if self._records:
            chain.append(("record", Record()))
        target = self._target(did)
        for index, (name, action) in enumerate(chain):
            after = f"{base}.{chain[index + 1][0]}" if index + 1 < len(chain) else target
            edges = {"admitted": after, FULL: end_of(FULL)} if isinstance(action, Admit) else {"done": after}
            yield Step(f"{base}.{name}", action, did.position, edges)
        if did.target.kind == "outside":
            yield self._dial_out(target, did.target.name, did.target.position)

    def _target(self, did: Did) -> str:
        name = did.target.name
        match did.target.kind:
            case "employee":
                return _employee_id(name)
            case "department":
                return _department_id(name)
            case _:
                return f"{_number_id(did)}.forward"

    def _outside(self) -> Iterator[Step]:
        """What a phone (or a transferred call) dials outside: check its class, then dial."""
        tenant = self._tenant
        check = Classify(own_area(self._platform.region, tenant.caller_id))
        edges = dict.fromkeys(sorted(tenant.dial_classes), "outside.dial")
        yield Step("outside.check", check, tenant.position, {**edges, "denied": "outside.denied"})
        yield Step("outside.denied", RefuseClass(), tenant.position)
        yield self._dial_out("outside.dial", "", tenant.position)

    def _dial_out(self, step: str, number: str, position: Position) -> Step:
        tenant = self._tenant
        assert not number or is_e164(number), number
        announce = tenant.recording.announce_outbound if self._records else ""
        action = DialOut(number, tenant.caller_id, tenant.trunk, self._limit, self._records, announce)
        return Step(step, action, position, {o: end_of(o) for o in (BUSY, NO_ANSWER)})


def _employee_id(extension: str) -> str:
    return f"employees.{extension}"


def _department_id(name: str) -> str:
    return f"departments.{name.replace('-', '_')}"


def _number_id(did: Did) -> str:
    return f"numbers.{did.number.removeprefix('+')}"
