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
    """An option of a tariff. Args: unlocks: names of functions, e.g. `recording`.

    retention_years: calendar years a recording is kept (decision 10); 0 when it unlocks no recording.
    """

    slug: str
    title: Mapping[str, str]
    unlocks: tuple[str, ...] = ()
    retention_years: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff. Args: version: text that names this state of it in every charge.

    included_employees, lines_per_seat: decision 2. vat: by date, sorted. vat_mode: `inside` or `on_top`.
    """

    slug: str
    version: str
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

    def vat_percent(self, day: date) -> Decimal:
        """The VAT rate in force on a local date; 0 before the first."""
        percent = Decimal(0)
        for rate in self.vat:
            if rate.starts_on <= day:
                percent = rate.percent
        return percent
