"""Departments under many calls: who rang when, by the record, held against the rule of each distribution.

The judge has its own reading of the rules (docs/departments.md) and knows of a call only what the phones were
told to do and what the switch has written. Whether somebody has wrap-up time is counted in whole seconds;
where a moment lies so near to the edge of one that it may have been read either way, both are right.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness import farside
from harness.farside import CARRIER, Call, FarSide
from harness.recorded import events
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.call import SwitchEvent

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "departments" / "project"
MEMBERS = ("101", "102", "103", "104", "105")
DISTRIBUTIONS = ("in_order", "evenly", "cascade", "all")
STEP_S, WRAP_UP_S, DELAY_S = 1, 2, 1
DELAYED = "104"
"""Rings so much later, where all ring at once."""

ANSWERS, DECLINES, RINGS = "answers", "declines", "rings"
_LONGEST_S = 3.4
_DECIDED_S = 0.15
"""A member is chosen at most so long before the record says it."""
_EDGE_S = 0.06
_LATE_S = 0.5
"""How much later than it should somebody may be rung: those who wait look four times a second."""


def number_of(distribution: str) -> str:
    """The number that leads to the department of a distribution."""
    return f"+7495123000{DISTRIBUTIONS.index(distribution) + 1}"


@contextmanager
def office(directory: Path, asterisk: Asterisk) -> Iterator[tuple[Site, FarSide]]:
    """Five members with a phone each, in a department for each distribution."""
    with ExitStack() as stack:
        site = stack.enter_context(Site(directory / "project", asterisk, PROJECT))
        (site.root / "tenants/office.yaml").write_text(_tenant(), "utf-8")
        site.start()
        far = stack.enter_context(site.far_side(*site.phones("office")))
        far.wait_registered()
        wait_idle(site)
        yield site, far


def _tenant() -> str:
    members = ", ".join(f'"{each}"' for each in MEMBERS)
    delayed = members.replace(f'"{DELAYED}"', f'{{extension: "{DELAYED}", delay_s: {DELAY_S}}}')
    departments = "".join(
        f"  {name.replace('_', '-')}:\n    title: {name}\n    distribution: {name}\n    ring_timeout_s: 30\n"
        f"    wrap_up_s: {WRAP_UP_S}\n"
        + (
            f"    members: [{delayed}]\n"
            if name == "all"
            else f"    members: [{members}]\n    step_s: {STEP_S}\n"
        )
        for name in DISTRIBUTIONS
    )
    employees = "".join(f'  - {{extension: "{each}", name: Сотрудник {each}}}\n' for each in MEMBERS)
    numbers = "".join(
        f'  "{number_of(name)}": {{department: {name.replace("_", "-")}}}\n' for name in DISTRIBUTIONS
    )
    return (
        f'version: 1\nname: office\ntitle: Окна\ntariff: master\ncaller_id: "{number_of("all")}"\n'
        f"employees:\n{employees}departments:\n{departments}numbers:\n{numbers}"
    )


def wait_idle(site: Site) -> None:
    """Until no call is up and the switch takes every phone for idle."""
    site.until(
        lambda: (
            site.rx("core show channels count").startswith("0 active channels")
            and site.rx("core show hints").count("State:Idle") == len(MEMBERS)
        ),
        "all phones are idle",
        30,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A call. Args: does: what each member's phone does with it. killed: the switch is, in its talk."""

    does: Mapping[str, str]
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """A member that was rung. Args: at: seconds since 1970."""

    member: str
    at: float


@dataclass(frozen=True, slots=True)
class Talk:
    """A member's talk. Args: ended: None: the switch was killed in it."""

    member: str
    answered: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class Played:
    """A call as the record has it. Args: begun: seconds since 1970. ends: when each phone stopped ringing."""

    planned: Planned
    begun: float
    attempts: tuple[Attempt, ...]
    talk: Talk | None
    ends: Mapping[str, float] = field(default_factory=dict)


def plan(chance: random.Random, count: int, killed_at: int | None = None) -> list[Planned]:
    """Calls by chance: half of the phones answer, the others decline or ring on. Args: killed_at: which."""
    made = []
    for number in range(count):
        killed = number == killed_at
        does = {each: chance.choice((ANSWERS, ANSWERS, DECLINES, RINGS)) for each in MEMBERS}
        made.append(Planned(dict.fromkeys(MEMBERS, ANSWERS) if killed else does, killed))
    return made


