"""Calls, SMS and auto-informing minutes that were charged, priced again by another tariff.

One entry after the other, in the order in which they were charged, so that what is included goes to the same
uses first. Rule: docs/whatif.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator.billing.call_prices import CallPrices
from orchestrator.billing.exchange import exchanged, tariffs_of
from orchestrator.billing.history import Tariffs
from orchestrator.billing.included import Allowances, minutes_included, sms_included
from orchestrator.billing.periods import Period
from orchestrator.billing.rating import compile_tariff
from orchestrator.billing.statement import REVERSAL
from orchestrator.billing.timeline import ChargedPeriods, Spans
from orchestrator.billing.usage import charge_autoinform, charge_sms
from orchestrator.model.account import DatedEvent
from orchestrator.model.service import AUTOINFORM, CALL, SMS
from orchestrator.model.tariff import IncludedMinutes, Portion, Tariff
from orchestrator.model.whatif import CallFacts, PostedCharge

Numbers = Callable[[Sequence[str]], Mapping[str, str]]
"""Numbers called, E.164, by call: what is before the last slash of a charge's key. Those gone are missing."""

ZONES_DIFFER = timedelta(days=2)
"""More than local dates of one moment can be apart."""
_SECOND_US = 1_000_000

PRICED, GUESSED, AS_POSTED, NO_RATE = "", "guessed", "as posted", "no rate"
"""What is to be said of a price."""


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


class Uses:
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
            for at, span in _spans(tenant, events, by.tariffs, ends_at + ZONES_DIFFER):
                self._starts_us.append(_micros(at))
                self._spans.append(span)

    def needed(self, since: datetime, until: datetime) -> tuple[datetime, datetime]:
        """Between which moments entries are needed, so that what is left of what was included is known: those
        of whole periods, as one of the month may have been charged after one of a later month."""
        first, last = self._span(_micros(since)), self._spans[-1] if self._spans else None
        if first is not None:
            since = min(since, datetime.combine(first.starts_on, time(), UTC) - ZONES_DIFFER)
        if last is not None:
            until = max(until, datetime.combine(last.ends_before, time(), UTC) + ZONES_DIFFER)
        return since, until

    def numbers(self, page: Sequence[PostedCharge], numbers: Numbers) -> Mapping[str, str]:
        """Numbers called, of those calls whose prefix doesn't tell how they are priced."""
        wanted = []
        for entry in page:
            if entry.call is not None:
                fare = self._prices.fare(entry.call, self._answered_on(entry.call))
                if fare.needs_number or fare.route is None:
                    wanted.append(call_in(entry.reverses or entry.key))
        return numbers(wanted) if wanted else {}

    def price(self, entry: PostedCharge, kind: str, called: Mapping[str, str]) -> tuple[int, str]:
        """Kopecks of an entry, and what is to be said of it."""
        if entry.kind == REVERSAL:
            amount_kop, note, taken = self._kept.get(
                entry.reverses or "", (-entry.amount_kop, AS_POSTED, None)
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
            return entry.amount_kop, AS_POSTED, None
        if charge is None:
            return 0, PRICED, None
        self._allowances.take(self._tenant, charge.taken)
        return charge.amount_kop, PRICED, charge.taken

    def _call(self, entry: PostedCharge, called: Mapping[str, str]) -> tuple[int, str, Portion | None]:
        call, prices, note = entry.call, self._prices, PRICED
        if call is None:
            return entry.amount_kop, AS_POSTED, None
        digits, answered_on = call.deck_prefix, self._answered_on(call)
        fare = prices.fare(call, answered_on)
        route = fare.route
        if fare.needs_number or route is None:
            number = called.get(call_in(entry.key), "").removeprefix("+")
            if not number:
                note = GUESSED
            else:
                digits = number
                if not fare.same_deck:
                    route = prices.by_number(number, answered_on, call.day)
        if route is None:
            return 0, NO_RATE, None
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
    return known.until(tenant, max(upto, datetime.combine(last.ends_before, time(), UTC) + ZONES_DIFFER))


def call_in(key: str) -> str:
    """The call that a charge is of: a corrected charge is of the same."""
    return key.rpartition("/")[0]
