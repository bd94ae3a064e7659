"""Pairs of calls that began near each other: one to one, the nearest first, always the same ones."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Iterator, Sequence

Pair = tuple[int, int]
Place = tuple[int, int]
"""When, in seconds, and the position in the list it came from."""


def pairs(
    ours: Iterable[tuple[Hashable, int, int]], theirs: Iterable[tuple[Hashable, int, int]], within: int
) -> Iterator[Pair]:
    """Positions of ours and theirs that belong together.

    Args: ours, theirs: key, time in seconds, position; only those of one key are paired, and those of None
    not at all.
    """
    groups: dict[Hashable, list[Place]] = {}
    for key, at, position in ours:
        if key is not None:
            groups.setdefault(key, []).append((at, position))
    others: dict[Hashable, list[Place]] = {}
    for key, at, position in theirs:
        if key in groups:
            others.setdefault(key, []).append((at, position))
    for key, places in others.items():
        mine = groups[key]
        if len(mine) == 1 and len(places) == 1:
            if abs(mine[0][0] - places[0][0]) <= within:
                yield mine[0][1], places[0][1]
        else:
            yield from nearest(sorted(mine), sorted(places), within)


def nearest(ours: Sequence[Place], theirs: Sequence[Place], within: int) -> Iterator[Pair]:
    """The nearest pair, the nearest of the rest, and so on; of equally near ones the earliest.

    The nearest two of different sides are neighbours when all stand in a row by time: whatever stood between
    them would be nearer to one of them. So neighbours alone are looked at, and when two leave, those on both
    sides of them become neighbours.

    >>> list(nearest([(0, 0), (10, 1)], [(9, 0), (30, 1)], 60))
    [(1, 0), (0, 1)]
    """
    row = sorted(
        [(at, 0, position) for at, position in ours] + [(at, 1, position) for at, position in theirs]
    )
    before = list(range(-1, len(row) - 1))
    after = [*range(1, len(row)), -1]
    gone = bytearray(len(row))
    waiting: list[tuple[int, int, int]] = []

    def consider(left: int, right: int) -> None:
        if left >= 0 and right >= 0 and row[left][1] != row[right][1]:
            apart = row[right][0] - row[left][0]
            if apart <= within:
                heapq.heappush(waiting, (apart, left, right))

    for left in range(len(row) - 1):
        consider(left, left + 1)
    while waiting:
        _, left, right = heapq.heappop(waiting)
        if gone[left] or gone[right]:
            continue
        gone[left] = gone[right] = 1
        mine, other = (left, right) if row[left][1] == 0 else (right, left)
        yield row[mine][2], row[other][2]
        outer_left, outer_right = before[left], after[right]
        if outer_left >= 0:
            after[outer_left] = outer_right
        if outer_right >= 0:
            before[outer_right] = outer_left
        consider(outer_left, outer_right)
