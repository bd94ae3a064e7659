"""A switch-neutral graph of steps. There is no second place that knows where a call goes.

A tenant's graph has entries (a number called from outside, what a phone dials, what a call is transferred to)
that lead to steps; a step has an action and edges to the next step, named by outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.model.caller_list import CallerList
from orchestrator.model.least_cost import CostTable
from orchestrator.model.platform import DialClass
from orchestrator.model.problem import Position
from orchestrator.model.prompt import SILENCE, Prompt
from orchestrator.routing.caller_id import CallerIds
from orchestrator.routing.hours import HourTable

EntryKind = Literal["did", "mobile", "extension", "outside", "emergency", "code"]
Origin = Literal["trunk", "mobile", "phone", "transfer"]


@dataclass(frozen=True, slots=True)
class DeviceRef:
    """A phone, by who has it; rendering knows its endpoint."""

    extension: str
    device: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Takes a line for an inbound call. Outcomes: admitted, full. Effect: take a line.

    Args: ringback: what the caller hears in place of ringing tones; none: tones. language: of the
    switch's own prompts.
    """

    did: str
    limit: int
    ringback: Prompt = SILENCE
    language: str = "ru"


@dataclass(frozen=True, slots=True)
class AdmitMobile:
    """Takes a line for a call that an employee's mobile makes, and goes on to what it dialled.

    Outcomes: full, each extension of the tenant, outside. Effects: take a line, record.
    """

    extension: str
    limit: int
    record: bool


@dataclass(frozen=True, slots=True)
class MarkInternal:
    """Notes an internal call in the record. Outcome: done."""

    extension: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Answers and plays a prompt. Outcome: done."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Record:
    """Records the external call from its answer. Outcome: done. Effect: record."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Rings phones at once. Outcomes: busy, no_answer, unavailable, refused; answered ends the walk.

    Who isn't to be disturbed is busy.

    Args: kind, name: whose phones they are: of an `employee`, by extension, or of a `department`. ringback:
    what a caller from outside hears meanwhile; none: that of the tenant. remember: who answers is the
    caller's manager from then on.
    """

    devices: tuple[DeviceRef, ...]
    timeout_s: int
    kind: str
    name: str
    ringback: Prompt = SILENCE
    remember: bool = False


@dataclass(frozen=True, slots=True)
class RingMobile:
    """Rings an employee's mobile beside their phones, which have led here by `BESIDE`; it ends with them.

    Effects: take a line, record, rate.

    Args: number: E.164. trunks: that carry mobiles, in order. caller_id, limit, bounded: as those of
    `DialOut`. remember: as that of `Ring`.
    """

    extension: str
    number: str
    caller_id: str
    trunks: tuple[str, ...]
    limit: int
    record: bool
    remember: bool = False
    bounded: bool = False


BESIDE = "beside"
"""The edge from phones to what rings with them. No call goes on by it."""


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A member of a department, his phones, and how many seconds later than the others they ring."""

    extension: str
    devices: tuple[DeviceRef, ...]
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class Waits:
    """How callers wait for a department whose members are all busy.

    Args: most: callers at once. longest_s: of each. music: that they hear; none: ringing tones. repeat_s:
    how often they are told what follows. places: which in the queue they are, the first one first; empty: it
    isn't told. minutes: how long it may take, from less than one on; empty: it isn't told.
    """

    most: int
    longest_s: int
    music: Prompt
    repeat_s: int
    places: tuple[Prompt, ...]
    minutes: tuple[Prompt, ...]

    @property
    def words(self) -> Mapping[str, Prompt]:
        """All that is told, by a name of its own."""
        places = {f"place.{number}": each for number, each in enumerate(self.places, 1)}
        return {**places, **{f"minutes.{number}": each for number, each in enumerate(self.minutes)}}


@dataclass(frozen=True, slots=True)
class Distribute:
    """Rings the members of a department. Outcomes: as those of `Ring`, when none of them takes the call.

    While all are busy callers wait, where it says so: busy is the outcome of who finds the queue full,
    no_answer of who has waited as long as may be. Effect: record each attempt, and each wait.

    Args: distribution: of `DISTRIBUTIONS`. timeout_s: of all of it. step_s, wrap_up_s: see `Department`.
    ringback, remember: as those of `Ring`. waits: None: nobody waits.
    """

    name: str
    distribution: str
    members: tuple[MemberRef, ...]
    timeout_s: int
    step_s: int
    wrap_up_s: int
    ringback: Prompt = SILENCE
    remember: bool = False
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class AskTime:
    """Asks whether it is open now. Outcomes: open, closed. Args: schedule: one of the graph's hours."""

    schedule: str


