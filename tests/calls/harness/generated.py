"""Tenants and calls by chance, for comparing what `vpbx route` says with what the switch then does.

A feature joins with a line in `_target` or `_tenant`, and, when a call's way depends on more than these calls
have, with a field of `Placed` that `route` is told.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness import farside
from harness.farside import CARRIER, Behaviour

OUTCOMES: Mapping[str, Behaviour] = {
    "answered": farside.answer(stay_s=0.3),
    "busy": farside.busy(),
    "no-answer": farside.ring(),
}
CARRIERS_ADDRESS = "carrier.invalid:5080"
"""Stands for the carrier's in a tenant's YAML: who writes it to a project knows it."""

_DISTRIBUTIONS = (
    "distribution: all",
    *(f"distribution: {each}, step_s: 2, ring_timeout_s: 10" for each in ("in_order", "evenly", "cascade")),
)
_STAFF, _DUTY, _GONE, _HOLDS = range(1, 6), 4, 5, 9
"""Who there is, by the last digit. The fifth has no phone registered, the ninth takes what holds lines."""
_GREETED = "greeting: prompts/menu.wav, longest_s: 30"
_HOURS = ("09:00-18:00", "10:00-14:00, 15:00-17:30", "22:00-06:00", "00:00-24:00", "08:30-12:00")
_DATES = ("2026-12-31", "2027-01-11", "2027-02-20", "2027-05-03")
_CALENDAR = [f"2026-{month:02}-{day:02}" for month in (11, 12) for day in range(1, 29)]


@dataclass(frozen=True, slots=True)
class Generated:
    """A tenant. Args: yaml: its file. numbers: external. inside: what its phones dial. keys: of its menus."""

    name: str
    index: int
    yaml: str
    lines: int
    numbers: tuple[str, ...]
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def staff(self) -> tuple[str, ...]:
        return tuple(_extension(self.index, last) for last in _STAFF)

    @property
    def registered(self) -> tuple[str, ...]:
        return tuple(_extension(self.index, last) for last in (*_STAFF, _HOLDS) if last != _GONE)

    @property
    def gone(self) -> str:
        return _extension(self.index, _GONE)

    @property
    def holds(self) -> tuple[str, str]:
        """Number and phone of the calls that hold lines."""
        return _number(self.index, 99), f"{self.name}{_extension(self.index, _HOLDS)}desk"


@dataclass(frozen=True, slots=True)
class Placed:
    """A call to compare.

    Args: held: lines in use before. manager: of the caller. told: outcome by who is called.
    """

    tenant: Generated
    phone: str
    caller: str
    called: str
    held: int
    night: bool
    press: tuple[str, ...]
    manager: str = ""
    told: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> list[str]:
        """Of `vpbx route`."""
        made = ["--tenant", self.tenant.name, "--from", self.caller, "--to", self.called]
        made += ["--lines-in-use", str(self.held), "--unreachable", self.tenant.gone]
        made += ["--on", "night"] if self.night else []
        made += ["--press", ",".join(self.press)] if self.press else []
        made += ["--manager", self.manager] if self.manager else []
        for who, outcome in self.told.items():
            made += [] if outcome == "answered" else [f"--{outcome}", who]
        return made


def tenants(chance: random.Random, count: int) -> list[Generated]:
    return [_tenant(chance, index) for index in range(count)]


def placed(chance: random.Random, tenant: Generated, number: int) -> Placed:
    """A call of the round of that number."""
    told = {who: chance.choice(("answered", "answered", "busy", "busy", "no-answer")) for who in tenant.staff}
    del told[tenant.gone]
    told |= {each: chance.choice(("answered", "busy")) for each in tenant.outside}
    held = chance.choice((0, 0, *range(tenant.lines + 1)))
    press = tuple(chance.choice(tenant.keys) for _ in range(chance.randrange(3)))
    night = chance.random() < 0.4
    unique = f"{number:03}{tenant.index:02}{chance.randrange(100):02}"
    way = chance.random()
    caller = _extension(tenant.index, chance.randrange(1, _DUTY))
    phone = f"{tenant.name}{caller}desk"
    if way < 0.65:
        caller = chance.choice(("+7903", "+7812", "+4930", "+7904")) + unique
        manager = chance.choice(("", *tenant.staff))
        called = chance.choice(tenant.numbers)
        return Placed(tenant, CARRIER, caller, called, held, night, press, manager, told)
    if way < 0.9:
        called = chance.choice([each for each in tenant.inside if each != caller])
        return Placed(tenant, phone, caller, called, held, night, press, told=told)
    called = chance.choice(("+7916", "+4930")) + unique
    return Placed(tenant, phone, caller, called, held, night, press, told=told)


def moment(chance: random.Random) -> str:
    """A local time at which no span begins or ends within a minute and a half."""
    day = chance.choice((*_DATES, *chance.sample(_CALENDAR, 6)))
    minute = chance.choice((*range(1, 28), *range(31, 58)))
    return f"{day} {chance.randrange(24):02}:{minute:02}"


def _extension(index: int, last: int) -> str:
    return f"{20 + index}{last}"


def _number(index: int, last: int) -> str:
    return f"+749555{index:03}{last:02}"


def _outside(index: int) -> tuple[str, ...]:
    return tuple(f"+791600{index:03}{last:02}" for last in (1, 2))


def _tenant(chance: random.Random, index: int) -> Generated:
    name, lines = f"g{index:02}", chance.choice((1, 2, 3))
    numbers = tuple(_number(index, last) for last in range(1, 7))
    keys = tuple(chance.sample("13456789", 4))
    make = _Targets(chance, index)
    employees = [
        f'  - {{extension: "{_extension(index, last)}", name: Сотрудник {last}{make.overflow(last)}}}'
        for last in (*_STAFF, _HOLDS)
    ]
    members = [sorted(chance.sample(_STAFF, chance.choice((1, 2, 3)))) for _ in range(2)]
    departments = [
        f'  {title}: {{extension: "{_extension(index, 7 + which)}", title: Отдел {which}, members: '
        f"{_quoted(_extension(index, last) for last in members[which])}, "
        f"{chance.choice(_DISTRIBUTIONS)}{make.overflow(2)}}}"
        for which, title in enumerate(("sales", "support"))
    ]
    pressed = [f'"{key}": {make.leaf()}' for key in keys[:3]]
    again = f"timeout: {{after_s: 3, target: {make.leaf()}}}"
    below = f'prompt: prompts/menu.wav, tries: 1, digits: {{"{keys[0]}": {make.leaf()}}}, {again}'
    main = f'prompt: prompts/menu.wav, extension: "{_extension(index, 0)}", tries: {chance.choice((1, 2))}'
    menus = [
        f'  main: {{{main}, digits: {{{", ".join(pressed)}, "{keys[3]}": {{menu: sub}}}}, {again}}}',
        f"  sub: {{{below}}}",
    ]
    hours = chance.sample(_HOURS, 2)
    dates = {each: chance.choice(("closed", "10:00-15:30")) for each in chance.sample(_DATES, 2)}
    written = ", ".join(f'"{day}": "{when}"' for day, when in sorted(dates.items()))
    office = f'weekly: {{mon-fri: "{hours[0]}", sat: "10:00-14:00"}}, holidays: ru, dates: {{{written}}}'
    text = [
        f"version: 1\nname: {name}\ntitle: Арендатор {index}\ntariff: master\nlines: {lines}",
        f'caller_id: "{numbers[0]}"',
        f"time_zone: {chance.choice(('Europe/Moscow', 'Asia/Yekaterinburg', 'Europe/Berlin'))}",
        *("employees:", *employees),
        *("departments:", *departments),
        "schedules:",
        f"  office: {{{office}}}",
        f'  duty: {{weekly: {{fri-sun: "{hours[1]}", wed: "00:00-24:00"}}}}',
        'switches: {night: {code: "*50", title: Ночь}}',
        f'caller_lists: {{vip: {{numbers: ["+7903*", "{numbers[0]}"]}}, spam: {{numbers: ["+4930*"]}}}}',
        *(["block: [spam]"] if chance.random() < 0.4 else []),
        *("menus:", *menus),
        "mailboxes:",
        f'  "{_extension(index, 1)}": {{greeting: prompts/menu.wav}}',
        f'  office: {{extension: "{_extension(index, 6)}", lamps: ["{_extension(index, 2)}"], {_GREETED}}}',
        "numbers:",
        *(f'  "{number}": {make.tree(2)}' for number in numbers),
        f'  "{_number(index, 99)}": {{employee: "{_extension(index, _HOLDS)}"}}',
    ]
    inside = (*(_extension(index, last) for last in (*_STAFF, 6, 7, 8, 0)),)
    return Generated(name, index, "\n".join(text) + "\n", lines, numbers, inside, _outside(index), (*keys,))


@dataclass(slots=True)
class _Targets:
    chance: random.Random
    index: int

    def leaf(self, after: int = 0) -> str:
        """Args: after: no employee up to this one, so that nothing goes round."""
        staff = [f'{{employee: "{_extension(self.index, last)}"}}' for last in _STAFF if last > after]
        others = [f'{{outside: "{number}"}}' for number in _outside(self.index)]
        others += ["{hangup: busy}", "{hangup: unavailable}", "{voicemail: office}"]
        others += [
            f'{{voicemail: "{_extension(self.index, 1)}"}}',
            f'{{sip: "reception{self.index}@{CARRIERS_ADDRESS}"}}',
        ]
        departments = [] if after else ["{department: sales}", "{department: support}"]
        return self.chance.choice([*staff, *departments, *self.chance.sample(others, 2)])

    def tree(self, depth: int, after: int = 0) -> str:
        """A target that asks up to so many things."""
        asks = [
            ("schedule: office, open", "closed"),
            ("schedule: duty, open", "closed"),
            ("switch: night, on", "off"),
            *([] if after else [("caller_list: vip, listed", "others")]),
        ]
        if depth and not after and self.chance.random() < 0.15:
            return f"{{manager: 5, reserve: {self.tree(depth - 1)}}}"
        if depth == 0 or self.chance.random() < 0.2:
            return "{menu: main}" if not after and self.chance.random() < 0.25 else self.leaf(after)
        first, second = self.chance.choice(asks)
        return f"{{{first}: {self.tree(depth - 1, after)}, {second}: {self.tree(depth - 1, after)}}}"

    def overflow(self, after: int) -> str:
        """What follows an employee, or a department's members, in its record; may be empty."""
        if after >= _DUTY or self.chance.random() < 0.25:
            return ""
        cases = self.chance.sample(("busy", "no_answer", "unreachable", "any"), self.chance.choice((1, 2)))
        written = ", ".join(f"{case}: {self.tree(self.chance.choice((0, 0, 1)), after)}" for case in cases)
        return f", overflow: {{{written}}}"


def _quoted(texts: Iterable[str]) -> str:
    return f"[{', '.join(f'{chr(34)}{text}{chr(34)}' for text in texts)}]"
