"""What an operator's list and our calls don't agree on. Rule: docs/reconciliation.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from orchestrator.carrier.calls import IN, OUT, ListedCall, OurCall
from orchestrator.carrier.pairing import clock_of, counted, pairing

Kind = Literal["missing", "foreign", "repeated", "unanswered", "length", "increment"]

INCREMENTS = (60, 30, 20, 15, 12, 10, 6, 5)
"""Steps in which operators count, the longest first."""
_STEP_CALLS = 3
"""So many lengths at least say in which steps an operator counts: one may come out so by chance."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts as the same.

    Args: within_s: begins may be so far apart. apart_s: lengths too. increment_s: what the operator counts
    lengths up to. span: epoch, s, the end exclusive, by the operator's clock; None: from the list's first
    call to its last.
    """

    within_s: int = 60
    apart_s: int = 1
    increment_s: int = 1
    span: tuple[int, int] | None = None
    trunk: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't the same.

    Args:
        kind: `missing`: the list lacks a call of ours; `foreign`: we know nothing of one of its; `repeated`:
            it has that call twice; `unanswered`: it counts a call that wasn't answered here; `length`: apart
            in length; `increment`: it counts in steps of `increment_s`.
        line_before: of `repeated`: where the list has the call first.
    """

    kind: Kind
    ours: OurCall | None
    theirs: ListedCall | None
    increment_s: int = 0
    line_before: int = 0

    @property
    def at(self) -> int:
        """Epoch, s: when it began by our clock, or else by theirs."""
        return self.ours.at if self.ours is not None else self.theirs.at if self.theirs is not None else 0