@dataclass(frozen=True, slots=True)
class AskSwitch:
    """Asks a switch of the tenant. Outcomes: on, off."""

    switch: str


@dataclass(frozen=True, slots=True)
class AskCaller:
    """Asks whether the caller is in a list. Outcomes: listed, others. Who calls inside is in none."""

    callers: CallerList


@dataclass(frozen=True, slots=True)
class Block:
    """Refuses who is in one of some caller lists, and notes it in the record. Outcome, for others: done.

    Args: did: number called, E.164.
    """

    did: str
    lists: tuple[CallerList, ...]


@dataclass(frozen=True, slots=True)
class AskManager:
    """Asks who last spoke with a caller from outside. Outcomes: an employee's extension, or none."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Turns a switch of the tenant; the call ends with tones that rise for on, and fall for off."""

    switch: str


@dataclass(frozen=True, slots=True)
class SetOwn:
    """Sets a state of the employee who calls; the call ends with tones that rise for more calls, or fall.

    Args: state: of `model.state.OWN_STATES`. on: whether it is set, or ended.
    """

    state: str
    on: bool


@dataclass(frozen=True, slots=True)
class Greet:
    """Answers and plays the greeting of a number. Outcome: done."""

    prompt: Prompt


DIAL_EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class PlayMenu:
    """Answers, plays a prompt and takes keys.

    Outcomes: a key (`star` for `*`); extension: one was dialled; invalid or timeout: so went the last of all
    tries.

    Args: keys: as they are pressed. extensions: that may be dialled. wait_s: for the first key.
    """

    name: str
    prompt: Prompt
    keys: tuple[str, ...]
    extensions: tuple[str, ...]
    wait_s: int
    tries: int
    invalid_prompt: Prompt = SILENCE

    @property
    def more(self) -> tuple[str, ...]:
        """The digits after which another may come, sorted."""
        return tuple(sorted({each[0] for each in (*self.keys, *self.extensions) if len(each) > 1}))

    @property
    def longest(self) -> int:
        """The most keys at once."""
        return max((len(each) for each in (*self.keys, *self.extensions)), default=1)


@dataclass(frozen=True, slots=True)
class Dialled:
    """Goes on to the extension that was dialled in a menu. Outcomes: each extension of the tenant."""


@dataclass(frozen=True, slots=True)
class SpellName:
    """Answers, asks for the first letters of a name, and offers who has it.

    Outcomes: extension: somebody was taken; none: nobody, in three tries.

    Args: group: whose names: of a department, or `all`. spelled: extensions by the digits that spell them,
    sorted. ask, sorry: prompts. offers: prompt of each by extension.
    """

    group: str
    spelled: tuple[tuple[str, tuple[str, ...]], ...]
    ask: Prompt
    sorry: Prompt
    offers: tuple[tuple[str, Prompt], ...]

    def named(self, digits: str) -> tuple[str, ...]:
        """Who is spelled so."""
        return dict(self.spelled).get(digits, ())


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Answers, greets and takes a message, which ends the call. Outcome: message.

    Effect: the message, and what tells of it.

    Args: name: of the mailbox. extension: that it is listened to by. greeting: none: the switch's own.
    """

    name: str
    extension: str
    greeting: Prompt = SILENCE


@dataclass(frozen=True, slots=True)
class Listen:
    """Lets who calls listen to a mailbox, once they have said its PIN; that ends the call.

    Args: own: that of the employee who calls, if they have one; else any, which they name.
    """

    own: bool


@dataclass(frozen=True, slots=True)
class PassOn:
    """Passes a call on that nobody took. Outcome: done. After `MOST_PASSES` of them the call ends."""


@dataclass(frozen=True, slots=True)
class Classify:
    """Reads the number dialled. Outcomes: one edge for each allowed dial class, `denied` for any other.

    Args: area: prefix of the tenant's own area, E.164, or empty. classes: of the platform.
    """

    area: str
    classes: tuple[DialClass, ...] = ()


@dataclass(frozen=True, slots=True)
class ChooseTrunk:
    """Says in which order trunks are tried for a number. Outcomes: names of orders; done: unknown.

    Args: costs: the order for each number. number: E.164, or empty for the number dialled.
    """

    costs: CostTable
    number: str = ""


@dataclass(frozen=True, slots=True)
class DialOut:
    """Calls a number outside. Outcomes: busy, no_answer, failed; any other, such as no line, ends the call.

    It failed when the trunk is at fault, and there is another to try; else the call ends.

    Effects: take a line, record, rate.

    Args: number: E.164, or empty for the number dialled. announce: what the callee hears first. remember: who
    calls is the callee's manager once it has answered. bounded: how long it may last is asked first.
    """

    number: str
    caller_id: str
    trunk: str
    limit: int
    record: bool
    announce: Prompt = SILENCE
    remember: bool = False
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class DialSip:
    """Calls a SIP address outside. Outcomes: busy, no_answer; any other ends the call here.

    Effects: take a line, record.
    """

    address: str
    caller_id: str
    limit: int
    record: bool
    announce: Prompt = SILENCE


@dataclass(frozen=True, slots=True)
class Emergency:
    """Calls an emergency number: no line, no class, nothing before it. Outcome: failed, as of `DialOut`."""

    number: str
    caller_id: str
    trunk: str


@dataclass(frozen=True, slots=True)
class RefuseClass:
    """Ends a call to a number whose class isn't allowed, and notes it in the record."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Ends the call. Args: cause: Q.850."""

    cause: int


