"""The steps of a walk in words: what each decides, what it costs, and how the call ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.departments import distribution_words, waiting_words
from orchestrator.model.least_cost import CostTable
from orchestrator.model.problem import Position
from orchestrator.model.tariff import Rate
from orchestrator.routing import graph
from orchestrator.routing.compile import BARRED, FAILED, FULL, NO_MONEY
from orchestrator.routing.graph import Step
from orchestrator.routing.hours import DATE, DAY_OFF, WEEK, WORKED
from orchestrator.routing.walk import ANSWERED, BLOCKED, DONE, LISTED, Passed, last_of, reached

_BUSY_CAUSE, _ABSENT_CAUSE, _REFUSED_CAUSE = 17, 20, 21
_SIP = {_BUSY_CAUSE: 486, 19: 480, _ABSENT_CAUSE: 480, _REFUSED_CAUSE: 403}
_NOT_DIALLED = {
    FULL: "no line is free, 486",
    BARRED: "the tenant owes for too long, 403",
    NO_MONEY: "its account doesn't pay for it, 403",
}
_NOT_RUNG = {
    FULL: "no line is free: it doesn't ring",
    FAILED: "its trunk fails",
    BARRED: "the tenant owes for too long: it doesn't ring",
    NO_MONEY: "its account doesn't pay for it: it doesn't ring",
}
_RULES = {DATE: "by its date", DAY_OFF: "a day off", WORKED: "a weekend day that is worked"}
_KINDS: dict[type[object], str] = {
    graph.Admit: "admit",
    graph.AdmitMobile: "admit_mobile",
    graph.MarkInternal: "internal",
    graph.Announce: "announce",
    graph.Greet: "greeting",
    graph.PlayMenu: "menu",
    graph.Dialled: "dialled",
    graph.SpellName: "by_name",
    graph.Record: "record",
    graph.AskTime: "schedule",
    graph.AskSwitch: "switch",
    graph.AskCaller: "caller_list",
    graph.AskManager: "manager",
    graph.Block: "block",
    graph.Turn: "turn",
    graph.SetOwn: "set_own",
    graph.TakeMessage: "voicemail",
    graph.Listen: "listen",
    graph.Ring: "ring",
    graph.RingMobile: "ring_mobile",
    graph.Distribute: "distribute",
    graph.PassOn: "pass_on",
    graph.Classify: "dial_class",
    graph.ChooseTrunk: "choose_trunk",
    graph.DialOut: "dial_out",
    graph.DialSip: "dial_sip",
    graph.Emergency: "emergency",
    graph.RefuseClass: "refuse",
    graph.HangUp: "hang_up",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it is printed. Args: decided: in words. rate: of a call outside that has a price.

    shown: what a call outside shows.
    """

    id: str
    kind: str
    outcome: str
    decided: str
    position: Position
    number: str = ""
    rate: Rate | None = None
    shown: str = ""

    @property
    def place(self) -> str:
        return f"{self.position.file}:{self.position.line}"

    def as_data(self) -> dict[str, object]:
        return {
            "id": self.id,
            "kind": self.kind,
            "outcome": self.outcome,
            "decided": self.decided,
            "yaml": {
                "file": self.position.file,
                "line": self.position.line,
                "column": self.position.column,
            },
            "number": self.number or None,
            "shows": self.shown or None,
            "price_per_minute": str(self.rate.price) if self.rate is not None else None,
        }


@dataclass(frozen=True, slots=True)
class End:
    """How a call ends. Args: kind: `employee`, `department`, `outside`, `emergency`, `code` or `refused`.

    name: who takes it; empty: nobody. sip: code that refuses it, when that is known.
    """

    kind: str
    name: str
    text: str
    sip: int | None = None

    def as_data(self) -> dict[str, object]:
        return {"kind": self.kind, "name": self.name or None, "sip": self.sip, "text": self.text}


def kind_of(step: Step) -> str:
    """What a step does, as `--json` names it."""
    return _KINDS[type(step.action)]


