"""A tenant's month out of the ledger beside what it would cost: by another tariff, or by the terms of each
charge once more.

What recurs is charged again out of the history of the service (`exchange`); what was used is priced again
entry by entry, in the order in which it was charged, so that included minutes go to the same calls first.
A charge that was taken back is taken back in both. Rule: docs/whatif.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator.billing.call_prices import CallPrices
from orchestrator.billing.exchange import (
    charged_again,
    exchanged,
    options_on,
    tariffs_of,
    unsold,
    without_options,
)
from orchestrator.billing.history import Tariffs
from orchestrator.billing.included import Allowances, minutes_included, sms_included
from orchestrator.billing.periods import Period
from orchestrator.billing.rating import compile_tariff
from orchestrator.billing.statement import RECURRING, REVERSAL, kind_named, rank_of
from orchestrator.billing.timeline import ChargedPeriods, Spans
from orchestrator.billing.usage import charge_autoinform, charge_sms
from orchestrator.errors import EventRefused
from orchestrator.model.account import DatedEvent
from orchestrator.model.payment import PAYMENT
from orchestrator.model.service import AUTOINFORM, CALL, OPTION, SMS, SUBSCRIPTION
from orchestrator.model.statement import Month
from orchestrator.model.tariff import IncludedMinutes, Portion, Tariff
from orchestrator.model.whatif import CallFacts, Compared, Comparison, PostedCharge, Unoffered, Unpriced

Numbers = Callable[[Sequence[str]], Mapping[str, str]]
"""Numbers called, E.164, by call: what is before the last slash of a charge's key. Those gone are missing."""
Again = Callable[[PostedCharge], int | None]
"""Kopecks of an entry by its own terms; None where that can't be computed."""

_ZONES_DIFFER = timedelta(days=2)
"""More than local dates of one moment can be apart."""
_SECOND_US = 1_000_000


class ByTariff:
    """Another tariff, made ready for all tenants. Args: new: it. real: by slug, those that tenants had."""

    def __init__(self, new: Tariff, real: Mapping[str, Tariff]) -> None:
        self.new = new
        self.real = real
        self.prices = CallPrices(compile_tariff(new))
        self.tariffs = Tariffs(exchanged(new, real))

    def refusal(self, events: Sequence[DatedEvent], begins_at: datetime, ends_at: datetime) -> str:
        """Why a tenant can't have it in a month, or nothing."""
        for slug in tariffs_of(events, begins_at, ends_at):
            if slug not in self.real:
                return f"tariff {slug}, which it had, is gone"
            if self.real[slug].cycle != self.new.cycle:
                return f"tariff {slug}, which it had, charges in another rhythm than {self.new.slug}"
        return ""


@dataclass(slots=True)
class _Sums:
    """Kopecks of one side by kind and item."""

    kop: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, kind: str, item: str, amount_kop: int) -> None:
        key = (kind, item if kind == OPTION else "")
        self.kop[key] = self.kop.get(key, 0) + amount_kop


@dataclass(slots=True)
class _Gap:
    example: str
    calls: int = 0
    ledger_kop: int = 0


