"""What an answered outbound call costs.

Rule: docs/decisions.md, decision 6 (VAT of usage), 7 (minutes), 9 (decks), 12 (one rounding step).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal

from orchestrator.billing.tax import Taxed, taxed_usage
from orchestrator.billing.terms_text import tariff_state
from orchestrator.errors import NoRate
from orchestrator.model.account import TariffState
from orchestrator.model.call import Charge, Usage
from orchestrator.model.money import ratio_half_up, roubles_text
from orchestrator.model.tariff import Deck, Portion, Rate, Tariff


@dataclass(frozen=True, slots=True)
class CompiledDeck:
    """A deck made ready for look-ups by longest prefix.

    Args:
        by_prefix: every prefix with its rates, newest `starts_on` first.
        lengths: of the prefixes, longest first.
    """

    name: str
    version: str
    by_prefix: Mapping[str, tuple[Rate, ...]]
    lengths: tuple[int, ...]

    def rate_of(self, number: str, day: date) -> Rate:
        """The rate of the longest prefix that is in force on a local date.

        Args: number: E.164.
        Raises: NoRate: no prefix covers the number on that date.
        """
        digits = number.removeprefix("+")
        by_prefix = self.by_prefix
        for length in self.lengths:
            for rate in by_prefix.get(digits[:length], ()):
                if rate.starts_on <= day:
                    return rate
        raise NoRate(
            f"deck {self.name} version {self.version} has no rate for {digits[:4]}... on {day}",
            "add the prefix to the deck; the call is charged at the next reconciliation",
        )


@dataclass(frozen=True, slots=True)
class CompiledTariff:
    """A tariff with its deck ready for look-ups. Args: state: its terms, to compute charges again by."""

    tariff: Tariff
    deck: CompiledDeck
    state: TariffState


def compile_deck(deck: Deck) -> CompiledDeck:
    """A deck with its prefixes in one table. Among rates of one prefix and date the last one stands."""
    found: dict[str, dict[date, Rate]] = {}
    for rate in deck.rates:
        found.setdefault(rate.prefix, {})[rate.starts_on] = rate
    by_prefix = {
        prefix: tuple(dated[day] for day in sorted(dated, reverse=True)) for prefix, dated in found.items()
    }
    lengths = tuple(sorted({len(prefix) for prefix in by_prefix}, reverse=True))
    return CompiledDeck(deck.name, deck.version, by_prefix, lengths)


def compile_tariff(tariff: Tariff) -> CompiledTariff:
    """A tariff ready for `rate`; worth keeping while many calls are rated."""
    return CompiledTariff(tariff, compile_deck(tariff.deck), tariff_state(tariff))


def billable_seconds(duration_s: int, rate: Rate) -> int:
    """Length that is charged: at least the minimum, each started increment whole, 0 for a free call.

    >>> from decimal import Decimal
    >>> each_minute = Rate("7", "RU", Decimal("2.30"), date(2026, 1, 1))
    >>> billable_seconds(60, each_minute), billable_seconds(61, each_minute)
    (60, 120)
    >>> each_second = Rate("7", "RU", Decimal(3), date(2026, 1, 1), 1, minimum_s=30, free_below_s=5)
    >>> [billable_seconds(length, each_second) for length in (4, 5, 31)]
    [0, 30, 31]
    """
    if duration_s < rate.free_below_s:
        return 0
    least = max(duration_s, rate.minimum_s)
    return -(-least // rate.increment_s) * rate.increment_s


def rate(usage: Usage, tariff: CompiledTariff, zone: tzinfo, left: Portion | None = None) -> Charge:
    """What a call costs: the rate of the answer's local date, the VAT of the hangup's.

    The sum is exact until its one rounding to kopecks; VAT is rounded from that sum.

    Args: tariff: the tenant's. zone: the tenant's time zone. left: of the included minutes that the call may
    be made of; None: it has none.
    Raises: NoRate: no prefix covers the number.

    One minute and one second at 2.30 a minute, VAT 22% inside: 4.60, of it 4.60 x 22/122 = 0.83:

    >>> from datetime import UTC, datetime, timedelta
    >>> from decimal import Decimal
    >>> from orchestrator.model.call import ChargeKey, Systemname
    >>> from orchestrator.model.tariff import Prices, VatRate
    >>> deck = Deck("d", "1", (Rate("7495", "Moscow", Decimal("2.30"), date(2026, 1, 1)),))
    >>> master = Tariff("master", (Prices("1"),), {}, "RUB", 7, 2, {}, deck,
    ...                 (VatRate(date(2026, 1, 1), Decimal(22)),))
    >>> answer = datetime(2026, 9, 22, 9, 0, tzinfo=UTC)
    >>> usage = Usage(ChargeKey(Systemname("ab12"), "ab12-1.1", "call"), "acme", "ab12-1.0", "out",
    ...               "+74951110000", "+74957654321", answer, answer + timedelta(seconds=61.9))
    >>> charge = rate(usage, compile_tariff(master), UTC)
    >>> charge.amount_kop, charge.vat_kop, charge.working
    (460, 83, '2 x 60 s x 2.30/min = 4.60')
    """
    answered_on = usage.answered_at.astimezone(zone).date()
    day = usage.ended_at.astimezone(zone).date()
    priced = price_call(usage.to_number, usage.duration_s, answered_on, day, tariff.deck, tariff.tariff, left)
    cost = priced.cost
    return Charge(
        key=usage.key,
        tenant=usage.tenant,
        kind=usage.key.kind,
        linkedid=usage.linkedid,
        amount_kop=cost.amount_kop,
        vat_kop=cost.vat_kop,
        vat_percent=priced.vat_percent,
        duration_s=usage.duration_s,
        billable_s=cost.billable_s,
        tariff=tariff.tariff.slug,
        tariff_version=priced.tariff_version,
        deck=tariff.deck.name,
        deck_version=tariff.deck.version,
        deck_prefix=priced.rate.prefix,
        destination=priced.rate.destination,
        day=day,
        answered_at=usage.answered_at,
        occurred_at=usage.ended_at,
        estimated=usage.estimated,
        working=cost.working,
        rate=priced.rate,
        vat_mode=tariff.tariff.vat_mode,
        time_zone=str(zone),
        state=tariff.state,
        taken=priced.taken,
    )


@dataclass(frozen=True, slots=True)
class PricedCall:
    """An answered call with everything that its price is made of: charges of the ledger and of a forecast are
    two shapes of it.

    Args: rate: that priced it. vat_percent: of the hangup's date. tariff_version: of the prices of the
    answer. taken: of the included minutes; None: nothing.
    """

    rate: Rate
    cost: CallCost
    vat_percent: Decimal
    tariff_version: str
    taken: Portion | None


def price_call(
    to_number: str,
    duration_s: int,
    answered_on: date,
    ended_on: date,
    deck: CompiledDeck,
    tariff: Tariff,
    left: Portion | None = None,
) -> PricedCall:
    """Price an answered outbound call by a deck.

    Args: to_number: E.164. others: as of `price_talk`. Raises: NoRate.
    """
    return price_talk(deck.rate_of(to_number, answered_on), duration_s, answered_on, ended_on, tariff, left)


def price_talk(
    rate: Rate,
    duration_s: int,
    answered_on: date,
    ended_on: date,
    tariff: Tariff,
    left: Portion | None = None,
) -> PricedCall:
    """Price an answered call by a rate that is known.

    Args: answered_on: local date whose prices it has. ended_on: local date whose VAT it has. left: of the
    included minutes that it may be made of.
    """
    vat_percent = tariff.vat_percent(ended_on)
    cost = call_cost(duration_s, rate, vat_percent, tariff.vat_mode, 0 if left is None else left.quantity)
    taken = None if left is None or not cost.included_s else replace(left, quantity=cost.included_s)
    return PricedCall(rate, cost, vat_percent, tariff.prices_on(answered_on).version, taken)


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a call costs, VAT and all.

    Args: working: in one line. included_s: how much of `billable_s` was included in the subscription.
    """

    billable_s: int
    amount_kop: int
    vat_kop: int
    working: str
    included_s: int = 0


