"""A tenant's definitions as its routing graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.model.least_cost import LEAST_COST
from orchestrator.model.number import is_e164
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Position
from orchestrator.model.prompt import SILENCE
from orchestrator.model.recording import RECORDING
from orchestrator.model.tenant import Department, Did, Employee, Target, Tenant
from orchestrator.routing.by_name import name_step, spell_name
from orchestrator.routing.caller_id import caller_ids
from orchestrator.routing.departments import devices_of, distribute
from orchestrator.routing.graph import (
    BESIDE,
    DIAL_EXTENSION,
    Action,
    Admit,
    Announce,
    AskCaller,
    AskManager,
    AskSwitch,
    AskTime,
    Block,
    ChooseTrunk,
    Classify,
    DialOut,
    DialSip,
    Distribute,
    Emergency,
    Entry,
    Graph,
    Greet,
    HangUp,
    Listen,
    MarkInternal,
    Origin,
    PassOn,
    Record,
    RefuseClass,
    Ring,
    RingMobile,
    SetOwn,
    Step,
    TakeMessage,
    Turn,
)
from orchestrator.routing.hours import hour_table
from orchestrator.routing.least_cost import order_name
from orchestrator.routing.menus import DIALLED, dialled_step, menu_step, menu_steps
from orchestrator.routing.mobiles import mobile_entries, mobile_step, mobile_steps

LOCAL = "local"

BUSY, NO_ANSWER, UNAVAILABLE, REFUSED, FULL, FAILED, BARRED, NO_MONEY = (
    "busy",
    "no_answer",
    "unavailable",
    "refused",
    "full",
    "failed",
    "barred",
    "no_money",
)
CAUSES: Mapping[str, int] = {BUSY: 17, NO_ANSWER: 19, UNAVAILABLE: 20, REFUSED: 21, FULL: 17}
"""Q.850 cause of a call that ends with an outcome. Asterisk's answers: 17 486, 19 and 20 480, 21 403."""

_OVERFLOW_OF: Mapping[str, str] = {
    BUSY: "busy",
    REFUSED: "busy",
    NO_ANSWER: "no_answer",
    UNAVAILABLE: "unreachable",
}
"""What an outcome of ringing is called where an overflow is written."""

_AREA_DIGITS = {"RU": ("+7", 3)}
_INSIDE: tuple[Origin, ...] = ("phone", "transfer")


def compile_tenant(definitions: Definitions, tenant: Tenant) -> Graph:
    """The tenant's graph. Step ids come from YAML paths, so they stay when something else changes."""
    compiler = _Compiler(definitions, tenant)
    steps = sorted(compiler.steps(), key=lambda step: step.id)
    entries = sorted(compiler.entries(), key=lambda entry: (entry.origin, entry.kind, entry.pattern))
    asked = {step.action.schedule for step in steps if isinstance(step.action, AskTime)}
    hours = {each.name: hour_table(each, tenant.time_zone) for each in tenant.schedules if each.name in asked}
    by_id = {step.id: step for step in steps}
    return Graph(tenant.name, tuple(entries), by_id, hours, caller_ids(tenant))


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


def employee_step(extension: str) -> str:
    """The step that rings an employee."""
    return f"employees.{extension}"


def department_step(name: str) -> str:
    """The step that rings a department."""
    return f"departments.{name.replace('-', '_')}"


def mailbox_step(name: str) -> str:
    """The step that takes a message for a mailbox."""
    return f"mailboxes.{name.replace('-', '_')}"


def number_step(number: str) -> str:
    """What the ids of a number's steps begin with."""
    return f"numbers.{number.removeprefix('+')}"