Action = (
    Admit
    | AdmitMobile
    | MarkInternal
    | Announce
    | Greet
    | PlayMenu
    | Dialled
    | SpellName
    | Record
    | AskTime
    | AskSwitch
    | AskCaller
    | AskManager
    | Block
    | Turn
    | SetOwn
    | Ring
    | RingMobile
    | Distribute
    | TakeMessage
    | Listen
    | PassOn
    | Classify
    | ChooseTrunk
    | DialOut
    | DialSip
    | Emergency
    | RefuseClass
    | HangUp
)

MOST_PASSES = 5
"""How often a call is passed on: by overflow, or by numbers of the platform that lead to each other."""


@dataclass(frozen=True, slots=True)
class Step:
    """Args: id: stable, from the YAML path. position: where the YAML says so. edges: outcome -> step id."""

    id: str
    action: Action
    position: Position
    edges: Mapping[str, str] = field(default_factory=dict)

    @property
    def listens(self) -> bool:
        """Whether who calls hears messages that others have left."""
        return isinstance(self.action, Listen)


@dataclass(frozen=True, slots=True)
class Entry:
    """A way into the graph.

    Args: origin: who arrives. pattern: an E.164 number, an extension, emergency number or code; empty for
    `outside`, which is any external number in a form of the region.
    """

    origin: Origin
    kind: EntryKind
    pattern: str
    step: str
    position: Position


@dataclass(frozen=True, slots=True)
class Graph:
    """All of one tenant.

    Args: entries: sorted by origin, kind and pattern. steps: by id, sorted. hours: of schedules that its
    steps ask, by name, sorted. caller_ids: what calls outside show.
    """

    tenant: str
    entries: tuple[Entry, ...]
    steps: Mapping[str, Step]
    hours: Mapping[str, HourTable] = field(default_factory=dict)
    caller_ids: CallerIds = field(default_factory=CallerIds)

    @property
    def offers(self) -> Mapping[str, Prompt]:
        """What is said of whom by the steps that ask for names, by extension, sorted."""
        named = [step.action for step in self.steps.values() if isinstance(step.action, SpellName)]
        return dict(sorted(offer for action in named for offer in action.offers))

    @property
    def spoken(self) -> tuple[Prompt, ...]:
        """What its steps say by themselves: no file of the tenant's names it."""
        named = [step.action for step in self.steps.values() if isinstance(step.action, SpellName)]
        asked = (each for action in named for each in (action.ask, action.sorry))
        return (*self.offers.values(), *asked, *self.waiting_words.values())

    @property
    def waiting_words(self) -> Mapping[str, Prompt]:
        """What is told to who waits, by its name (`place.1`, `minutes.2`), sorted."""
        waits = [step.action.waits for step in self.steps.values() if isinstance(step.action, Distribute)]
        return dict(sorted(word for each in waits if each is not None for word in each.words.items()))

    def reachable(self, step: str) -> frozenset[str]:
        """Ids of all steps that a call may pass from this one on, itself included."""
        seen: set[str] = set()
        ahead = [step]
        while ahead:
            here = ahead.pop()
            if here not in seen:
                seen.add(here)
                ahead.extend(self.steps[here].edges.values())
        return frozenset(seen)
