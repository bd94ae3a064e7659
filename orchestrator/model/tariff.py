"""A tariff: what a tenant may use and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrator.model.problem import Position


@dataclass(frozen=True, slots=True)
class VatRate:
    """A VAT rate in force from a local date. Rule: decision 6."""

    starts_on: date
    percent: Decimal


def percent_on(rates: tuple[VatRate, ...], day: date) -> Decimal:
    """The VAT rate in force on a local date; 0 before the first. Args: rates: by date, sorted."""
    percent = Decimal(0)
    for rate in rates:
        if rate.starts_on <= day:
            percent = rate.percent
    return percent


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a destination. Rule: decision 7.

    Args: prefix: E.164 digits without plus. price: roubles a minute. increment_s: each started one
    counts whole. minimum_s: shortest length that is charged. free_below_s: a call shorter than this
    is free (0: none is). connect_fee: roubles an answered call. starts_on: first local date in force.
    """

    prefix: str
    destination: str
    price: Decimal
    starts_on: date
    increment_s: int = 60
    minimum_s: int = 0
    free_below_s: int = 0
    connect_fee: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Deck:
    """A destination deck: all its rates, in any order; `billing.rating` looks prefixes up."""

    name: str
    version: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a tariff.

    Args: unlocks: names of functions, e.g. `recording`. retention_years: calendar years a recording is kept
    (decision 10), for each piece of a counted option; 0 when it has nothing to do with recordings.
    counted: a tenant orders a quantity of it, at so much apiece.
    """

    slug: str
    title: Mapping[str, str]
    unlocks: tuple[str, ...] = ()
    retention_years: int = 0
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """A volume step. Args: starts_at: the first piece that has this price, from 1. price: roubles apiece."""

    starts_at: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class IncludedMinutes:
    """Minutes of outbound calls that a period's subscription gives.

    Args: quantity: minutes. to: prefixes of the numbers they are for, digits without plus; empty: of all.
    """

    quantity: int
    to: tuple[str, ...] = ()

    def covers(self, number: str) -> bool:
        """Whether calls to an E.164 number are made of them."""
        return not self.to or number.removeprefix("+").startswith(self.to)


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of what a period's subscription includes: all of it, what is left, or what one call took.

    Args: allowance: `minutes` or `sms`. period_from: local date on which the period began. quantity: whole
    seconds of `minutes`, segments of `sms`.
    """

    allowance: str
    period_from: date
    quantity: int


@dataclass(frozen=True, slots=True)
class Prices:
    """What everything costs from a local date on, in roubles.

    Args:
        version: names this state in every charge. starts_on: `date.min` for the first state.
        subscription: a period. employee: an extra employee a period, by tiers, the first from 1.
        options: a period, apiece, by slug. sms: a segment. autoinform: as a rate of one destination.
        included_minutes, included_sms: minutes and segments in a subscription charged by these prices.
    """

    version: str
    starts_on: date = date.min
    subscription: Decimal = Decimal(0)
    employee: tuple[Tier, ...] = ()
    options: Mapping[str, Decimal] = field(default_factory=dict)
    sms: Decimal = Decimal(0)
    autoinform: Rate = Rate("", "", Decimal(0), date.min)
    included_minutes: IncludedMinutes | None = None
    included_sms: int = 0
    position: Position = field(default=Position(""), compare=False)


@dataclass(frozen=True, slots=True)
class BillingCycle:
    """When recurring charges fall. Rule: decision 4.

    Args: months, days: the length of a period, one of them 0. anchor_day: day of the month on which periods
    begin, whatever the day of the first charge; 0: they begin on that day.
    """

    months: int = 1
    days: int = 0
    anchor_day: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """What is free at first. Rule: decisions 4 and 5.

    Args: days: of 24 hours; 0: there is no trial. options: `free`, or `charged`: prorated to its end.
    """

    days: int = 7
    options: str = "free"


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff.

    Args:
        prices: its states by date, sorted; the first is in force from the beginning.
        included_employees, lines_per_seat: decision 2. includes: functions that need no option.
        vat: by date, sorted. vat_mode: `inside` or `on_top`. support_percent: share of a recurring charge
            that is technical support, decision 6.
        sms_segmentation: `as_sent` or `per_70`, decision 8.
        kept_days: how long a disconnected tenant's data is kept, decision 11.
    """

    slug: str
    prices: tuple[Prices, ...]
    title: Mapping[str, str]
    currency: str
    included_employees: int
    lines_per_seat: int
    options: Mapping[str, Option]
    deck: Deck
    vat: tuple[VatRate, ...]
    vat_mode: str = "inside"
    internal_calls_use_lines: bool = False
    position: Position = field(default=Position(""), compare=False)
    trial: Trial = Trial()
    cycle: BillingCycle = BillingCycle()
    support_percent: Decimal = Decimal(1)
    sms_segmentation: str = "as_sent"
    kept_days: int = 90
    includes: tuple[str, ...] = ()

    @property
    def has_allowances(self) -> bool:
        """Whether any of its prices include minutes or SMS."""
        return any(
            each.included_sms or (each.included_minutes and each.included_minutes.quantity)
            for each in self.prices
        )

    def vat_percent(self, day: date) -> Decimal:
        """The VAT rate in force on a local date; 0 before the first."""
        return percent_on(self.vat, day)

    def prices_on(self, day: date) -> Prices:
        """The prices in force on a local date."""
        return [each for each in self.prices if each.starts_on <= day][-1]
