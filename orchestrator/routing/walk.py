"""Where a call goes, before it happens: the graph walked step by step, as the switch will.

Time and everything else that a step asks are arguments. Who is called answers, unless it is said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from orchestrator.model.caller_list import CallerList
from orchestrator.model.number import is_e164, to_e164
from orchestrator.model.platform import DialClass
from orchestrator.model.problem import Position
from orchestrator.model.state import IN, OFF, ON, OUT
from orchestrator.routing.by_name import LETTERS
from orchestrator.routing.compile import (
    BARRED,
    BUSY,
    FAILED,
    FULL,
    NO_ANSWER,
    NO_MONEY,
    REFUSED,
    UNAVAILABLE,
    end_of,
)
from orchestrator.routing.days_off import days_off
from orchestrator.routing.departments import distributed
from orchestrator.routing.graph import (
    BESIDE,
    DIAL_EXTENSION,
    MOST_PASSES,
    Admit,
    AdmitMobile,
    AskCaller,
    AskManager,
    AskSwitch,
    AskTime,
    Block,
    ChooseTrunk,
    Classify,
    Dialled,
    DialOut,
    DialSip,
    Distribute,
    Emergency,
    Entry,
    EntryKind,
    Graph,
    HangUp,
    Listen,
    Origin,
    PassOn,
    PlayMenu,
    RefuseClass,
    Ring,
    RingMobile,
    SetOwn,
    SpellName,
    Step,
    TakeMessage,
    Turn,
)
from orchestrator.routing.hours import DAY_OFF, Opening, opening
from orchestrator.routing.least_cost import order_name
from orchestrator.routing.menus import INVALID, TIMEOUT, key_outcome

LISTED, OTHERS, BLOCKED, MESSAGE = "listed", "others", "blocked", "message"
ANSWERED, DONE, ENDED, ROUND = "answered", "done", "ended", "passed on too often"
_BESIDE_AS = {FULL: BUSY, FAILED: UNAVAILABLE, BARRED: REFUSED, NO_MONEY: REFUSED}
"""What phones' ringing takes it for that a mobile can't be rung."""

_NAME_TRIES = 3
_ABROAD = ("00", "810")
_INSIDE: tuple[EntryKind, ...] = ("emergency", "extension", "code")
_NUMBERING = {"RU": "+7"}


@dataclass(frozen=True, slots=True)
class Situation:
    """What a walk goes by.

    Args: at: with a zone. lines_in_use: before this call. told: what happens with who is called, by
    extension, department's name, E.164 number or SIP address: `busy`, `refused`, `no_answer` or
    `unavailable`. dialled: E.164, of a call to outside. switches: names of the tenant's switches that are
    on. caller: extension of the phone that calls; empty: a trunk. dead: trunks that take no call.
    extension: that a mobile dialled. on_switch: numbers that are called without a trunk. pressed: what
    the caller presses, each time a menu asks; empty: nothing, and so after the last of them. outside: who
    calls from outside, E.164; empty: withheld; None: the call is from inside. manager: extension of who
    last spoke with who calls from outside; empty: nobody. waiting: callers who wait already, by department.
    ported: codes of who has a number, by E.164.
    dnd: extensions of who isn't to be disturbed. barred: ways in which a debt bars calls with outside.
    no_money: whether the tenant's account pays for no call. paid_s: for how long it does at first, by number
    called; of any other for as long as it likes.
    """

    at: datetime
    lines_in_use: int = 0
    told: Mapping[str, str] = field(default_factory=dict)
    dialled: str = ""
    switches: frozenset[str] = frozenset()
    caller: str = ""
    dead: frozenset[str] = frozenset()
    on_switch: frozenset[str] = frozenset()
    extension: str = ""
    pressed: tuple[str, ...] = ()
    outside: str | None = None
    manager: str = ""
    waiting: Mapping[str, int] = field(default_factory=dict)
    ported: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dnd: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    no_money: bool = False
    paid_s: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that the call passes.

    Args: outcome: the edge it leaves by, or how it ends here. position, below: the YAML that decided: a
    place, and the field of the record there. opening: what a schedule said. number: called outside, E.164.
    shown: what it is shown, E.164. pressed: in a menu, all that was. place: in a department's queue, from 1;
    0: it doesn't wait. code: of the operator that the number was ported to, where that decides. paid_s: how
    long it may last at first, where the account bounds it.
    """

    step: Step
    outcome: str
    position: Position
    below: tuple[str, ...] = ()
    opening: Opening | None = None
    number: str = ""
    shown: str = ""
    pressed: tuple[str, ...] = ()
    place: int = 0
    code: str = ""
    paid_s: int | None = None

    @property
    def beside(self) -> bool:
        """Whether it only rings with the step before, which says how the call goes on."""
        return isinstance(self.step.action, RingMobile)


