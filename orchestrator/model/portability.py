"""Who has a number: what a table of ported numbers and of numbers' ranges says."""

from __future__ import annotations

from dataclasses import dataclass

Codes = tuple[str, ...]
"""How an operator is called, small letters, what decides first: route, owner, country and network."""

PARTED_BY = "&"


@dataclass(frozen=True, slots=True)
class Porting:
    """Numbers and who has them.

    Args: prefix: digits that they begin with, or the whole number. since: epoch, s. codes: parted by
    `PARTED_BY`. region: of the operator's own, or empty. size: how many numbers the line had.
    """

    prefix: str
    since: int
    codes: str
    region: str = ""
    size: int = 1

    @property
    def each_code(self) -> Codes:
        return tuple(self.codes.split(PARTED_BY))


def prefixes(first: str, last: str) -> list[str]:
    """The fewest beginnings that all numbers of a range have, and no others. Args: of the same length.

    >>> prefixes("79160000", "79161299")
    ['79160', '791610', '791611', '791612']
    """
    found: list[str] = []
    low, high = int(first), int(last)
    while low <= high:
        size = 1
        while low % (size * 10) == 0 and low + size * 10 - 1 <= high:
            size *= 10
        found.append(str(low)[: len(first) - len(str(size)) + 1])
        low += size
    return found
