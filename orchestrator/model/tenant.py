"""A tenant and what belongs to it: employees, devices, departments, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.model.caller_id import RegionCallerId
from orchestrator.model.caller_list import CallerList
from orchestrator.model.credit import POSTPAID, CreditTerms
from orchestrator.model.expectation import Expectation
from orchestrator.model.external_number import ExternalNumber
from orchestrator.model.least_cost import AS_WRITTEN
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.menu import Menu
from orchestrator.model.party import Party
from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.prompt import SILENCE, Prompt
from orchestrator.model.schedule import Schedule
from orchestrator.model.state import OF_MAILBOXES, FeatureCodes, TenantSwitch
from orchestrator.model.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes.

    Args: kind: `employee`, `department`, `menu`, `by_name`, `voicemail`, `outside`, `sip`, `hangup`, or of
    a choice: `schedule`, `switch`, `caller_list`, `manager`. name: an extension, a department's, menu's or
    mailbox's name, an E.164 number, a SIP address, a word of `REFUSALS`, or what a choice asks, such as
    a schedule's name.
    branches: of a choice: where the call goes by each answer, such as `open` and `closed`.
    """

    kind: str
    name: str
    branches: tuple[tuple[str, Target], ...] = ()
    position: Position = field(default=NOWHERE, compare=False)

    def leaves(self) -> Iterator[Target]:
        """The targets that are no choice, in order."""
        if not self.branches:
            yield self
        for _, branch in self.branches:
            yield from branch.leaves()


REFUSALS = ("busy", "unavailable")
"""How `hangup` ends a call: with 486, or with 480."""

OVERFLOWS = ("busy", "no_answer", "unreachable", "any")
"""When a call is passed on. `busy`: or declined. `any`: in each of these cases that isn't named itself."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """Where a call goes that nobody took. Args: when: of `OVERFLOWS`."""

    when: str
    target: Target
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A phone of an employee. Its endpoint id and secret live in the secrets file, never here."""

    name: str
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who can be called.

    Args: ringback: what is heard in place of ringing tones; none: the tenant's. caller_id: what it shows
    outside, E.164; empty: that of its department, of the region called, or the tenant's. mobile: E.164, a
    mobile whose calls are this employee's; or empty. mobile_rings: beside the phones.
    """

    extension: str
    name: str
    devices: tuple[Device, ...]
    ring_timeout_s: int
    overflow: tuple[Overflow, ...] = ()
    ringback: Prompt = SILENCE
    caller_id: str = ""
    mobile: str = ""
    mobile_rings: bool = False
    position: Position = field(default=NOWHERE, compare=False)


DISTRIBUTIONS = ("all", "in_order", "evenly", "cascade")
"""How a department's members ring: all at once, one after another, longest idle first, one more each step."""


@dataclass(frozen=True, slots=True)
class Department:
    """A skill group.

    Args: extension: what rings it from inside; may be empty. distribution: of `DISTRIBUTIONS`.
    ring_timeout_s: of all of it. delays_s: of members that ring later than the others. step_s: how long a
    member rings before the next, or before one more. wrap_up_s: how long a member isn't rung after a call.
    waiting: its queue; None: nobody waits. ringback: as an employee's. caller_id: what its members show
    outside that have none themselves, E.164; or empty.
    """

    name: str
    title: str
    extension: str
    members: tuple[str, ...]
    distribution: str
    ring_timeout_s: int
    overflow: tuple[Overflow, ...] = ()
    delays_s: Mapping[str, int] = field(default_factory=dict)
    step_s: int = 10
    wrap_up_s: int = 0
    waiting: Waiting | None = None
    ringback: Prompt = SILENCE
    caller_id: str = ""
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Did:
    """An external number of a tenant and where a call to it goes.

    Args: greeting: what every caller hears first. ringback: in place of ringing tones; none: the tenant's.
    """

    number: str
    target: Target
    greeting: Prompt = SILENCE
    ringback: Prompt = SILENCE
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Recording:
    """How calls are recorded when the tenant has the option.

    Args: announce: what a caller from outside hears first. announce_outbound: the same for a callee outside.
    """

    announce: Prompt = SILENCE
    announce_outbound: Prompt = SILENCE


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant (domain).

    Args: caller_id: E.164, an own or verified number. options: quantity by slug, sorted.
    seats: those paid for, or None.

    lines: an own limit below what the tariff gives, or None. dial_classes: what may be dialled outside.
    trunks: those its outbound calls leave by, the first that takes them. trunk_order: `as_written` or
    `least_cost`. node: its home node. codecs: of its
    phones, in order of preference; empty: the platform's. encryption: `off`, `offered` or `required`.
    ringback, music_on_hold: what who calls from outside hears in place of ringing tones, and what whoever a
    phone puts on hold hears. verified_numbers: elsewhere, that it may show.
    caller_ids: what it shows by region called, sorted.
    external_numbers: those of its numbers that another provider has, sorted. language: of the switch's own
    prompts, `ru` or `en`. account: what its calls may spend. customer: who it is on papers, its title where
    that says no name.
    """

    name: str
    title: str
    tariff: str
    service: str
    time_zone: str
    node: str
    trunks: tuple[str, ...]
    caller_id: str
    options: Mapping[str, int]
    seats: int | None
    lines: int | None
    dial_classes: tuple[str, ...]
    recording: Recording
    employees: tuple[Employee, ...]
    departments: tuple[Department, ...]
    numbers: tuple[Did, ...]
    codecs: tuple[str, ...] = ()
    encryption: str = "off"
    schedules: tuple[Schedule, ...] = ()
    menus: tuple[Menu, ...] = ()
    language: str = "ru"
    ringback: Prompt = SILENCE
    music_on_hold: Prompt = SILENCE
    switches: tuple[TenantSwitch, ...] = ()
    feature_codes: FeatureCodes = field(default_factory=FeatureCodes)
    caller_lists: tuple[CallerList, ...] = ()
    block: tuple[str, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    expects: tuple[Expectation, ...] = field(default=(), compare=False)
    verified_numbers: tuple[str, ...] = ()
    caller_ids: tuple[RegionCallerId, ...] = ()
    trunk_order: str = AS_WRITTEN
    external_numbers: tuple[ExternalNumber, ...] = ()
    account: CreditTerms = POSTPAID
    customer: Party = field(default_factory=Party)
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def trunk(self) -> str:
        """The trunk that is tried first; empty where none is known."""
        return self.trunks[0] if self.trunks else ""

    @property
    def may_show(self) -> frozenset[str]:
        """Every number that it may show outside. Rule: decision 15."""
        return frozenset((*(did.number for did in self.numbers), *self.verified_numbers))

    def departments_of(self, extension: str) -> tuple[Department, ...]:
        """Those that an employee is a member of."""
        return tuple(each for each in self.departments if extension in each.members)

    @property
    def codes(self) -> Mapping[str, str]:
        """What its phones dial besides extensions and numbers, by what it does; empty ones left out."""
        codes = self.feature_codes.by_name
        return {name: code for name, code in codes.items() if self.mailboxes or name not in OF_MAILBOXES}

    def mailbox(self, name: str) -> Mailbox:
        return next(each for each in self.mailboxes if each.name == name)

    def lamps_of(self, extension: str) -> tuple[Mailbox, ...]:
        """The mailboxes whose new messages the phones of an employee show."""
        return tuple(each for each in self.mailboxes if extension in each.lamps)

    def employee(self, extension: str) -> Employee:
        return self.employees_by_extension()[extension]

    def employees_by_extension(self) -> Mapping[str, Employee]:
        return {employee.extension: employee for employee in self.employees}