def find_entry(graph: Graph, origin: Origin, dialled: str, region: str) -> tuple[Entry, str] | None:
    """Where a call enters the graph, and the number to call outside; None: nothing has what was dialled.

    Args: origin: who calls. dialled: as a phone or an operator sends it. Rule: as the contexts of
    `dialplans/asterisk/dialled.conf`: emergency numbers first, then extensions, then outside.
    """
    by_kind = {(entry.kind, entry.pattern): entry for entry in graph.entries if entry.origin == origin}
    number = to_e164(dialled, region)
    if origin == "trunk":
        known = by_kind.get(("did", number or "")) or by_kind.get(("mobile", number or ""))
        found = None if dialled.startswith(_ABROAD) else known
        return None if found is None else (found, "")
    inside = next((by_kind[kind, dialled] for kind in _INSIDE if (kind, dialled) in by_kind), None)
    if inside is not None:
        return inside, ""
    outside = by_kind.get(("outside", ""))
    if outside is None or number is None or not _is_dialled(dialled, number, region):
        return None
    return outside, number


def find_mobile(graph: Graph, caller: str, dialled: str, region: str) -> tuple[Entry, str, str] | None:
    """Where a call of a mobile enters, and the number outside or the extension that it dialled.

    Args: caller: E.164. Returns: None: it is no mobile's, or nothing has what was dialled.
    """
    entry = next((each for each in graph.entries if (each.origin, each.pattern) == ("mobile", caller)), None)
    found = find_entry(graph, "transfer", dialled, region)
    if entry is None or found is None or found[0].kind == "emergency":
        return None
    return entry, found[1], found[0].pattern if found[0].kind == "extension" else ""


def walk(graph: Graph, entry: Entry, situation: Situation) -> tuple[Passed, ...]:
    """Every step that a call passes, in order. The last one says how it ends."""
    dialled = ""
    if entry.origin == "mobile":
        dialled = situation.extension or "outside"
    return tuple(_placed(_Walk(graph, situation, dialled=dialled).steps(entry.step)))


def last_of(passed: Sequence[Passed]) -> int:
    """Which step of a walk says how the call ends."""
    return max(index for index, each in enumerate(passed) if not each.beside)


def reached(last: Passed) -> tuple[str, str]:
    """Whom a call reaches, by its last step: a kind, and a name or nothing. Rule: `model.expectation`."""
    match last.step.action:
        case Ring(kind=kind, name=name) if last.outcome == ANSWERED:
            return kind, name
        case Distribute(name=name) if last.outcome == ANSWERED:
            return "department", name
        case DialOut() if last.outcome == ANSWERED:
            return "outside", last.number
        case DialSip(address=address) if last.outcome == ANSWERED:
            return "sip", address
        case Emergency(number=number) if last.outcome == ANSWERED:
            return "emergency", number
        case TakeMessage(name=name):
            return "voicemail", name
        case Turn() | SetOwn() | Listen():
            return "code", last.step.id
        case _:
            return "refused", ""


def dial_class(number: str, area: str, classes: tuple[DialClass, ...]) -> str:
    """The class of a number: `local` in the own area, else that of the longest prefix, or `unknown`.

    Args: area: E.164 prefix; empty: none.
    """
    if area and number.startswith(area):
        return "local"
    matching = [
        (len(prefix), each.name) for each in classes for prefix in each.prefixes if number.startswith(prefix)
    ]
    return max(matching)[1] if matching else "unknown"


