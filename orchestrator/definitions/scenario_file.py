"""A scenario file: a tenant and what happens to it, for `vpbx forecast`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from orchestrator.definitions import scalars
from orchestrator.definitions.option_list import QUANTITY, OptionList
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf
from orchestrator.definitions.tariff_prices import OPTION_SLUG
from orchestrator.model.problem import Position
from orchestrator.model.scenario import Scenario, ScenarioEvent
from orchestrator.model.service import (
    AutoinformCalled,
    Called,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceEvent,
    ServiceRestored,
    SmsSent,
    UsageEvent,
)

_LONGEST_CALL_S = 86_400
_LONGEST_SMS = 2_000
_MOST_EMPLOYEES = 10_000

What = ServiceEvent | UsageEvent


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """One event as it is written. Args: at: local. whats: what it says happened; right is exactly one."""

    at: datetime
    whats: tuple[What, ...]
    has_quantity: bool
    position: Position


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """What a scenario file says; times are local."""

    tariff: str
    employees: int
    options: Mapping[str, int]
    time_zone: str
    activated_at: datetime
    events: tuple[WrittenEvent, ...]
    until: date
    position: Position

    def scenario(self) -> Scenario:
        """The same with moments, once it is known to be right."""
        zone = ZoneInfo(self.time_zone)
        return Scenario(
            tariff=self.tariff,
            employees=self.employees,
            options=self.options,
            time_zone=self.time_zone,
            activated_at=moment(self.activated_at, zone),
            events=tuple(
                ScenarioEvent(moment(event.at, zone), event.whats[0], event.position) for event in self.events
            ),
            until=self.until,
            position=self.position,
        )


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """A local time as aware UTC; the earlier of two where clocks go back."""
    return local.replace(tzinfo=zone).astimezone(UTC)


TO = Field("to", scalars.number(), "Number it goes to.", '"+79991234567"')
SECONDS = Field("seconds", scalars.seconds(1, _LONGEST_CALL_S), "From answer to hangup.", "61")
TEXT = Field("text", scalars.text(_LONGEST_SMS, "a message"), "What is sent.", "Спасибо за звонок")
DIRECTION = Field(
    "direction", scalars.choice("a direction", ("in", "out", "internal")), "Only `out` is charged.", "out"
)
SMS = Record("an SMS", (TO, TEXT), lambda given: SmsSent(given[TO], given[TEXT]))
AUTOINFORM = Record(
    "an auto-informing call", (TO, SECONDS), lambda given: AutoinformCalled(given[TO], given[SECONDS])
)
CALL = Record(
    "a call", (DIRECTION, TO, SECONDS), lambda given: Called(given[DIRECTION], given[TO], given[SECONDS])
)

AT = Field("at", scalars.local_time(), "When, local time of the tenant.", '"2026-02-10 12:00"')
CONNECT: Field[str | None] = Field(
    "connect", OPTION_SLUG, "An option that is connected.", "analytics", None, "none"
)
CONNECTED_QUANTITY: Field[int | None] = Field(
    "quantity", QUANTITY, "The total of a counted option from then on.", "2", None, "1"
)
DISCONNECT: Field[str | None] = Field(
    "disconnect", OPTION_SLUG, "An option that is disconnected.", "analytics", None, "none"
)
EMPLOYEES: Field[int | None] = Field(
    "employees",
    scalars.integer(0, _MOST_EMPLOYEES),
    "How many there are from then on.",
    "9",
    None,
    "as before",
)
SENT: Field[SmsSent | None] = Field("sms", SMS, "An SMS that is sent.", "{to: …, text: …}", None, "none")
INFORMED: Field[AutoinformCalled | None] = Field(
    "autoinform", AUTOINFORM, "An auto-informing call that is answered.", "{to: …, seconds: 61}", None, "none"
)
CALLED: Field[Called | None] = Field(
    "call", CALL, "A call that is answered.", "{direction: out, to: …, seconds: 61}", None, "none"
)
SERVICE: Field[str | None] = Field(
    "service",
    scalars.choice("what happens to a service", ("disconnect", "restore")),
    "The whole service is disconnected, or restored.",
    "disconnect",
    None,
    "none",
)


def _event(given: Converted) -> WrittenEvent:
    quantity = given[CONNECTED_QUANTITY]
    slug, off, employees, service = given[CONNECT], given[DISCONNECT], given[EMPLOYEES], given[SERVICE]
    made: tuple[What | None, ...] = (
        None if slug is None else OptionConnected(slug, quantity or 1),
        None if off is None else OptionDisconnected(off),
        None if employees is None else EmployeesChanged(employees),
        None if service is None else _SERVICE[service](),
        given[SENT],
        given[INFORMED],
        given[CALLED],
    )
    whats = tuple(what for what in made if what is not None)
    return WrittenEvent(given[AT], whats, quantity is not None, given.position)


_SERVICE: Mapping[str, Callable[[], What]] = {
    "disconnect": ServiceDisconnected,
    "restore": ServiceRestored,
    "": ServiceRestored,
}
EVENT = Record(
    "an event",
    (AT, CONNECT, CONNECTED_QUANTITY, DISCONNECT, EMPLOYEES, SERVICE, SENT, INFORMED, CALLED),
    _event,
)

TARIFF = Field("tariff", scalars.slug("a tariff's name"), "Its tariff.", "master")
STAFF = Field("employees", scalars.integer(0, _MOST_EMPLOYEES), "How many employees it begins with.", "7")
OPTIONS: Field[Mapping[str, int]] = Field(
    "options", OptionList(), "Options it begins with.", "[recording]", default={}, default_text="none"
)
TIME_ZONE: Field[str | None] = Field(
    "time_zone", scalars.time_zone(), "Its local time.", "Europe/Moscow", None, "`time_zone` of the platform"
)
ACTIVATED_AT = Field("activated_at", scalars.local_time(), "When its trial begins.", '"2026-01-24 10:00"')


@dataclass(frozen=True, slots=True)
class _Tenant:
    tariff: str
    employees: int
    options: Mapping[str, int]
    time_zone: str
    activated_at: datetime


def _tenant(given: Converted) -> _Tenant:
    return _Tenant(
        tariff=given[TARIFF],
        employees=given[STAFF],
        options=given[OPTIONS],
        time_zone=given[TIME_ZONE] or given.surroundings.time_zone,
        activated_at=given[ACTIVATED_AT],
    )


TENANT = Field(
    "tenant",
    Record("a tenant", (TARIFF, STAFF, OPTIONS, TIME_ZONE, ACTIVATED_AT), _tenant),
    "Who it is about.",
    "{tariff: master, employees: 7, activated_at: …}",
)
EVENTS: Field[tuple[WrittenEvent, ...]] = Field(
    "events",
    ListOf(EVENT, distinct=False),
    "What happens, in the order of time.",
    "[{at: …, connect: analytics}]",
    default=(),
    default_text="none",
)
UNTIL = Field("until", scalars.day("a date"), "First local date that is left out.", "2026-07-01")


def _scenario(given: Converted) -> ScenarioFile:
    tenant = given[TENANT]
    return ScenarioFile(
        tariff=tenant.tariff,
        employees=tenant.employees,
        options=tenant.options,
        time_zone=tenant.time_zone,
        activated_at=tenant.activated_at,
        events=given[EVENTS],
        until=given[UNTIL],
        position=given.position,
    )


SCENARIO = Record("a scenario", (TENANT, EVENTS, UNTIL), _scenario)