@dataclass(slots=True)
class Total:
    """Answered calls of one trunk. Args: cost: roubles, as the list says; None: it says none."""

    ours: int = 0
    ours_s: int = 0
    theirs: int = 0
    theirs_s: int = 0
    cost: Decimal | None = None

    def add_ours(self, call: OurCall) -> None:
        self.ours += call.seconds > 0
        self.ours_s += call.seconds

    def add_theirs(self, call: ListedCall) -> None:
        self.theirs += call.seconds > 0
        self.theirs_s += call.seconds
        if call.cost is not None:
            self.cost = call.cost + (self.cost or Decimal(0))


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it.

    Args:
        differences: by time. totals: by trunk; under the empty name calls that no trunk is known of.
        paired: calls that both have. clock_s: how far the operator's clock is ahead of ours.
        outside: rows before or after the span.
    """

    differences: Sequence[Difference]
    totals: Mapping[str, Total]
    paired: int
    clock_s: int
    outside: int


def compare(
    ours: Sequence[OurCall], listed: Sequence[ListedCall], own: frozenset[str], terms: Terms
) -> Compared:
    """Compare calls.

    Args:
        ours: with some from before and after the span: clocks differ.
        own: numbers of tenants, by which the direction is told where the list doesn't say it.
    """
    own |= {call.near for call in ours}
    theirs = [_directed(row, own) for row in listed]
    clock_s = clock_of(ours, theirs, terms.within_s)
    found = pairing(ours, theirs, clock_s, terms.within_s, terms.increment_s)
    return _Comparison(ours, theirs, found, clock_s, terms).compared()


def span_of(theirs: Sequence[ListedCall]) -> tuple[int, int]:
    """From the first call to the last, the end exclusive."""
    times = [row.at for row in theirs]
    return (min(times), max(times) + 1) if times else (0, 0)


def _directed(row: ListedCall, own: frozenset[str]) -> ListedCall:
    """With a direction: a call from a number of ours goes out, and so does one of which neither is ours."""
    if row.direction:
        return row
    comes_in = row.from_number not in own and (row.to_number in own or not row.to_number)
    return row._replace(direction=IN if comes_in else OUT)


@dataclass(slots=True)
class _Comparison:
    """Args: partner: position of theirs by that of ours."""

    ours: Sequence[OurCall]
    theirs: Sequence[ListedCall]
    partner: Mapping[int, int]
    clock_s: int
    terms: Terms
    differences: list[Difference] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)
    outside: int = 0

    def compared(self) -> Compared:
        begin, end = self.terms.span or span_of(self.theirs)
        paired = self._take_ours(begin, end)
        self._take_the_rest(begin, end)
        self.differences.sort(key=_order)
        return Compared(
            self.differences, dict(sorted(self.totals.items())), paired, self.clock_s, self.outside
        )

    def _take_ours(self, begin: int, end: int) -> int:
        """Returns: how many answered calls both sides have. A pair belongs where the list has it."""
        paired = 0
        both = [(self.ours[one], self.theirs[two]) for one, two in sorted(self.partner.items())]
        step = self._step(both)
        for mine, row in both:
            if begin <= row.at < end:
                paired += bool(mine.seconds and row.seconds)
                self._total(mine.trunk).add_ours(mine)
                self._total(mine.trunk).add_theirs(row)
                self._judge(mine, row, step)
            else:
                self.outside += 1
        for position, mine in enumerate(self.ours):
            lacking = position not in self.partner and mine.seconds
            if lacking and begin <= mine.at + self.clock_s < end:
                self._total(mine.trunk).add_ours(mine)
                self.differences.append(Difference("missing", mine, None))
        return paired

    def _judge(self, mine: OurCall, row: ListedCall, step: int) -> None:
        if not self._apart(mine, row, self.terms.increment_s):
            return
        if not mine.seconds:
            self.differences.append(Difference("unanswered", mine, row))
        elif step and not self._apart(mine, row, step):
            self.differences.append(Difference("increment", mine, row, increment_s=step))
        else:
            self.differences.append(Difference("length", mine, row))

    def _apart(self, mine: OurCall, row: ListedCall, increment_s: int) -> bool:
        """Whether no length near ours, counted up, is theirs."""
        if not mine.seconds or not row.seconds:
            return bool(mine.seconds) != bool(row.seconds)
        least = counted(max(mine.seconds - self.terms.apart_s, 1), increment_s)
        most = counted(mine.seconds + self.terms.apart_s, increment_s)
        return not least <= row.seconds <= most or row.seconds % increment_s != 0

    def _step(self, both: Sequence[tuple[OurCall, ListedCall]]) -> int:
        """In which other steps the operator counts: what explains most lengths apart, and half of them."""
        apart = [
            (mine, row)
            for mine, row in both
            if mine.seconds and row.seconds and self._apart(mine, row, self.terms.increment_s)
        ]
        explained = {
            step: sum(not self._apart(mine, row, step) for mine, row in apart) for step in INCREMENTS
        }
        best = max(INCREMENTS, key=lambda step: explained[step])
        return best if explained[best] >= _STEP_CALLS and 2 * explained[best] > len(apart) else 0

    def _take_the_rest(self, begin: int, end: int) -> None:
        """Rows that no call of ours belongs to. An attempt that wasn't answered costs nobody anything.

        Of rows that say the same the first one is the call, whichever was paired.
        """
        taken = set(self.partner.values())
        lacking = Counter(
            row[1:] for place, row in enumerate(self.theirs) if place not in taken and row.seconds
        )
        alike: dict[object, list[ListedCall]] = {}
        for row in self.theirs:
            if row[1:] in lacking:
                alike.setdefault(row[1:], []).append(row)
        for said, number in lacking.items():
            first = alike[said][0]
            if not begin <= first.at < end:
                self.outside += number
                continue
            for row in alike[said][-number:]:
                self._total(self.terms.trunk).add_theirs(row)
                before = first.line if row is not first else 0
                kind: Kind = "repeated" if before else "foreign"
                self.differences.append(Difference(kind, None, row, line_before=before))

    def _total(self, trunk: str) -> Total:
        return self.totals.setdefault(trunk, Total())


def _order(each: Difference) -> tuple[int, str, int]:
    line = each.theirs.line if each.theirs is not None else 0
    return each.at, each.ours.uniqueid if each.ours is not None else "", line