class _Compiler:
    def __init__(self, definitions: Definitions, tenant: Tenant) -> None:
        self._platform = definitions.platform
        self._tenant = tenant
        self._limit = definitions.line_limit(tenant)
        by_cost = tenant.trunk_order == LEAST_COST and len(tenant.trunks) > 1
        self._costs = definitions.costs[tenant.trunks] if by_cost else None
        self._lists = {each.name: each for each in tenant.caller_lists}
        self._remembers = any(each.kind == "manager" for each in _targets(tenant))
        self._records = RECORDING in definitions.unlocked(tenant)
        self._spelled: set[str] = set()
        """Groups of people whose names are asked for somewhere."""

    def entries(self) -> Iterator[Entry]:
        tenant = self._tenant
        for did in tenant.numbers:
            first = "block" if tenant.block else "admit"
            yield Entry("trunk", "did", did.number, f"{number_step(did.number)}.{first}", did.position)
        for origin in _INSIDE:
            for number in self._platform.emergency:
                yield Entry(origin, "emergency", number, f"emergency.{number}", self._platform.position)
            yield Entry(origin, "outside", "", "outside.check", tenant.position)
        for extension, step, position in self._inside():
            yield Entry("phone", "extension", extension, f"inside.{extension}", position)
            yield Entry("transfer", "extension", extension, step, position)
        yield from mobile_entries(tenant)
        for code, coded in self._codes().items():
            yield Entry("phone", "code", code, coded.id, coded.position)

    def steps(self) -> Iterator[Step]:
        tenant = self._tenant
        for outcome, cause in CAUSES.items():
            yield Step(end_of(outcome), HangUp(cause), tenant.position)
        for extension, step, position in self._inside():
            yield Step(f"inside.{extension}", MarkInternal(extension), position, {"done": step})
        for employee in tenant.employees:
            yield from self._ring_employee(employee)
        for department in tenant.departments:
            yield from self._ring_department(department)
        for did in tenant.numbers:
            yield from self._inbound(did)
        for mailbox in tenant.mailboxes:
            take = TakeMessage(mailbox.name, mailbox.extension, mailbox.greeting)
            yield Step(mailbox_step(mailbox.name), take, mailbox.position)
        dialled = {extension: step for extension, step, _ in self._extensions()}
        yield from menu_steps(tenant, dialled, self._towards, end_of(NO_ANSWER))
        for group in sorted(self._spelled):
            asks = spell_name(tenant, group, tenant.language)
            then = {DIAL_EXTENSION: DIALLED, "none": end_of(NO_ANSWER)}
            yield Step(name_step(group), asks, tenant.position, then)
        if self._spelled or any(menu.dial_extension for menu in tenant.menus):
            yield dialled_step(tenant, dialled.items())
        yield from self._codes().values()
        for number in self._platform.emergency:
            for step, trunk, edges in self._by_trunk(f"emergency.{number}"):
                yield Step(step, Emergency(number, tenant.caller_id, trunk), self._platform.position, edges)
        yield from self._outside()
        yield from mobile_steps(
            *(tenant, self._dialled_by_mobile(), "outside.check", self._limit, self._records, end_of(FULL))
        )
        yield from self._to_mobiles()

    def _dialled_by_mobile(self) -> Mapping[str, str]:
        return {extension: step for extension, step, _ in self._inside()}

    def _to_mobiles(self) -> Iterator[Step]:
        """Calls to mobiles: admitted, recorded, and back to the operator who brought them."""
        trunks = self._mobile_trunks()
        for employee in self._tenant.employees:
            if not employee.mobile:
                continue
            base = mobile_step(employee.extension)
            chain = self._welcome(base, employee.position, f"{base}.dial")
            first = chain[0].id if chain else f"{base}.dial"
            admit = Admit(employee.mobile, self._limit, self._tenant.ringback)
            yield Step(f"{base}.admit", admit, employee.position, {"admitted": first, FULL: end_of(FULL)})
            yield from chain
            yield from self._dial_out(f"{base}.dial", employee.mobile, employee.position, trunks)

    def _inside(self) -> Iterator[tuple[str, str, Position]]:
        """What can be dialled from inside: extension, step, where the YAML says so."""
        yield from self._extensions()
        for menu in self._tenant.menus:
            if menu.extension:
                yield menu.extension, menu_step(menu.name), menu.position
        for mailbox in self._tenant.mailboxes:
            if not mailbox.is_personal:
                yield mailbox.extension, mailbox_step(mailbox.name), mailbox.position

    def _extensions(self) -> Iterator[tuple[str, str, Position]]:
        """Who has an extension: it, the step that rings them, where the YAML says so."""
        for employee in self._tenant.employees:
            yield employee.extension, employee_step(employee.extension), employee.position
        for department in self._tenant.departments:
            if department.extension:
                yield department.extension, department_step(department.name), department.position

    def _codes(self) -> Mapping[str, Step]:
        """The step that a code leads to."""
        tenant = self._tenant
        codes = tenant.feature_codes
        own: dict[str, Action] = {
            "log_in": SetOwn("logged_out", on=False),
            "log_out": SetOwn("logged_out", on=True),
            "dnd": SetOwn("dnd", on=True),
            "no_dnd": SetOwn("dnd", on=False),
            "messages": Listen(own=True),
            "mailbox": Listen(own=False),
        }
        where = codes.position if codes.position.file else tenant.position
        found = {code: Step(f"codes.{name}", own[name], where) for name, code in tenant.codes.items()}
        for switch in tenant.switches:
            step = f"switches.{switch.name.replace('-', '_')}"
            found[switch.code] = Step(step, Turn(switch.name), switch.position)
        return found

    def _ring_employee(self, employee: Employee) -> Iterator[Step]:
        ring = Ring(
            devices_of(employee),
            employee.ring_timeout_s,
            "employee",
            employee.extension,
            employee.ringback,
            self._remembers,
        )
        yield from self._ring(employee_step(employee.extension), ring, employee)

    def _ring_department(self, department: Department) -> Iterator[Step]:
        action = distribute(department, self._tenant, self._remembers)
        yield from self._ring(department_step(department.name), action, department)

    def _ring(self, step: str, ring: Ring | Distribute, called: Employee | Department) -> Iterator[Step]:
        """Ring phones, and pass the call on from there where the YAML says so."""
        cases = {each.when: each for each in called.overflow}
        edges: dict[str, str] = {}
        for outcome, when in _OVERFLOW_OF.items():
            case = cases.get(when, cases.get("any"))
            edges[outcome] = end_of(outcome) if case is None else f"{step}.{case.when}"
        beside = self._beside(step, called)
        yield Step(step, ring, called.position, edges | _leads_beside(beside))
        yield from beside
        for case in called.overflow:
            base = f"{step}.{case.when}"
            if base in edges.values():
                first, steps = self._towards(case.target, base)
                yield Step(base, PassOn(), case.position, {"done": first})
                yield from steps

    def _beside(self, step: str, called: Employee | Department) -> list[Step]:
        """What rings an employee's mobile beside the phones of a step; nothing where none does."""
        if not isinstance(called, Employee) or not called.mobile_rings:
            return []
        ring = RingMobile(
            called.extension,
            called.mobile,
            self._tenant.caller_id,
            self._mobile_trunks(),
            self._limit,
            self._records,
            self._remembers,
            self._tenant.account.controlled,
        )
        return [Step(f"{step}.mobile", ring, called.position)]

    def _mobile_trunks(self) -> tuple[str, ...]:
        return tuple(trunk.name for trunk in self._platform.trunks.values() if trunk.mobiles)

    def _inbound(self, did: Did) -> Iterator[Step]:
        """Admit, and on to where the number leads."""
        base = number_step(did.number)
        first, steps = self._towards(did.target, base, welcome=did.position)
        if did.greeting:
            greeting = Step(f"{base}.greeting", Greet(did.greeting), did.position, {"done": first})
            first, steps = greeting.id, [greeting, *steps]
        if self._tenant.block:
            lists = tuple(self._lists[name] for name in self._tenant.block)
            yield Step(f"{base}.block", Block(did.number, lists), did.position, {"done": f"{base}.admit"})
        admit = Admit(did.number, self._limit, did.ringback or self._tenant.ringback, self._tenant.language)
        yield Step(f"{base}.admit", admit, did.position, {"admitted": first, FULL: end_of(FULL)})
        yield from steps

    def _towards(
        self, target: Target, base: str, *, below: bool = False, welcome: Position | None = None
    ) -> tuple[str, list[Step]]:
        """The first step towards a target, and the steps of its own that it needs.

        Args: base: of their ids. below: the target is a choice's branch, and `base` the branch's own id.
        welcome: who arrives comes from outside by a number that is written there; None: it was welcomed.
        """
        if not target.branches:
            first, steps = self._leaf(target, base, below)
            if welcome is None or target.kind == "hangup":
                return first, steps
            chain = self._welcome(base, welcome, first)
            return (chain[0].id if chain else first), [*chain, *steps]
        if target.kind == "manager":
            return self._to_manager(target, base, below=below, welcome=welcome)
        edges: dict[str, str] = {}
        steps = []
        for branch, leads_to in target.branches:
            at = None if welcome is None else leads_to.position
            edges[branch], own = self._towards(leads_to, f"{base}.{branch}", below=True, welcome=at)
            steps += own
        first = base if below else f"{base}.{target.kind}"
        return first, [Step(first, self._asked(target), target.position, edges), *steps]

    def _to_manager(
        self, target: Target, base: str, *, below: bool, welcome: Position | None
    ) -> tuple[str, list[Step]]:
        """The employee who last spoke with the caller first; the call is welcomed before."""
        [(branch, reserve)] = target.branches
        instead, steps = self._towards(reserve, f"{base}.{branch}", below=True)
        first = base if below else f"{base}.{target.kind}"
        edges = {"none": instead}
        for employee in self._tenant.employees:
            step = edges[employee.extension] = f"{first}.{employee.extension}"
            ring = Ring(
                devices_of(employee),
                int(target.name or 5),
                "employee",
                employee.extension,
                employee.ringback,
                remember=True,
            )
            beside = self._beside(step, employee)
            then = dict.fromkeys(_OVERFLOW_OF, instead) | _leads_beside(beside)
            steps += [Step(step, ring, target.position, then), *beside]
        steps.append(Step(first, AskManager(), target.position, edges))
        chain = [] if welcome is None else self._welcome(base, welcome, first)
        return (chain[0].id if chain else first), [*chain, *steps]

    def _asked(self, target: Target) -> Action:
        """What a choice asks."""
        match target.kind:
            case "schedule":
                return AskTime(target.name)
            case "switch":
                return AskSwitch(target.name)
            case "caller_list":
                return AskCaller(self._lists[target.name])
            case _:
                raise AssertionError(target.kind)

    def _leaf(self, target: Target, base: str, below: bool) -> tuple[str, list[Step]]:
        match target.kind:
            case "employee":
                return employee_step(target.name), []
            case "department":
                return department_step(target.name), []
            case "menu":
                return menu_step(target.name), []
            case "voicemail":
                return mailbox_step(target.name), []
            case "by_name":
                self._spelled.add(target.name)
                return name_step(target.name), []
            case "hangup":
                step = base if below else f"{base}.hang_up"
                return step, [Step(step, HangUp(CAUSES[target.name]), target.position)]
            case "sip":
                step = base if below else f"{base}.sip"
                return step, [self._dial_sip(step, target)]
            case _:
                step = base if below else f"{base}.forward"
                return step, list(self._dial_number(step, target.name, target.position))

    def _welcome(self, base: str, position: Position, after: str) -> list[Step]:
        """Tell that the call is recorded, and record it."""
        chain: list[tuple[str, Action]] = []
        if self._records and self._tenant.recording.announce:
            chain.append((f"{base}.announce", Announce(self._tenant.recording.announce)))
        if self._records:
            chain.append((f"{base}.record", Record()))
        if not chain:
            return []
        following = [*(step for step, _ in chain[1:]), after]
        return [
            Step(step, action, position, {"done": then})
            for (step, action), then in zip(chain, following, strict=True)
        ]

    def _outside(self) -> Iterator[Step]:
        """What a phone (or a transferred call) dials outside: check its class, then dial."""
        tenant = self._tenant
        classes = self._platform.dial_classes
        check = Classify(own_area(self._platform.region, tenant.caller_id), classes)
        edges = dict.fromkeys(sorted(tenant.dial_classes), "outside.dial")
        yield Step("outside.check", check, tenant.position, {**edges, "denied": "outside.denied"})
        yield Step("outside.denied", RefuseClass(), tenant.position)
        yield from self._dial_number("outside.dial", "", tenant.position)

    def _dial_number(self, first: str, number: str, position: Position) -> Iterator[Step]:
        """Call a number: by the trunks as they are written, or the cheapest for it first.

        Args: number: E.164; empty: the one that is dialled.
        """
        costs = self._costs
        orders = () if costs is None else costs.distinct_of(number) if number else costs.distinct
        if costs is None or (number and len(orders) == 1):
            yield from self._dial_out(first, number, position, *orders)
            return
        names = {order_name(order): order for order in orders}
        base = f"{first}.by_cost" if number else "outside.by_cost"
        edges = {name: f"{base}.{name}" for name in names}
        yield Step(first, ChooseTrunk(costs, number), position, {**edges, "done": edges[min(edges)]})
        for name, order in names.items():
            yield from self._dial_out(edges[name], number, position, order)

    def _dial_out(
        self, first: str, number: str, position: Position, trunks: Sequence[str] = ()
    ) -> list[Step]:
        """Call a number outside: one step for each trunk. Args: trunks: in order; empty: the tenant's."""
        tenant = self._tenant
        assert not number or is_e164(number), number
        announce = tenant.recording.announce_outbound if self._records else SILENCE
        ends = {outcome: end_of(outcome) for outcome in (BUSY, NO_ANSWER)}
        steps: list[Step] = []
        for step, trunk, edges in self._by_trunk(first, trunks):
            action = DialOut(
                number,
                tenant.caller_id,
                trunk,
                self._limit,
                self._records,
                announce,
                self._remembers,
                tenant.account.controlled,
            )
            steps.append(Step(step, action, position, {**ends, **edges}))
        return steps

    def _dial_sip(self, step: str, target: Target) -> Step:
        tenant = self._tenant
        announce = tenant.recording.announce_outbound if self._records else SILENCE
        action = DialSip(target.name, tenant.caller_id, self._limit, self._records, announce)
        return Step(step, action, target.position, {each: end_of(each) for each in (BUSY, NO_ANSWER)})

    def _by_trunk(
        self, first: str, trunks: Sequence[str] = ()
    ) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """A step for each trunk, in order, and its edge to the next one. Args: first: id of the first."""
        trunks = trunks or self._tenant.trunks
        steps = [first, *(f"{first}.{trunk.replace('-', '_')}" for trunk in trunks[1:])]
        for index, (step, trunk) in enumerate(zip(steps, trunks, strict=True)):
            yield step, trunk, {FAILED: steps[index + 1]} if index + 1 < len(steps) else {}


def _leads_beside(steps: Sequence[Step]) -> dict[str, str]:
    """The edge to what rings beside."""
    return dict.fromkeys([BESIDE], steps[0].id) if steps else {}


def _targets(tenant: Tenant) -> Iterator[Target]:
    """Every target that the tenant's file writes, those inside others too."""
    ahead = [did.target for did in tenant.numbers]
    ahead += [case.target for employee in tenant.employees for case in employee.overflow]
    ahead += [case.target for department in tenant.departments for case in department.overflow]
    ahead += [target for menu in tenant.menus for _, target in menu.keys]
    ahead += [each for menu in tenant.menus for each in (menu.invalid, menu.timeout) if each is not None]
    while ahead:
        target = ahead.pop()
        yield target
        ahead += [branch for _, branch in target.branches]