@dataclass(slots=True)
class _Walk:
    """One call.

    Args: lines: in use, its own included. passes: how often it was passed on. asked: how often menus have
    asked. dialled: extension, in a menu.
    """

    graph: Graph
    situation: Situation
    lines: int = 0
    passes: int = 0
    asked: int = 0
    dialled: str = ""

    def steps(self, first: str) -> Iterator[Passed]:
        self.lines = self.situation.lines_in_use
        here: str | None = first
        while here is not None:
            step = self.graph.steps[here]
            beside = self._beside(step)
            passed = self._pass(step, beside)
            yield passed
            yield from beside
            here = passed.step.edges.get(passed.outcome)

    def _beside(self, step: Step) -> list[Passed]:
        """The mobile that rings with a step's phones. Its line is free again where the call goes on."""
        beside = self.graph.steps.get(step.edges.get(BESIDE, ""))
        if beside is None or not isinstance(beside.action, RingMobile) or self._is_undisturbed(step):
            return []
        number = beside.action.number
        fails = self.situation.dead.issuperset(beside.action.trunks)
        outcome = self._leaves(number, beside.action.limit, beside.action.bounded, fails)
        shown = self.graph.caller_ids.shown(beside.action.extension, number)
        return [Passed(beside, outcome, beside.position, number=number, shown=shown)]

    def _pass(self, step: Step, beside: Sequence[Passed] = ()) -> Passed:
        passed = Passed(step, DONE, step.position)
        match step.action:
            case Admit() | AdmitMobile():
                if IN in self.situation.barred:
                    return self._refused(passed, BARRED)
                if not self._takes_line(step.action.limit):
                    return self._refused(passed, FULL)
                admitted = "admitted" if isinstance(step.action, Admit) else self.dialled
                return replace(passed, outcome=admitted)
            case AskTime():
                return self._asked(passed, step.action)
            case AskSwitch():
                return replace(passed, outcome=ON if step.action.switch in self.situation.switches else OFF)
            case AskCaller():
                return replace(passed, outcome=LISTED if self._is_in(step.action.callers) else OTHERS)
            case AskManager():
                known = self.situation.outside and self.situation.manager in step.edges
                return replace(passed, outcome=self.situation.manager if known else "none")
            case Block():
                blocked = any(self._is_in(each) for each in step.action.lists)
                return replace(passed, outcome=BLOCKED if blocked else DONE, below=("block",))
            case Turn():
                return replace(passed, outcome=OFF if step.action.switch in self.situation.switches else ON)
            case PlayMenu():
                return self._chosen(passed, step.action)
            case SpellName():
                return self._named(passed, step.action)
            case Dialled():
                return replace(passed, outcome=self.dialled)
            case Ring():
                outcome = BUSY if self._is_undisturbed(step) else self._rung(step.action, beside)
                return replace(passed, outcome=outcome)
            case Distribute():
                told = {**self.situation.told, **dict.fromkeys(self.situation.dnd, UNAVAILABLE)}
                if self.situation.caller:
                    told = {**told, self.situation.caller: BUSY}  # who calls is passed over
                return self._distributed(passed, step.action, told)
            case TakeMessage():
                return replace(passed, outcome=MESSAGE)
            case PassOn():
                self.passes += 1
                return replace(passed, outcome=DONE if self.passes <= MOST_PASSES else ROUND)
            case Classify():
                found = dial_class(self.situation.dialled, step.action.area, step.action.classes)
                outcome = found if found in step.edges else "denied"
                return replace(passed, outcome=outcome, below=("outgoing", "allow"))
            case ChooseTrunk(costs=costs):
                number = step.action.number or self.situation.dialled
                code = costs.code_of(self.situation.ported.get(number, ()))
                order = order_name(costs.order_of(number, code))
                return replace(passed, outcome=order, below=("trunk_order",), number=number, code=code)
            case DialOut():
                number = step.action.number or self.situation.dialled
                fails = step.action.trunk in self.situation.dead and number not in self.situation.on_switch
                outcome = self._leaves(number, step.action.limit, step.action.bounded, fails)
                shown = self.graph.caller_ids.shown(self.situation.caller, number)
                paid_s = self.situation.paid_s.get(number) if step.action.bounded else None
                return self._left(replace(passed, number=number, shown=shown, paid_s=paid_s), outcome)
            case DialSip(address=address, limit=limit):
                shown = step.action.caller_id
                return self._left(replace(passed, shown=shown), self._leaves(address, limit))
            case Emergency():
                return replace(
                    passed, outcome=FAILED if step.action.trunk in self.situation.dead else ANSWERED
                )
            case RefuseClass() | HangUp():
                return replace(passed, outcome=ENDED)
            case _:
                return passed

    def _is_undisturbed(self, step: Step) -> bool:
        """Whether a step's phones don't ring, as whose they are isn't to be disturbed. Rule: `vpbx-ring`."""
        return isinstance(step.action, Ring) and step.action.name in self.situation.dnd

    def _is_in(self, callers: CallerList) -> bool:
        """Whether the caller is in a list: who calls inside isn't."""
        return self.situation.outside is not None and callers.has(self.situation.outside)

    def _leaves(self, to: str, limit: int, bounded: bool = False, fails: bool = False) -> str:
        """What becomes of a call to outside. Args: fails: the trunk does. Rule: `vpbx-outbound-leg`."""
        if OUT in self.situation.barred:
            return BARRED
        if self.lines >= limit:
            return FULL
        if fails:
            return FAILED
        if bounded and (self.situation.no_money or self.situation.paid_s.get(to) == 0):
            return NO_MONEY
        return self.situation.told.get(to, ANSWERED)

    def _left(self, passed: Passed, outcome: str) -> Passed:
        """A call to outside, which holds a line unless it was refused one."""
        if outcome in _BESIDE_AS:
            return self._refused(passed, outcome)
        self.lines += 1
        return replace(passed, outcome=outcome)

    def _refused(self, passed: Passed, outcome: str) -> Passed:
        """A call that the tenant's own means refuse, with where its YAML says so."""
        below = {FULL: ("lines",), BARRED: ("account", "on_debt"), NO_MONEY: ("account",)}.get(outcome)
        if below is None:
            return replace(passed, outcome=outcome)
        return replace(passed, outcome=outcome, position=self.graph.steps[end_of(FULL)].position, below=below)

    def _takes_line(self, limit: int) -> bool:
        """Rule: decisions 1 and 2."""
        if self.lines >= limit:
            return False
        self.lines += 1
        return True

    def _asked(self, passed: Passed, ask: AskTime) -> Passed:
        table = self.graph.hours[ask.schedule]
        found = opening(table, self.situation.at, days_off(table.calendar))
        outcome = "open" if found.is_open else "closed"
        below = ("holidays",) if found.rule == DAY_OFF else ()
        return replace(passed, outcome=outcome, position=found.position, below=below, opening=found)

    def _chosen(self, passed: Passed, menu: PlayMenu) -> Passed:
        """What a caller chooses in a menu. Rule: `vpbx-menu`."""
        pressed: list[str] = []
        below: tuple[str, ...] = ()
        outcome = TIMEOUT
        for _ in range(menu.tries):
            said = self._pressed()
            key = said[: menu.longest] if said[:1] in menu.more else said[:1]
            pressed.append(key)
            if key in menu.keys:
                outcome, below = key_outcome(key), ("digits", key)
                break
            if key in menu.extensions:
                self.dialled, outcome, below = key, DIAL_EXTENSION, ("dial_extension",)
                break
            outcome = INVALID if key else TIMEOUT
            below = (outcome, "target")
        return replace(passed, outcome=outcome, below=below, pressed=tuple(pressed))

    def _named(self, passed: Passed, asks: SpellName) -> Passed:
        """Whom a caller takes of those that a name offers. Rule: `vpbx-spell-name`."""
        pressed: list[str] = []
        for _ in range(_NAME_TRIES):
            pressed.append(self._pressed()[:LETTERS])
            for extension in asks.named(pressed[-1]):
                pressed.append(self._pressed()[:1])
                if pressed[-1] == "1":
                    self.dialled = extension
                    return replace(passed, outcome=DIAL_EXTENSION, pressed=tuple(pressed))
        return replace(passed, outcome="none", pressed=tuple(pressed))

    def _pressed(self) -> str:
        """What the caller presses now; empty: nothing."""
        self.asked += 1
        return next(iter(self.situation.pressed[self.asked - 1 :]), "")

    def _distributed(self, passed: Passed, department: Distribute, told: Mapping[str, str]) -> Passed:
        """What ringing a department gives: where its members are busy to the end, the caller waits in vain.

        Rule: `vpbx-waiting`.
        """
        outcome = distributed(department, told)
        others = (each.extension for each in department.members if each.extension != self.situation.caller)
        awaited = any(told.get(each) == BUSY for each in others)
        if outcome != BUSY or department.waits is None or department.name in told or not awaited:
            return replace(passed, outcome=outcome)
        place = self.situation.waiting.get(department.name, 0) + 1
        if place > department.waits.most:
            return replace(passed, below=("waiting", "most"), outcome=BUSY)
        return replace(passed, below=("waiting", "longest_s"), outcome=NO_ANSWER, place=place)

    def _rung(self, ring: Ring, beside: Sequence[Passed]) -> str:
        """What ringing gives: what was told of it, or else of all whose phones ring. Rule: `vpbx-ring`."""
        told = self.situation.told
        phones = [told.get(device.extension, ANSWERED) for device in ring.devices]
        outcomes = {told[ring.name]} if ring.name in told else set(phones)
        outcomes |= {_BESIDE_AS.get(each.outcome, each.outcome) for each in beside}
        for outcome in (ANSWERED, NO_ANSWER, BUSY, REFUSED, UNAVAILABLE):
            if outcome in outcomes:
                return outcome
        return ANSWERED


def _placed(passed: Iterator[Passed]) -> Iterator[Passed]:
    """The end that every tenant has was decided by what led there."""
    found = list(passed)
    yield from found[:1]
    for before, here in pairwise(found):
        shared_end = isinstance(here.step.action, HangUp) and here.step.id.startswith("end.")
        yield replace(here, position=before.position, below=before.below) if shared_end else here


def _is_dialled(dialled: str, number: str, region: str) -> bool:
    """Whether phones can dial it so: short forms are of national numbers, which don't begin with 0 or 1."""
    home = _NUMBERING.get(region)
    short = not dialled.startswith(("+", *_ABROAD))
    return is_e164(number) and not (short and home is not None and number[len(home)] in "01")
