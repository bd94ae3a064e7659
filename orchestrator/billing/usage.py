"""What single uses of the service cost: SMS, auto-informing minutes, calls.

Rule: docs/decisions.md, decisions 6 (VAT by the date of sending or hangup), 7 (minutes), 8 (SMS), 9 (decks).
Prices are those in force when it was sent or answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

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
from orchestrator.model.tariff import Rate, Tariff

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
    terms = by.terms
    tariff, day = terms.tariff, terms.day(at)
    match event:
        case SmsSent():
            return charge_sms(segments(event.text, tariff.sms_segmentation), at, day, tariff)
        case AutoinformCalled():
            ended_at = at + timedelta(seconds=event.duration_s)
            return charge_autoinform(event.duration_s, day, ended_at, terms.day(ended_at), tariff)
        case Called(direction="out"):
            rate = by.deck.rate_of(event.to_number, day)
            ended_at = at + timedelta(seconds=event.duration_s)
            used = _talk(CALL, rate.destination, event.duration_s, rate)
            return _usage(used, day, ended_at, terms.day(ended_at), tariff)
        case Called():
            return None


def charge_sms(count: int, at: datetime, day: date, tariff: Tariff) -> ServiceCharge | None:
    """What an SMS of so many segments costs; None when nothing. Args: day: local date of sending."""
    price = tariff.prices_on(day).sms
    sum_kop = kopecks(count * price)
    working = f"decision 8: {count} x {price} = {roubles_text(sum_kop)}"
    return _usage(_Used(SMS, "", count, sum_kop, working), day, at, day, tariff)


def charge_autoinform(
    duration_s: int, answered_on: date, ended_at: datetime, ended_on: date, tariff: Tariff
) -> ServiceCharge | None:
    """What an answered auto-informing call costs; None when nothing.

    Args: answered_on: local date whose price it has. ended_on: local date whose VAT it has.
    """
    used = _talk(AUTOINFORM, "", duration_s, tariff.prices_on(answered_on).autoinform)
    return _usage(used, answered_on, ended_at, ended_on, tariff)


@dataclass(frozen=True, slots=True)
class _Used:
    """One use. Args: sum_kop: before VAT that comes on top."""

    kind: str
    item: str
    quantity: int
    sum_kop: int
    working: str
    duration_s: int = 0


def _talk(kind: str, item: str, duration_s: int, rate: Rate) -> _Used:
    priced = price_length(max(1, duration_s), rate)
    minutes = -(-priced.billable_s // _MINUTE_S)
    return _Used(kind, item, minutes, priced.sum_kop, f"decision 7: {priced.working}", duration_s)


def _usage(used: _Used, priced_on: date, at: datetime, day: date, tariff: Tariff) -> ServiceCharge | None:
    if used.sum_kop == 0:
        return None
    taxed = of_usage(used.sum_kop, day, tariff)
    return ServiceCharge(
        at=at,
        day=day,
        kind=used.kind,
        item=used.item,
        quantity=used.quantity,
        amount_kop=taxed.amount_kop,
        licence_kop=0,
        support_kop=0,
        vat_kop=taxed.vat_kop,
        period_from=None,
        period_to=None,
        tariff_version=tariff.prices_on(priced_on).version,
        vat_percents=taxed.percents,
        rule=working_with_vat(used.working, used.sum_kop, taxed),
        priced_on=priced_on,
        duration_s=used.duration_s,
    )
