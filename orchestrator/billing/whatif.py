"""A tenant's month out of the ledger beside what it would cost: by another tariff, or by the terms of each
charge once more.

What recurs is charged again out of the history of the service (`exchange`); what was used is priced again
entry by entry, in the order in which it was charged, so that included minutes go to the same calls first.
A charge that was taken back is taken back in both. Rule: docs/whatif.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.billing.exchange import charged_again, options_on, unsold, without_options
from orchestrator.billing.repricing import (
    AS_POSTED,
    GUESSED,
    NO_RATE,
    ZONES_DIFFER,
    ByTariff,
    Numbers,
    Uses,
    call_in,
)
from orchestrator.billing.statement import RECURRING, REVERSAL, kind_named, rank_of
from orchestrator.errors import EventRefused
from orchestrator.model.account import DatedEvent
from orchestrator.model.payment import PAYMENT
from orchestrator.model.service import OPTION, SUBSCRIPTION
from orchestrator.model.statement import Month
from orchestrator.model.whatif import Compared, Comparison, PostedCharge, Unoffered, Unpriced

Again = Callable[[PostedCharge], int | None]
"""Kopecks of an entry by its own terms; None where that can't be computed."""

_SECOND_US = 1_000_000


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
        self._uses = None if by is None else Uses(tenant, events, by, self._ends_at)

    @property
    def reads(self) -> tuple[datetime, datetime]:
        """Between which moments its entries are needed: a call's period may have begun before the month."""
        since, until = self.around
        return (since, until) if self._uses is None else self._uses.needed(since, until)

    @property
    def around(self) -> tuple[datetime, datetime]:
        """Between which moments all entries of the month itself occurred."""
        return self._begins_at - ZONES_DIFFER, self._ends_at + ZONES_DIFFER

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
        self, entry: PostedCharge, kind: str, uses: Uses, called: Mapping[str, str], is_of_month: bool
    ) -> None:
        """By the other tariff; what is of another month takes from what is included all the same."""
        amount_kop, note = uses.price(entry, kind, called)
        if not is_of_month:
            return
        one = -1 if entry.kind == REVERSAL else 1
        if note == GUESSED:
            self._guessed += one
        elif note == AS_POSTED:
            self._as_posted += one
        elif note == NO_RATE:
            prefix = entry.call.deck_prefix if entry.call is not None else ""
            number = called.get(call_in(entry.reverses or entry.key))
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


def _without_item(key: str) -> str:
    """The key of a recurring charge without the tariff's slug, which is another there."""
    before, _, last = key.rpartition("/")
    return before if before.endswith(f"/{SUBSCRIPTION}") else f"{before}/{last}"