def call_cost(duration_s: int, rate: Rate, vat_percent: Decimal, vat_mode: str, left_s: int = 0) -> CallCost:
    """What a length of talk costs: all that is computed of a call charge, and all that computing it takes.

    Args: left_s: what is left of the included minutes; what a posted call took makes the same cost again.
    Rule: decisions 6 and 7.
    """
    priced = price_length(duration_s, rate, left_s)
    taxed = taxed_usage(priced.sum_kop, vat_percent, vat_mode)
    working = working_with_vat(priced.working, priced.sum_kop, taxed)
    return CallCost(priced.billable_s, taxed.amount_kop, taxed.vat_kop, working, priced.included_s)


@dataclass(frozen=True, slots=True)
class PricedLength:
    """What a length of talk costs before VAT that comes on top.

    Args: included_s: how much of `billable_s` was included in the subscription. working: in one line.
    """

    billable_s: int
    sum_kop: int
    working: str
    included_s: int = 0


def price_length(duration_s: int, rate: Rate, left_s: int = 0) -> PricedLength:
    """Price a length of talk.

    Of the included minutes it takes whole increments, as many as are left, and pays for the others; a
    connect fee is paid unless all are included. What costs nothing anyway takes nothing.

    Args: left_s: what is left of the included minutes. Rule: decision 7; docs/tariffs.md.

    >>> from decimal import Decimal
    >>> each_minute = Rate("7", "RU", Decimal("2.30"), date(2026, 1, 1))
    >>> price_length(241, each_minute, left_s=200).working
    '3 of 5 x 60 s included; 2 x 60 s x 2.30/min = 4.60'
    >>> price_length(241, each_minute, left_s=300).working
    '5 x 60 s included'
    """
    billable_s = billable_seconds(duration_s, rate)
    sum_kop = _sum_kop(billable_s, rate)
    included_s = min(billable_s, left_s // rate.increment_s * rate.increment_s) if sum_kop and left_s else 0
    if included_s:
        sum_kop = _sum_kop(billable_s - included_s, rate)
    working = _working(duration_s, billable_s, included_s, rate, sum_kop)
    return PricedLength(billable_s, sum_kop, working, included_s)


def working_with_vat(working: str, sum_kop: int, taxed: Taxed) -> str:
    """A working, with the VAT where that comes on top of it."""
    if taxed.amount_kop == sum_kop:
        return working
    percents = "% and ".join(map(str, taxed.percents))
    return f"{working} + VAT {percents}% {roubles_text(taxed.vat_kop)} = {roubles_text(taxed.amount_kop)}"


def _sum_kop(billable_s: int, rate: Rate) -> int:
    """Price of the billable length with the connect fee, rounded once; a free call has no fee either."""
    if billable_s == 0:
        return 0
    price, price_parts = rate.price.as_integer_ratio()
    fee, fee_parts = rate.connect_fee.as_integer_ratio()
    roubles = price * billable_s * fee_parts + fee * price_parts * 60
    return ratio_half_up(100 * roubles, price_parts * fee_parts * 60)


def _working(duration_s: int, billable_s: int, included_s: int, rate: Rate, sum_kop: int) -> str:
    """The computation in one line."""
    if billable_s == 0:
        return f"{duration_s} s < {rate.free_below_s} s: free"
    least = f"{duration_s} s, at least {rate.minimum_s} s: " if duration_s < rate.minimum_s else ""
    intervals, included = billable_s // rate.increment_s, included_s // rate.increment_s
    if included == intervals:
        return f"{least}{intervals} x {rate.increment_s} s included"
    part = f"{included} of {intervals} x {rate.increment_s} s included; " if included else ""
    fee = f" + {rate.connect_fee} connect fee" if rate.connect_fee else ""
    paid = f"{intervals - included} x {rate.increment_s} s x {rate.price}/min"
    return f"{least}{part}{paid}{fee} = {roubles_text(sum_kop)}"