def decided(passed: Passed, owner: str, rate: Rate | None) -> str:
    """What a step decides. Args: owner: the tenant that has the number called; empty: it is outside."""
    outcome = passed.outcome.replace("_", " ")
    match passed.step.action:
        case graph.Admit(limit=limit):
            return _admitted(passed, limit)
        case graph.AdmitMobile(limit=limit, extension=extension):
            return f"the mobile of {extension}: {_admitted(passed, limit)}"
        case graph.MarkInternal(extension=extension):
            return f"a call inside, to {extension}: no line"
        case graph.Announce(prompt=prompt) | graph.Greet(prompt=prompt):
            return f"answers and plays: {prompt.text}" if prompt.say else f"answers and plays {prompt.text}"
        case graph.PlayMenu(name=name):
            return f"menu {name}: {_chosen(passed)}"
        case graph.SpellName(group=group):
            told = ", ".join(key or "nothing" for key in passed.pressed)
            end = "nobody is taken" if passed.outcome == "none" else "one is taken"
            return f"a name of {group} is spelled: {told}: {end}"
        case graph.Dialled():
            return f"goes on to extension {outcome}"
        case graph.Record():
            return "records from the answer on"
        case graph.AskTime(schedule=schedule):
            assert passed.opening is not None
            rule = "" if passed.opening.rule == WEEK else f", {_RULES[passed.opening.rule]}"
            return f"{schedule} is {outcome}: {passed.opening.local:%a %Y-%m-%d %H:%M}{rule}"
        case graph.AskSwitch(switch=switch):
            return f"switch {switch} is {outcome}"
        case graph.AskCaller(callers=callers):
            return f"the caller is {'' if passed.outcome == LISTED else 'not '}in list {callers.name}"
        case graph.AskManager():
            return (
                "nobody has spoken with the caller"
                if outcome == "none"
                else f"{outcome} spoke with the caller"
            )
        case graph.Block():
            return "refuses the caller with 403" if passed.outcome == BLOCKED else "the caller isn't refused"
        case graph.Turn(switch=switch):
            return f"turns switch {switch} {outcome}"
        case graph.SetOwn(state=state, on=on):
            return f"sets {state.replace('_', ' ')} {'on' if on else 'off'} for the caller"
        case graph.Ring(kind=kind, name=name, timeout_s=timeout_s, devices=devices):
            phones = f"{len(devices)} phone{'' if len(devices) == 1 else 's'}"
            return f"rings {kind} {name}, {phones}, {timeout_s} s: {outcome}"
        case graph.RingMobile(number=number):
            told = _NOT_RUNG.get(passed.outcome, outcome)
            price = "no price in the deck" if rate is None else f"{rate.price} a minute"
            return f"rings the mobile {number} too, shows {passed.shown}, {price}: {told}"
        case graph.Distribute() as department:
            return f"{distribution_words(department)}{waiting_words(department, passed)}: {outcome}"
        case graph.TakeMessage(name=name):
            return f"takes a message for mailbox {name}"
        case graph.Listen(own=own):
            return f"lets the caller listen to {'their own' if own else 'a'} mailbox, with its PIN"
        case graph.PassOn():
            when = passed.step.id.rpartition(".")[2].replace("_", " ")
            return f"passes the call on: {when}" if passed.outcome == DONE else outcome
        case graph.Classify():
            return f"dial class {outcome}" if passed.outcome != "denied" else "its dial class isn't allowed"
        case graph.ChooseTrunk(costs=costs):
            ported = f"ported to {passed.code}, " if passed.code else ""
            return f"{ported}cheapest first: {_orders(costs, passed)}"
        case graph.DialOut(trunk=trunk):
            way = f"stays on the switch: tenant {owner}" if owner else f"by trunk {trunk}"
            price = "no price in the deck" if rate is None else f"{rate.price} a minute"
            lasts = f", {passed.paid_s} s are paid for at first" if passed.paid_s else ""
            told = _NOT_DIALLED.get(passed.outcome, outcome)
            return f"calls {passed.number}, {way}, shows {passed.shown}, {price}{lasts}: {told}"
        case graph.DialSip(address=address, caller_id=caller_id):
            told = _NOT_DIALLED.get(passed.outcome, outcome)
            return f"calls {address} by SIP, shows {caller_id}, no price: {told}"
        case graph.Emergency(number=number, caller_id=caller_id, trunk=trunk):
            told = f"calls {number} by trunk {trunk}, shows {caller_id}: no line, no class"
            return told if passed.outcome == ANSWERED else f"{told}: failed"
        case graph.RefuseClass():
            return "refuses with 403"
        case graph.HangUp(cause=cause):
            return f"ends the call with {_SIP[cause]}"