class TenantMonth:
    """One tenant's month while its entries pass by.

    Args: zone: the tenant's, for entries that carry no local date. events: of its service, the oldest first.
    by: another tariff; None: the terms of each charge.
    """

    def __init__(
        self,
        tenant: str,
        month: Month,
        zone: ZoneInfo,
        events: Sequence[DatedEvent] = (),
        by: ByTariff | None = None,
    ) -> None:
        self.tenant = tenant
        self._month = month
        self._zone = zone
        self._events = events
        self._reversed: frozenset[str] = frozenset()
        self._by = by
        self._first, self._after = month.first.isoformat(), month.after.isoformat()
        self._begins_at, self._ends_at = month.begins_at(zone), month.ends_at(zone)
        self._ledger, self._whatif = _Sums(), _Sums()
        self._gaps: dict[str, _Gap] = {}
        self._guessed = self._as_posted = self._entries = 0
        self._uses = None if by is None else _Uses(tenant, events, by, self._ends_at)

    @property
    def reads(self) -> tuple[datetime, datetime]:
        """Between which moments its entries are needed: a call's period may have begun before the month."""
        since, until = self.around
        return (since, until) if self._uses is None else self._uses.needed(since, until)

    @property
    def around(self) -> tuple[datetime, datetime]:
        """Between which moments all entries of the month itself occurred."""
        return self._begins_at - _ZONES_DIFFER, self._ends_at + _ZONES_DIFFER

    def taken_back(self, keys: Iterable[str]) -> None:
        """Note which entries were taken back, before any of them passes."""
        self._reversed = frozenset(keys)
        if self._uses is not None:
            self._uses.taken_back = self._reversed

    def take(self, page: Sequence[PostedCharge], numbers: Numbers, again: Again) -> None:
        """Entries in the order in which they were charged."""
        called = {} if self._uses is None else self._uses.numbers(page, numbers)
        first, after, uses = self._first, self._after, self._uses
        for entry in page:
            kind = kind_named(entry.kind, entry.reverses, entry.facts)
            if kind == PAYMENT:
                continue
            day = entry.call.day if entry.call is not None else self._day(entry)
            is_of_month = first <= day < after
            if is_of_month:
                self._entries += 1
                self._ledger.add(kind, entry.facts.get("item", ""), entry.amount_kop)
            if uses is None:
                if is_of_month:
                    self._compute(entry, kind, again)
            elif kind not in RECURRING:
                self._price(entry, kind, uses, called, is_of_month)

    def compared(self) -> Comparison:
        """The month, once all its entries have passed."""
        by, refused = self._by, ""
        lacks: tuple[Unoffered, ...] = ()
        if by is not None:
            refused = by.refusal(self._events, self._begins_at, self._ends_at)
            dropped = unsold(self._events, by.new)
            on = options_on(self._events, self._begins_at, self._ends_at)
            lacks = tuple(
                Unoffered(slug, on.get(slug, 0), self._ledger.kop.get((OPTION, slug), 0))
                for slug in sorted(dropped)
                if slug in on or (OPTION, slug) in self._ledger.kop
            )
            refused = refused or self._charge(by, dropped)
        keys = sorted(
            {*self._ledger.kop, *self._whatif.kop}, key=lambda each: (rank_of(each[0]), each[0], each[1])
        )
        return Comparison(
            tenant=self.tenant,
            items=tuple(
                Compared(*key, self._ledger.kop.get(key, 0), 0 if refused else self._whatif.kop.get(key, 0))
                for key in keys
            ),
            unoffered=lacks,
            unpriced=tuple(
                Unpriced(prefix, gap.example, gap.calls, gap.ledger_kop)
                for prefix, gap in sorted(self._gaps.items())
                if gap.calls
            ),
            guessed=self._guessed,
            as_posted=self._as_posted,
            entries=self._entries,
            refused=refused,
        )

    def _compute(self, entry: PostedCharge, kind: str, again: Again) -> None:
        """By the terms that an entry was charged by."""
        amount_kop = again(entry)
        if amount_kop is None:
            self._as_posted += -1 if entry.kind == REVERSAL else 1
            amount_kop = entry.amount_kop
        elif entry.kind == REVERSAL:
            amount_kop = -amount_kop
        self._whatif.add(kind, entry.facts.get("item", ""), amount_kop)

    def _price(
        self, entry: PostedCharge, kind: str, uses: _Uses, called: Mapping[str, str], is_of_month: bool
    ) -> None:
        """By the other tariff; what is of another month takes from what is included all the same."""
        amount_kop, note = uses.price(entry, kind, called)
        if not is_of_month:
            return
        one = -1 if entry.kind == REVERSAL else 1
        if note == _GUESSED:
            self._guessed += one
        elif note == _AS_POSTED:
            self._as_posted += one
        elif note == _NO_RATE:
            prefix = entry.call.deck_prefix if entry.call is not None else ""
            number = called.get(_call_in(entry.reverses or entry.key))
            gap = self._gaps.setdefault(prefix, _Gap(number or prefix))
            gap.calls += one
            gap.ledger_kop += entry.amount_kop
            return
        self._whatif.add(kind, "", amount_kop)

    def _charge(self, by: ByTariff, dropped: frozenset[str]) -> str:
        """Charge what recurs out of the history. Returns: why that can't be, or nothing."""
        try:
            made = charged_again(without_options(self._events, dropped), by.tariffs, self._ends_at)
        except EventRefused as error:
            return error.message
        taken_back = {_without_item(key) for key in self._reversed}
        for entry in made:
            charge = entry.charge
            if (
                self._month.first <= charge.day < self._month.after
                and _without_item(entry.key) not in taken_back
            ):
                self._whatif.add(charge.kind, charge.item, charge.amount_kop)
        return ""

    def _day(self, entry: PostedCharge) -> str:
        """What carries no local date is of its date in the tenant's zone."""
        if "day" in entry.facts:
            return str(entry.facts["day"])
        at = datetime.fromtimestamp(entry.occurred_us // _SECOND_US, self._zone)
        return at.date().isoformat()


_PRICED, _GUESSED, _AS_POSTED, _NO_RATE = "", "guessed", "as posted", "no rate"


class _Uses:
    """Calls, SMS and auto-informing minutes of one tenant by another tariff, in the order of charging."""

    def __init__(
        self,
        tenant: str,
        events: Sequence[DatedEvent],
        by: ByTariff,
        ends_at: datetime,
    ) -> None:
        self._tenant = tenant
        self._by = by
        self._tariff = by.new
        self._prices = by.prices
        self.taken_back: frozenset[str] = frozenset()
        self._kept: dict[str, tuple[int, str, Portion | None]] = {}
        """What was made of charges that were taken back."""
        self._includes = by.new.has_allowances
        self._allowances = Allowances(lambda _tenant, _whole: 0)
        self._wholes: dict[int, tuple[IncludedMinutes | None, Portion | None]] = {}
        """By the number of a charged period, what it includes of minutes, and for which numbers."""
        self._midnights: dict[tuple[str, str], int] = {}
        self._spans: list[Period | None] = []
        self._starts_us: list[int] = []
        if self._includes:
            for at, span in _spans(tenant, events, by.tariffs, ends_at + _ZONES_DIFFER):
                self._starts_us.append(_micros(at))
                self._spans.append(span)

    def needed(self, since: datetime, until: datetime) -> tuple[datetime, datetime]:
        """Between which moments entries are needed, so that what is left of what was included is known: those
        of whole periods, as one of the month may have been charged after one of a later month."""
        first, last = self._span(_micros(since)), self._spans[-1] if self._spans else None
        if first is not None:
            since = min(since, datetime.combine(first.starts_on, time(), UTC) - _ZONES_DIFFER)
        if last is not None:
            until = max(until, datetime.combine(last.ends_before, time(), UTC) + _ZONES_DIFFER)
        return since, until

    def numbers(self, page: Sequence[PostedCharge], numbers: Numbers) -> Mapping[str, str]:
        """Numbers called, of those calls whose prefix doesn't tell how they are priced."""
        wanted = []
        for entry in page:
            if entry.call is not None:
                fare = self._prices.fare(entry.call, self._answered_on(entry.call))
                if fare.needs_number or fare.route is None:
                    wanted.append(_call_in(entry.reverses or entry.key))
        return numbers(wanted) if wanted else {}

    def price(self, entry: PostedCharge, kind: str, called: Mapping[str, str]) -> tuple[int, str]:
        """Kopecks of an entry, and what is to be said of it."""
        if entry.kind == REVERSAL:
            amount_kop, note, taken = self._kept.get(
                entry.reverses or "", (-entry.amount_kop, _AS_POSTED, None)
            )
            if taken is not None:
                self._allowances.take(
                    self._tenant, Portion(taken.allowance, taken.period_from, -taken.quantity)
                )
            return -amount_kop, note
        amount_kop, note, taken = self._made(entry, kind, called)
        if entry.key in self.taken_back:
            self._kept[entry.key] = amount_kop, note, taken
        return amount_kop, note

    def _made(
        self, entry: PostedCharge, kind: str, called: Mapping[str, str]
    ) -> tuple[int, str, Portion | None]:
        if kind == CALL:
            return self._call(entry, called)
        facts = entry.facts
        at, day = datetime.fromisoformat(facts["at"]), date.fromisoformat(facts["day"])
        if kind == SMS:
            left = None
            if self._includes:
                left = self._allowances.left(
                    self._tenant, sms_included(self._span(_micros(at)), self._tariff)
                )
            charge = charge_sms(facts["quantity"], at, day, self._tariff, left)
        elif kind == AUTOINFORM:
            answered_on = date.fromisoformat(facts["priced_on"])
            charge = charge_autoinform(facts["duration_s"], answered_on, at, day, self._tariff)
        else:
            return entry.amount_kop, _AS_POSTED, None
        if charge is None:
            return 0, _PRICED, None
        self._allowances.take(self._tenant, charge.taken)
        return charge.amount_kop, _PRICED, charge.taken

    def _call(self, entry: PostedCharge, called: Mapping[str, str]) -> tuple[int, str, Portion | None]:
        call, prices, note = entry.call, self._prices, _PRICED
        if call is None:
            return entry.amount_kop, _AS_POSTED, None
        digits, answered_on = call.deck_prefix, self._answered_on(call)
        fare = prices.fare(call, answered_on)
        route = fare.route
        if fare.needs_number or route is None:
            number = called.get(_call_in(entry.key), "").removeprefix("+")
            if not number:
                note = _GUESSED
            else:
                digits = number
                if not fare.same_deck:
                    route = prices.by_number(number, answered_on, call.day)
        if route is None:
            return 0, _NO_RATE, None
        left = self._left(digits, call.answered_us) if self._includes else None
        amount_kop, taken_s = route.cost(call.duration_s, 0 if left is None else left.quantity)
        if left is None or not taken_s:
            return amount_kop, note, None
        taken = Portion(left.allowance, left.period_from, taken_s)
        self._allowances.take(self._tenant, taken)
        return amount_kop, note, taken

    def _left(self, digits: str, answered_us: int) -> Portion | None:
        place = bisect_right(self._starts_us, answered_us) - 1
        if place < 0:
            return None
        if place not in self._wholes:
            span = self._spans[place]
            minutes = None if span is None else self._tariff.prices_on(span.starts_on).included_minutes
            one = "" if minutes is None or not minutes.to else minutes.to[0]
            whole = None if minutes is None else minutes_included(one, span, self._tariff)
            self._wholes[place] = minutes, whole
        minutes, whole = self._wholes[place]
        if minutes is None or not minutes.covers(digits):
            return None
        return self._allowances.left(self._tenant, whole)

    def _span(self, at_us: int) -> Period | None:
        place = bisect_right(self._starts_us, at_us) - 1
        return self._spans[place] if place >= 0 else None

    def _answered_on(self, call: CallFacts) -> str:
        """The local date of an answer: mostly that of the hangup."""
        key = (call.day, call.time_zone)
        begins_us = self._midnights.get(key)
        if begins_us is None:
            begins_at = datetime.combine(date.fromisoformat(call.day), time(), ZoneInfo(call.time_zone))
            begins_us = self._midnights[key] = _micros(begins_at)
        if call.answered_us >= begins_us:
            return call.day
        at = datetime.fromtimestamp(call.answered_us // _SECOND_US, ZoneInfo(call.time_zone))
        return at.date().isoformat()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _spans(tenant: str, events: Sequence[DatedEvent], tariffs: Tariffs, upto: datetime) -> Spans:
    """Charged periods until a moment, and those that begin before the last of them is over."""
    known = ChargedPeriods(tariffs, lambda _tenant: events)
    found = known.until(tenant, upto)
    last = found[-1][1] if found else None
    if last is None:
        return found
    return known.until(tenant, max(upto, datetime.combine(last.ends_before, time(), UTC) + _ZONES_DIFFER))


def _call_in(key: str) -> str:
    """The call that a charge is of: a corrected charge is of the same."""
    return key.rpartition("/")[0]


def _without_item(key: str) -> str:
    """The key of a recurring charge without the tariff's slug, which is another there."""
    before, _, last = key.rpartition("/")
    return before if before.endswith(f"/{SUBSCRIPTION}") else f"{before}/{last}"
