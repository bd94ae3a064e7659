"""A tenant's calendar month on paper: what was paid, what was charged, and how each charge came about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_EARLIEST, _LATEST = 1971, 9998


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month.

    >>> month = Month.of("2026-12")
    >>> str(month), month.first, month.after
    ('2026-12', datetime.date(2026, 12, 1), datetime.date(2027, 1, 1))
    """

    year: int
    month: int

    @classmethod
    def of(cls, text: str) -> Month | None:
        """A month written YYYY-MM; None for anything else.

        >>> Month.of("2026-13"), Month.of("2026-1")
        (None, None)
        """
        found = _MONTH.fullmatch(text)
        if found is None or not _EARLIEST <= int(found[1]) <= _LATEST:
            return None
        return cls(int(found[1]), int(found[2]))

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def after(self) -> date:
        """The first day that is no longer in it."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)

    @property
    def last(self) -> date:
        return date.fromordinal(self.after.toordinal() - 1)

    def begins_at(self, zone: ZoneInfo) -> datetime:
        """Its first moment, aware UTC."""
        return datetime.combine(self.first, time(), zone).astimezone(UTC)

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """The moment it is over, aware UTC."""
        return datetime.combine(self.after, time(), zone).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry of the ledger as a statement is made of it.

    Args: facts: as posted. to_number, employee: of the call that it charges; empty when that is no call, or
    its personal data was purged.
    """

    key: str
    kind: str
    amount_kop: int
    occurred_at: datetime
    posted_at: datetime
    facts: Mapping[str, object]
    reverses: str | None = None
    to_number: str = ""
    employee: str = ""


@dataclass(frozen=True, slots=True)
class PostedMonth:
    """What the ledger has of a tenant around a month.

    Args: before_kop: sum of all entries older than `entries`. entries: in the order in which they occurred,
    some days before the month to some days after it. entered: older ones, entered within the month.
    """

    before_kop: int
    entries: tuple[PostedEntry, ...]
    entered: tuple[PostedEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class CallWorking:
    """How a call's price came about.

    Args: talked_s, billable_s, included_s: of a reversal, those of what it takes back. prefix: of the deck,
    digits. price: roubles a minute, None where the entry doesn't tell.
    """

    talked_s: int
    billable_s: int
    included_s: int
    prefix: str
    destination: str
    deck: str
    price: Decimal | None = None
    increment_s: int = 0
    minimum_s: int = 0
    free_below_s: int = 0
    connect_fee: Decimal = Decimal(0)

    @property
    def intervals(self) -> int:
        """Started increments."""
        return self.billable_s // self.increment_s if self.increment_s else 0


@dataclass(frozen=True, slots=True)
class Line:
    """One charge, or what takes one back.

    Args:
        number: within the statement, from 1. at: when it occurred, aware UTC.
        kind: of `CHARGE_KINDS`, of a reversal that of its original. item: the tariff's or option's slug.
        quantity: pieces, employees, segments, or started minutes; below zero: taken back.
        unpaid: how much of it the subscription included.
        licence_kop, support_kop: of a recurring charge, else 0. vat_kop: in the amount.
        working: how the amount came about, as the ledger says it.
        corrects: it replaces a charge that was estimated. reverses: number of the line that it takes back;
        0: of none. late: it was entered after the month's end.
        call: None for what is no call. to_number, employee: see `PostedEntry`.
    """

    number: int
    key: str
    at: datetime
    day: date
    posted_at: datetime
    kind: str
    item: str
    tariff: str
    quantity: int
    unpaid: int
    amount_kop: int
    licence_kop: int
    support_kop: int
    vat_kop: int
    vat_percents: tuple[Decimal, ...]
    period_from: date | None
    period_to: date | None
    working: str
    is_reversal: bool = False
    reverses: int = 0
    why: str = ""
    corrects: bool = False
    estimated: bool = False
    late: bool = False
    call: CallWorking | None = None
    to_number: str = ""
    employee: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment. Args: amount_kop: below zero: it takes one back, and `why` says why."""

    key: str
    at: datetime
    day: date
    posted_at: datetime
    ref: str
    amount_kop: int
    is_reversal: bool = False
    why: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Charges of one kind, options by item. Args: lines: how many. quantity: see `Line`, calls in seconds."""

    kind: str
    item: str
    tariff: str
    lines: int
    quantity: int
    amount_kop: int
    licence_kop: int
    support_kop: int
    vat_kop: int


@dataclass(frozen=True, slots=True)
class TaxPart:
    """What of the charges is taxed in one way. Args: part: `licence`, `support` or `usage`. percents: none or
    zero: no VAT; two: the charge's period spans a change of the rate."""

    part: str
    percents: tuple[Decimal, ...]
    amount_kop: int
    vat_kop: int


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered within the month for an earlier one. Args: amount_kop: what it changes of the debt."""

    month: Month
    kind: str
    entries: int
    amount_kop: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A tenant's month. Sums are those of the ledger's entries.

    Args:
        opening_kop, closing_kop: what is left of payments; below zero: what the tenant owes.
        draft: the month isn't over. made_at: aware UTC.
        entered: what `opening_kop` has that was entered after the month before was over.
    """

    tenant: str
    month: Month
    zone: ZoneInfo
    draft: bool
    made_at: datetime
    opening_kop: int
    payments: tuple[Paid, ...]
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]
    taxes: tuple[TaxPart, ...]
    entered: tuple[Entered, ...]

    @property
    def paid_kop(self) -> int:
        return sum(each.amount_kop for each in self.payments)

    @property
    def charged_kop(self) -> int:
        return sum(each.amount_kop for each in self.lines)

    @property
    def closing_kop(self) -> int:
        return self.opening_kop + self.paid_kop - self.charged_kop

    @property
    def late(self) -> int:
        """How many of its entries were entered after the month's end."""
        return sum(each.late for each in self.payments) + sum(each.late for each in self.lines)
