"""What single uses of the service cost: SMS, auto-informing minutes, calls.

Rule: docs/decisions.md, decisions 6 (VAT by the date of sending or hangup), 7 (minutes), 8 (SMS), 9 (decks).
Prices are those in force when it was sent or answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.billing.rating import CompiledDeck, price_length, working_with_vat
from orchestrator.billing.service import Terms
from orchestrator.billing.sms import segments
from orchestrator.billing.tax import of_usage
from orchestrator.model.money import kopecks, roubles_text
from orchestrator.model.service import (
    AUTOINFORM,
    CALL,
    SMS,
    AutoinformCalled,
    Called,
    ServiceCharge,
    SmsSent,
    UsageEvent,
)
from orchestrator.model.tariff import Rate

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class UsageTerms:
    """By what usage is charged. Args: deck: of the tariff."""

    terms: Terms
    deck: CompiledDeck


def charge_usage(event: UsageEvent, at: datetime, by: UsageTerms) -> ServiceCharge | None:
    """What one use costs; None when nothing.

    Args: at: of sending, or of the answer. Raises: NoRate: the deck has no rate for the number called.
    """
    match event:
        case SmsSent():
            return _sms(event, at, by.terms)
        case AutoinformCalled():
            rate = by.terms.tariff.prices_on(by.terms.day(at)).autoinform
            return _talk(AUTOINFORM, "", event.duration_s, rate, at, by.terms)
        case Called(direction="out"):
            rate = by.deck.rate_of(event.to_number, by.terms.day(at))
            return _talk(CALL, rate.destination, event.duration_s, rate, at, by.terms)
        case Called():
            return None


def _sms(event: SmsSent, at: datetime, terms: Terms) -> ServiceCharge | None:
    prices = terms.tariff.prices_on(terms.day(at))
    count = segments(event.text, terms.tariff.sms_segmentation)
    sum_kop = kopecks(count * prices.sms)
    working = f"{count} x {prices.sms} = {roubles_text(sum_kop)}"
    return _usage(SMS, "", count, sum_kop, f"decision 8: {working}", at, at, terms)


def _talk(
    kind: str, item: str, duration_s: int, rate: Rate, answered_at: datetime, terms: Terms
) -> ServiceCharge | None:
    talked_s = max(1, duration_s)
    priced = price_length(talked_s, rate)
    minutes = -(-priced.billable_s // _MINUTE_S)
    ended_at = answered_at + timedelta(seconds=duration_s)
    return _usage(
        kind, item, minutes, priced.sum_kop, f"decision 7: {priced.working}", answered_at, ended_at, terms
    )


def _usage(
    kind: str,
    item: str,
    quantity: int,
    sum_kop: int,
    rule: str,
    priced_at: datetime,
    ended_at: datetime,
    terms: Terms,
) -> ServiceCharge | None:
    if sum_kop == 0:
        return None
    day = terms.day(ended_at)
    taxed = of_usage(sum_kop, day, terms.tariff)
    return ServiceCharge(
        at=ended_at,
        day=day,
        kind=kind,
        item=item,
        quantity=quantity,
        amount_kop=taxed.amount_kop,
        licence_kop=0,
        support_kop=0,
        vat_kop=taxed.vat_kop,
        period_from=None,
        period_to=None,
        tariff_version=terms.tariff.prices_on(terms.day(priced_at)).version,
        vat_percents=taxed.percents,
        rule=working_with_vat(rule, sum_kop, taxed),
    )