@dataclass
class Player:
    """Plays calls, one after another or at once. Args: callers: numbers that nobody else calls from."""

    site: Site
    far: FarSide
    chance: random.Random
    callers: Iterator[int] = field(default_factory=lambda: itertools.count(79036660001))

    def one(self, distribution: str, planned: Planned) -> str:
        """Play a call to its end. Returns: who called."""
        for member, does in planned.does.items():
            self.far.behave(f"office{member}desk", _behaviour(does, planned))
        call = self._call(distribution)
        if planned.killed:
            self.far.wait_answered(call)
            time.sleep(1.3)  # the switch writes its database once a second
            self.kill()
            self.far.give_up(call)
        else:
            self._until_over(call)
        wait_idle(self.site)
        if self.chance.random() < 0.4:
            time.sleep(self.chance.uniform(0.5, WRAP_UP_S + 0.5))
        return call.from_number

    def together(self, distribution: str, count: int) -> tuple[list[str], int]:
        """Play some calls at once; every phone answers. Returns: who called, and how many were refused."""
        time.sleep(WRAP_UP_S + 1)  # nobody has wrap-up time
        for member in MEMBERS:
            self.far.behave(f"office{member}desk", farside.answer(ring_s=self.chance.uniform(0.3, 0.8)))
        calls = [self._call(distribution) for _ in range(count)]
        for call in calls:
            self.site.until(
                lambda call=call: self.far.is_answered(call) or self.far.has_ended(call), "it is decided", 20
            )
        refused = sum(not self.far.is_answered(call) for call in calls)
        for call in calls:
            self.far.hang_up(call)
        wait_idle(self.site)
        return [call.from_number for call in calls], refused

    def restart(self) -> None:
        self.site.vpbx("switch", "stop")
        self._start()

    def kill(self) -> None:
        self.site.kill_switch()
        self._start()

    def _start(self) -> None:
        self.site.vpbx("switch", "start")
        self.far.wait_registered(30)

    def _call(self, distribution: str) -> Call:
        return self.far.call(CARRIER, number_of(distribution), from_number=f"+{next(self.callers)}")

    def _until_over(self, call: Call) -> None:
        deadline = time.monotonic() + _LONGEST_S
        while time.monotonic() < deadline and not self.far.has_ended(call):
            if self.far.is_answered(call):
                deadline = math.inf  # its phone hangs up
            time.sleep(0.05)
        self.far.hang_up(call)


def _behaviour(does: str, planned: Planned) -> farside.Behaviour:
    if does == ANSWERS:
        return farside.answer(ring_s=0.1, stay_s=0.0 if planned.killed else 0.2)
    return farside.busy() if does == DECLINES else farside.ring()


def played(site: Site, planned: Mapping[str, Planned]) -> list[Played]:
    """The calls of some callers as the record has them, oldest first."""
    found = events(site)
    return [_played(found, caller, each) for caller, each in planned.items()]


def _played(found: Sequence[SwitchEvent], caller: str, planned: Planned) -> Played:
    [begun] = [each for each in found if each.kind == "vpbx.leg" and each.facts.get("from") == caller]
    own = [each for each in found if each.linkedid == begun.linkedid]
    attempts = tuple(
        Attempt(each.facts["employee"], _s(each.at)) for each in own if each.kind == "vpbx.attempt"
    )
    phones = {each.uniqueid: each.facts["employee"] for each in own if each.kind == "vpbx.phone"}
    answers = [each for each in own if each.kind == "ANSWER" and each.uniqueid in phones]
    ends = {each.uniqueid: _s(each.at) for each in own if each.kind == "HANGUP" and each.uniqueid in phones}
    talk = None
    for each in answers:
        talk = talk or Talk(phones[each.uniqueid], _s(each.at), ends.get(each.uniqueid))
    return Played(
        planned, _s(begun.at), attempts, talk, {phones[phone]: ended for phone, ended in ends.items()}
    )


