"""Which of our calls is which row of an operator's list, and how far its clock is ahead."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from statistics import median_low

from orchestrator.carrier.calls import ListedCall, OurCall
from orchestrator.carrier.nearest import pairs

_SURE_S = 2
"""Calls of the same length that begin within this belong together, before nearness alone decides."""
_CLOCK_CALLS = 10
_MOST_CLOCK_S = 14 * 3600

OurKey = Callable[[OurCall], Hashable]
TheirKey = Callable[[ListedCall], Hashable]


def counted(seconds: int, increment_s: int) -> int:
    """A length counted up to whole increments.

    >>> counted(61, 60), counted(60, 60), counted(0, 60)
    (120, 60, 0)
    """
    return -(-seconds // increment_s) * increment_s


def clock_of(ours: Sequence[OurCall], theirs: Sequence[ListedCall], within_s: int) -> int:
    """How far their clock is ahead, s: the median over numbers that both sides have as many calls with.

    Returns: 0 unless at least ten calls say it and most of them agree.
    """
    times: dict[Hashable, tuple[list[int], list[int]]] = {}
    for call in ours:
        if call.seconds and call.far:
            times.setdefault((call.direction, call.far), ([], []))[0].append(call.at)
    for row in theirs:
        both = times.get((row.direction, row.far))
        if both is not None and row.seconds:
            both[1].append(row.at)
    apart = [
        other - mine
        for one, two in times.values()
        if len(one) == len(two)
        for mine, other in zip(sorted(one), sorted(two), strict=True)
        if abs(other - mine) <= _MOST_CLOCK_S
    ]
    if len(apart) < _CLOCK_CALLS:
        return 0
    middle = median_low(apart)
    agreeing = sum(abs(each - middle) <= within_s for each in apart)
    return middle if 2 * agreeing > len(apart) else 0


def pairing(
    ours: Sequence[OurCall], theirs: Sequence[ListedCall], clock_s: int, within_s: int, increment_s: int
) -> Mapping[int, int]:
    """The position of theirs by that of ours.

    Calls of one number at one time are told apart by their lengths, all others by nearness. Then come those
    whose far number one side doesn't know, last those that one side has as unanswered.
    """
    found = _Pairing(ours, theirs, clock_s)
    for longer in (0, 1, -1):
        found.take(
            _of_length(longer, increment_s),
            lambda row: (row.direction, row.far, row.seconds) if row.seconds else None,
            min(_SURE_S, within_s),
        )
    answered: OurKey = lambda call: (call.direction, call.far) if call.seconds else None  # noqa: E731
    counted_too: TheirKey = lambda row: (row.direction, row.far) if row.seconds else None  # noqa: E731
    found.take(answered, counted_too, within_s)
    found.take(
        lambda call: None if call.far or not call.seconds else (call.direction, call.near),
        lambda row: (row.direction, row.near) if row.seconds else None,
        within_s,
    )
    found.take(
        lambda call: (call.direction, call.near) if call.seconds else None,
        lambda row: None if row.far or not row.seconds else (row.direction, row.near),
        within_s,
    )
    found.take(lambda call: (call.direction, call.far), lambda row: (row.direction, row.far), within_s)
    return found.partner


class _Pairing:
    """Args of `take`: key, their_key: what must be equal; None: not to be paired now."""

    def __init__(self, ours: Sequence[OurCall], theirs: Sequence[ListedCall], clock_s: int) -> None:
        self._ours, self._theirs, self._clock_s = ours, theirs, clock_s
        self._mine: Sequence[int] = range(len(ours))
        self._other: Sequence[int] = range(len(theirs))
        self.partner: dict[int, int] = {}

    def take(self, key: OurKey, their_key: TheirKey, within_s: int) -> None:
        found = dict(
            pairs(
                ((key(self._ours[each]), self._ours[each].at, each) for each in self._mine),
                (
                    (their_key(self._theirs[each]), self._theirs[each].at - self._clock_s, each)
                    for each in self._other
                ),
                within_s,
            )
        )
        self.partner |= found
        taken = set(found.values())
        self._mine = [each for each in self._mine if each not in found]
        self._other = [each for each in self._other if each not in taken]


def _of_length(longer: int, increment_s: int) -> OurKey:
    def key(call: OurCall) -> Hashable:
        if not call.seconds:
            return None
        return call.direction, call.far, counted(call.seconds + longer, increment_s)

    return key
