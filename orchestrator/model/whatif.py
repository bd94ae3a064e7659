"""A month that was charged, beside what it would cost by another tariff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class CallFacts(NamedTuple):
    """What of a call's facts its price is made of. A tuple: a million of them pass by.

    Args: answered_us: microseconds since 1970 UTC. day: local date of the hangup, ISO. included_s: what it
    took of included minutes. rate: that priced it, as JSON.
    """

    answered_us: int
    day: str
    deck: str
    deck_prefix: str
    deck_version: str
    duration_s: int
    included_s: int
    rate: str
    tariff_digest: str
    time_zone: str


class PostedCharge(NamedTuple):
    """An entry of the ledger as it is computed again.

    Args: occurred_us: microseconds since 1970 UTC. call: of a call. facts: of all else. reverses: key of
    what it takes back.
    """

    key: str
    kind: str
    occurred_us: int
    amount_kop: int
    reverses: str | None
    call: CallFacts | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """Charges of one kind. Args: item: an option's slug, else empty."""

    kind: str
    item: str
    ledger_kop: int
    whatif_kop: int


@dataclass(frozen=True, slots=True)
class Unoffered:
    """An option that a tenant had on and that the other tariff doesn't sell, at all or so many times."""

    option: str
    quantity: int
    ledger_kop: int


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls that the other tariff's deck has no rate for: they are in no sum of the what-if.

    Args: prefix: that they were charged by. example: a number called, or the prefix when that is gone.
    """

    prefix: str
    example: str
    calls: int
    ledger_kop: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A tenant's month.

    Args:
        refused: why it can't be computed by the other tariff: `items` has the ledger's side alone.
        guessed: calls whose number is gone, and that were rated by the prefix they were charged by.
        as_posted: charges of an earlier vpbx that can't be computed again, on both sides as they were posted.
    """

    tenant: str
    items: tuple[Compared, ...]
    unoffered: tuple[Unoffered, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    guessed: int = 0
    as_posted: int = 0
    entries: int = 0
    refused: str = ""

    @property
    def ledger_kop(self) -> int:
        return sum(each.ledger_kop for each in self.items)

    @property
    def whatif_kop(self) -> int:
        return sum(each.whatif_kop for each in self.items)

    @property
    def difference_kop(self) -> int:
        """Below zero: the tenant would pay less."""
        return self.whatif_kop - self.ledger_kop