def _admitted(passed: Passed, limit: int) -> str:
    """Whether a call from outside is taken."""
    refused = {FULL: f"all {limit} lines are in use", BARRED: "the tenant owes for too long: suspended"}
    return refused.get(passed.outcome, f"takes a line of {limit}")


def _chosen(passed: Passed) -> str:
    """What a caller does in a menu."""
    tries = [f"{key} is pressed" if key else "nothing is pressed" for key in passed.pressed]
    if passed.outcome in (graph.DIAL_EXTENSION, "invalid", "timeout"):
        tries.append({"extension": "an extension is dialled"}.get(passed.outcome, "that was the last try"))
    return ", ".join(tries)


def ending(passed: Sequence[Passed], told: Sequence[Told]) -> End:
    """How the call ends, by its last step."""
    at = last_of(passed)
    last, words = passed[at], told[at]
    kind, name = reached(last)
    match last.step.action:
        case graph.Ring() if last.outcome == ANSWERED:
            return End(kind, name, f"{kind} {name}")
        case graph.Distribute() if last.outcome == ANSWERED:
            return End(kind, name, f"{kind} {name}")
        case graph.DialOut() if last.outcome == ANSWERED:
            rate = words.rate
            price = "no price in the deck" if rate is None else f"{rate.price} a minute, {rate.destination}"
            return End(kind, name, f"outside {name}, {price}")
        case graph.DialSip(address=address) if last.outcome == ANSWERED:
            return End(kind, name, f"SIP address {address}")
        case graph.DialOut() | graph.DialSip() if last.outcome == FULL:
            return End("refused", "", "nobody: 486", _SIP[_BUSY_CAUSE])
        case graph.DialOut() | graph.DialSip() if last.outcome in (BARRED, NO_MONEY):
            return End("refused", "", "nobody: 403", _SIP[_REFUSED_CAUSE])
        case graph.Admit() if last.outcome == BARRED:
            return End("refused", "", "nobody: 480", _SIP[_ABSENT_CAUSE])
        case graph.AdmitMobile() if last.outcome == BARRED:
            return End("refused", "", "nobody: 403", _SIP[_REFUSED_CAUSE])
        case graph.DialOut(trunk=trunk) | graph.Emergency(trunk=trunk) if last.outcome == FAILED:
            return End("refused", "", f"nobody: trunk {trunk} fails")
        case graph.Emergency():
            return End(kind, name, f"{kind} {name}")
        case graph.HangUp(cause=cause):
            return End("refused", "", f"nobody: {_SIP[cause]}", _SIP[cause])
        case graph.RefuseClass() | graph.Block():
            return End("refused", "", "nobody: 403", 403)
        case graph.TakeMessage():
            return End(kind, name, f"{kind} {name}")
        case graph.Turn() | graph.SetOwn() | graph.Listen():
            return End(kind, name, f"nobody: it {words.decided}")
        case _:
            return End("refused", "", f"nobody: {last.outcome.replace('_', ' ')}")


def _orders(costs: CostTable, passed: Passed) -> str:
    """Trunks with what their operators ask, the first to be tried first."""
    told = []
    for trunk in costs.order_of(passed.number, passed.code):
        price = costs.price_of(trunk, passed.number, passed.code)
        told.append(f"{trunk} {'no price' if price is None else price[0]}")
    return ", ".join(told)
