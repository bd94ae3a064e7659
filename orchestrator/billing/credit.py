"""How long calls may last on what a tenant may spend: each reserves what it can cost, slice by slice.

Pure: who asks brings the time, the money and what else the tenant's calls hold.
Rule: docs/decisions.md, decision 13; docs/prepaid.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from math import lcm

from orchestrator.billing.rating import billable_seconds, call_cost
from orchestrator.model.tariff import Portion, Rate, Tariff

Left = Callable[[Portion], int]
"""How much of an allowance is left, seconds; asked with the whole of it."""


@dataclass(frozen=True, slots=True)
class CallPrice:
    """What one call can cost by its length: a second more never costs less.

    Args: rates: it may be charged by one of them: two when the day of its answer is not known yet and brings
    another. answered_at: or about when it will be. allowance: what its period includes for calls like it,
    whole; None: nothing.
    """

    rates: tuple[Rate, ...]
    tariff: Tariff
    zone: tzinfo
    answered_at: datetime
    allowance: Portion | None = None

    @property
    def increment_s(self) -> int:
        """Whole increments of each rate."""
        return lcm(*(rate.increment_s for rate in self.rates))

    def billable_s(self, seconds: int) -> int:
        return max(billable_seconds(seconds, rate) for rate in self.rates)

    def kop(self, seconds: int, left_s: int = 0) -> int:
        """The most that a length can cost, kopecks. Args: left_s: of the included minutes."""
        ends_at = self.answered_at + timedelta(seconds=seconds)
        days = {at.astimezone(self.zone).date() for at in (self.answered_at, ends_at)}
        percents = {self.tariff.vat_percent(day) for day in days}
        return max(
            call_cost(seconds, rate, percent, self.tariff.vat_mode, left_s).amount_kop
            for rate in self.rates
            for percent in percents
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one call holds, from its admission until its charge is posted.

    Args: granted_s: how long it may talk; the switch ends it then. answered_at: None: it hasn't been
    answered. ended_at: None: it is up, or gone. gone: its channel is no longer there, and nobody saw how it
    ended: it may have talked to the end.
    """

    tenant: str
    uniqueid: str
    price: CallPrice
    granted_s: int
    asked_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    gone: bool = False

    @property
    def is_over(self) -> bool:
        return self.gone or self.ended_at is not None

    @property
    def seconds(self) -> int:
        """The most that it can be charged for; 0: it ended unanswered.

        One that has ended is taken for a second longer than it seems: its times come over AMI, and those in
        the switch's record, which it is charged by, may lie a little further apart.
        """
        if self.ended_at is None:
            return self.granted_s
        if self.answered_at is None:
            return 0
        whole_s = int((self.ended_at - self.answered_at).total_seconds())
        return max(1, whole_s, min(self.granted_s, whole_s + 1))

    @property
    def runs_out_at(self) -> datetime | None:
        """When the switch ends it; None before its answer, and when it has ended."""
        if self.answered_at is None or self.is_over:
            return None
        return self.answered_at + timedelta(seconds=self.granted_s)


def held_kop(calls: Sequence[Reservation], left: Left) -> int:
    """What a tenant's calls hold together: never less than they will be charged, in whatever order they end.

    Included minutes go to whoever is charged first. So they count when one call alone may take them, or when
    they are enough for all; in between, each holds its full price.
    """
    by_allowance: dict[Portion | None, list[Reservation]] = {}
    for call in calls:
        if call.seconds:
            by_allowance.setdefault(call.price.allowance, []).append(call)
    return sum(_held_kop(group, 0 if whole is None else left(whole)) for whole, group in by_allowance.items())


def _held_kop(group: Sequence[Reservation], left_s: int) -> int:
    """What calls hold that take from one allowance."""
    if len(group) == 1:
        return group[0].price.kop(group[0].seconds, left_s)
    wanted = [call.price.billable_s(call.seconds) for call in group]
    if sum(wanted) <= left_s:
        return sum(call.price.kop(call.seconds, each) for call, each in zip(group, wanted, strict=True))
    return sum(call.price.kop(call.seconds) for call in group)


@dataclass(frozen=True, slots=True)
class Purse:
    """What a tenant's calls may hold together. Args: spendable_kop: None: any sum."""

    spendable_kop: int | None
    left: Left

    def granted_s(
        self, call: Reservation, others: Sequence[Reservation], slice_s: int, longest_s: int
    ) -> int:
        """How long a call may talk in all: one slice more, or as many whole increments as are paid for.

        Args: call: with what it was granted so far; 0: it is new. others: of its tenant. longest_s: of any.
        Returns: `call.granted_s`: no money is left for more.
        """
        step_s, had_s = call.price.increment_s, call.granted_s
        if had_s >= longest_s:
            return had_s
        whole = min(had_s + -(-slice_s // step_s) * step_s, longest_s)
        if self._pays(call, others, whole):
            return whole
        least, most = 0, (whole - had_s - 1) // step_s
        while least < most:
            middle = (least + most + 1) // 2
            if self._pays(call, others, had_s + middle * step_s):
                least = middle
            else:
                most = middle - 1
        return had_s + least * step_s

    def _pays(self, call: Reservation, others: Sequence[Reservation], seconds: int) -> bool:
        if self.spendable_kop is None:
            return True
        would = held_kop([*others, replace(call, granted_s=seconds)], self.left)
        return would <= self.spendable_kop or would == held_kop([*others, call], self.left)