@dataclass
class Judge:
    """Remembers who is idle since when, and holds each call against the rule.

    Args: idle, wrap: by member: seconds since 1970 of the last end that counts. near: decisions that were too
    near to an edge to be judged alone.
    """

    idle: dict[str, float] = field(default_factory=dict)
    wrap: dict[str, float] = field(default_factory=dict)
    near: int = 0
    decisions: int = 0

    def faults(self, distribution: str, call: Played) -> list[str]:
        """What is against the rule, in the order of the calls; empty when nothing is."""
        rule = {"all": self._all, "cascade": self._cascade}.get(distribution, self._one)
        found = [f"{distribution}: {each}: {call}" for each in rule(distribution, call)]
        if call.talk is not None:
            killed = call.talk.ended is None
            self.idle[call.talk.member] = call.talk.answered if killed else call.talk.ended or 0
            if not killed:
                self.wrap[call.talk.member] = call.talk.ended or 0
        return found

    def _one(self, distribution: str, call: Played) -> Iterator[str]:
        declined: set[str] = set()
        tried: set[str] = set()
        for number, attempt in enumerate(call.attempts):
            right: set[str] = set()
            for free in self._free(attempt.at):
                left = [each for each in free if each not in declined | tried]
                if not left:
                    left = [each for each in free if each not in declined]
                if left:
                    right.add(min(left, key=self._since) if distribution == "evenly" else left[0])
            yield from self._is(attempt, right)
            if attempt.member in tried:
                tried.clear()
            does = call.planned.does[attempt.member]
            (declined if does == DECLINES else tried).add(attempt.member)
            if number and attempt.at - call.attempts[number - 1].at > STEP_S + _LATE_S + 0.5:
                yield f"{attempt.member} rings too late"

    def _cascade(self, _: str, call: Played) -> Iterator[str]:
        """One more each step, and one at once in the place of those who have declined, when nobody rings."""
        had: set[str] = set()
        steps: set[int] = set()
        first = call.attempts[0].at if call.attempts else 0.0
        for number, attempt in enumerate(call.attempts):
            right = set()
            for free in self._free(attempt.at):
                left = [each for each in free if each not in had]
                right |= set(left[:1])
            yield from self._is(attempt, right)
            silent = all(call.ends.get(each, math.inf) < attempt.at for each in had)
            step, late_s = divmod(attempt.at - first + 0.01, STEP_S)
            if not silent and (late_s > _LATE_S or step in steps or not step):
                yield f"{attempt.member} rings beside its step"
            if not silent:
                steps.add(int(step))
            if attempt.at > first + number * STEP_S + _LATE_S:
                yield f"{attempt.member} rings after its step"
            had.add(attempt.member)

    def _all(self, _: str, call: Played) -> Iterator[str]:
        rung = {each.member: each.at - call.begun for each in call.attempts}
        if len(rung) != len(call.attempts):
            yield "somebody rings twice"
        ended = min(call.ends.values(), default=math.inf) if call.talk is not None else math.inf
        over = call.talk.answered if call.talk is not None else ended
        must, may = set(MEMBERS), set()
        for free in self._free(call.begun + _DECIDED_S):
            must &= set(free)
            may |= set(free)
        self.decisions += 1
        self.near += must != may
        at_once = must - {DELAYED}
        if not at_once <= set(rung):
            yield f"{sorted(at_once - set(rung))} don't ring"
        for member, after_s in rung.items():
            due = DELAY_S if member == DELAYED else 0.0
            if member not in may and member != DELAYED:
                yield f"{member} rings with wrap-up time"
            if not due - 0.1 <= after_s <= due + _LATE_S + (WRAP_UP_S if member == DELAYED else 0):
                yield f"{member} rings after {after_s:.2f} s"
        if DELAYED in must and DELAYED not in rung and over > call.begun + DELAY_S + _LATE_S:
            everybody_declined = all(call.planned.does[each] == DECLINES for each in at_once)
            if not everybody_declined and (call.ends or over < math.inf):
                yield f"{DELAYED} doesn't ring"

    def _is(self, attempt: Attempt, right: set[str]) -> Iterator[str]:
        self.decisions += 1
        self.near += len(right) > 1
        if attempt.member not in right:
            yield f"{attempt.member} rings, {sorted(right)} should"

    def _since(self, member: str) -> tuple[float, int]:
        return self.idle.get(member, 0.0), MEMBERS.index(member)

    def _free(self, at: float) -> Iterator[list[str]]:
        """Who is free at a moment, in order; every reading that is possible."""
        unsure = [each for each in MEMBERS if self._wraps_up(each, at) is None]
        for size in range(len(unsure) + 1):
            for wrapping in itertools.combinations(unsure, size):
                yield [
                    each
                    for each in MEMBERS
                    if not (each in wrapping if each in unsure else self._wraps_up(each, at))
                ]

    def _wraps_up(self, member: str, at: float) -> bool | None:
        """Whether a member has wrap-up time; None: nobody knows."""
        ended = self.wrap.get(member)
        if ended is None:
            return False
        least = math.floor(ended - _EDGE_S) + WRAP_UP_S
        most = math.floor(ended + _EDGE_S) + WRAP_UP_S
        if math.floor(at) < least:
            return True
        return False if math.floor(at - _DECIDED_S) >= most else None


def overlaps(site: Site, callers: Sequence[str]) -> list[str]:
    """Phones that rang for two of some calls at once."""
    found = events(site)
    calls = {each.linkedid for each in found if each.facts.get("from") in callers and each.kind == "vpbx.leg"}
    ends = {each.uniqueid: each.at for each in found if each.kind == "HANGUP"}
    spans: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for each in found:
        if each.kind == "vpbx.phone" and each.linkedid in calls:
            spans.setdefault(each.facts["employee"], []).append((each.at, ends[each.uniqueid], each.linkedid))
    return [
        f"{member} rings for {second[2]} while busy with {first[2]}"
        for member, its in spans.items()
        for first, second in itertools.pairwise(sorted(its))
        if second[0] < first[1] and first[2] != second[2]
    ]


def first_rung(site: Site, callers: Sequence[str]) -> list[str]:
    """Whom each of some calls rang first."""
    return [
        call.attempts[0].member if call.attempts else ""
        for call in played(site, dict.fromkeys(callers, Planned({})))
    ]


def _s(at: datetime) -> float:
    return at.timestamp()
