"""The prices in a tariff file, and how they change on dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Converted, MapOf, Record
from orchestrator.definitions.shapes import Field
from orchestrator.definitions.tariff_included import NEW_INCLUDED
from orchestrator.model.problem import Position
from orchestrator.model.tariff import IncludedMinutes, Prices, Rate, Tier

T = TypeVar("T")

_MOST_ROUBLES = 1_000_000_000
_MOST_S = 3600
VERSION_TEXT = scalars.matching(
    "a version", r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", "version", "letters, digits and . _ -", True
)
OPTION_SLUG = scalars.matching(
    "an option's name", r"[a-z][a-z0-9_-]{0,30}", "slug", "small letters, digits, - and _"
)
PRICE = scalars.decimal(_MOST_ROUBLES, "a price")

FIRST_PRICE = Field("price", PRICE, "The first of them, in roubles.", '"200.00"')
TIERS = Field(
    "tiers",
    MapOf(
        scalars.matching("a count", r"[2-9]|[1-9][0-9]{1,4}", "count", "2 or more, digits alone", True), PRICE
    ),
    "Price of each from this one on: volume steps.",
    '{21: "150.00"}',
    default=(),
    default_text="none",
)


def _employee(given: Converted) -> tuple[Tier, ...]:
    steps = sorted((int(entry.key), entry.value) for entry in given[TIERS] if entry.key)
    return (Tier(1, given[FIRST_PRICE]), *(Tier(start, price) for start, price in steps))


EMPLOYEE_PRICE = Record("the price of an employee", (FIRST_PRICE, TIERS), _employee)

MINUTE_PRICE = Field("price", PRICE, "A minute, in roubles.", '"2.30"')
INCREMENT = Field(
    "increment_s", scalars.seconds(1, _MOST_S), "Each started one counts whole.", "60", default=60
)
MINIMUM = Field("minimum_s", scalars.seconds(0, _MOST_S), "Shortest length that is charged.", "0", default=0)
FREE_BELOW = Field("free_below_s", scalars.seconds(0, _MOST_S), "A shorter call is free.", "0", default=0)
CONNECT_FEE = Field("connect_fee", PRICE, "An answered call, in roubles.", '"0"', default=Decimal(0))


def _rate(given: Converted) -> Rate:
    return Rate(
        prefix="",
        destination="",
        price=given[MINUTE_PRICE],
        starts_on=date.min,
        increment_s=given[INCREMENT],
        minimum_s=given[MINIMUM],
        free_below_s=given[FREE_BELOW],
        connect_fee=given[CONNECT_FEE],
    )


RATE = Record("the price of minutes", (MINUTE_PRICE, INCREMENT, MINIMUM, FREE_BELOW, CONNECT_FEE), _rate)


@dataclass(frozen=True, slots=True)
class Change:
    """What prices become on a date. Args: None, or an option left out: it stays."""

    version: str
    starts_on: date
    subscription: Decimal | None
    employee: tuple[Tier, ...] | None
    options: tuple[tuple[str, Decimal], ...]
    sms: Decimal | None
    autoinform: Rate | None
    minutes: IncludedMinutes | None
    included_sms: int | None
    position: Position


CHANGE_VERSION = Field("version", VERSION_TEXT, "Names the prices from then on in every charge.", '"2026-10"')
STARTS_ON = Field("starts_on", scalars.day("a date"), "First local date they are in force.", "2026-10-01")
NEW_SUBSCRIPTION: Field[Decimal | None] = Field(
    "subscription", PRICE, "A period, in roubles.", '"1100.00"', None, "as before"
)
NEW_EMPLOYEE: Field[tuple[Tier, ...] | None] = Field(
    "extra_employee", EMPLOYEE_PRICE, "An extra employee, a period.", '{price: "220.00"}', None, "as before"
)
NEW_SMS: Field[Decimal | None] = Field("sms", PRICE, "A segment, in roubles.", '"2.70"', None, "as before")
NEW_AUTOINFORM: Field[Rate | None] = Field(
    "autoinform", RATE, "Minutes of auto-informing.", '{price: "2.50"}', None, "as before"
)
NEW_OPTIONS = Field(
    "options", MapOf(OPTION_SLUG, PRICE), "A period, by option.", '{crm: "550.00"}', (), "as before"
)


def _change(given: Converted) -> Change:
    minutes, included_sms = given[NEW_INCLUDED]
    return Change(
        version=given[CHANGE_VERSION],
        starts_on=given[STARTS_ON],
        subscription=given[NEW_SUBSCRIPTION],
        employee=given[NEW_EMPLOYEE],
        options=tuple((entry.key, entry.value) for entry in given[NEW_OPTIONS]),
        sms=given[NEW_SMS],
        autoinform=given[NEW_AUTOINFORM],
        minutes=minutes,
        included_sms=included_sms,
        position=given.position,
    )


CHANGE = Record(
    "a change of prices",
    (
        *(CHANGE_VERSION, STARTS_ON, NEW_SUBSCRIPTION, NEW_INCLUDED),
        *(NEW_EMPLOYEE, NEW_SMS, NEW_AUTOINFORM, NEW_OPTIONS),
    ),
    _change,
)


def prices_by_date(first: Prices, changes: Sequence[Change]) -> tuple[Prices, ...]:
    """The states of the prices, each made of the one before it."""
    states = [first]
    for change in changes:
        before = states[-1]
        states.append(
            replace(
                before,
                version=change.version,
                starts_on=change.starts_on,
                subscription=_or(change.subscription, before.subscription),
                employee=_or(change.employee, before.employee),
                options={**before.options, **dict(change.options)},
                sms=_or(change.sms, before.sms),
                autoinform=_or(change.autoinform, before.autoinform),
                included_minutes=_or(change.minutes, before.included_minutes),
                included_sms=_or(change.included_sms, before.included_sms),
                position=change.position,
            )
        )
    return tuple(states)


def _or(given: T | None, before: T) -> T:
    return before if given is None else given
