"""What single uses of the service cost: SMS, auto-informing minutes, calls.

Rule: docs/decisions.md, decisions 6 (VAT by the date of sending or hangup), 7 (minutes), 8 (SMS), 9 (decks).
Prices are those in force when it was sent or answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from orchestrator.billing.included import Allowances, minutes_included, sms_included
from orchestrator.billing.periods import Period
from orchestrator.billing.rating import (
    CompiledDeck,
    PricedCall,
    price_call,
    price_talk,
    working_with_vat,
)
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
from orchestrator.model.tariff import Portion, Tariff

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class UsageTerms:
    """By what usage is charged. Args: deck: of the tariff."""

    terms: Terms
    deck: CompiledDeck


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the service.

    Args: at: of sending, or of the answer. span: the charged period that it fell in; None: the trial.
    tenant: whose allowances it takes from.
    """

    event: UsageEvent
    at: datetime
    span: Period | None = None
    tenant: str = ""

    @property
    def ended_at(self) -> datetime:
        """When it is charged."""
        seconds = 0 if isinstance(self.event, SmsSent) else self.event.duration_s
        return self.at + timedelta(seconds=seconds)


def charge_usage(use: Use, by: UsageTerms, allowances: Allowances) -> ServiceCharge | None:
    """What one use costs, and what it takes of what is included; None when neither.

    Raises: NoRate: the deck has no rate for the number called.
    """
    event, tariff = use.event, by.terms.tariff
    day, ended_on = by.terms.day(use.at), by.terms.day(use.ended_at)
    charge = None
    match event:
        case SmsSent():
            left = allowances.left(use.tenant, sms_included(use.span, tariff))
            charge = charge_sms(segments(event.text, tariff.sms_segmentation), use.at, day, tariff, left)
        case AutoinformCalled():
            charge = charge_autoinform(event.duration_s, day, use.ended_at, ended_on, tariff)
        case Called(direction="out"):
            left = allowances.left(use.tenant, minutes_included(event.to_number, use.span, tariff))
            length_s = max(1, event.duration_s)
            priced = price_call(event.to_number, length_s, day, ended_on, by.deck, tariff, left)
            charge = _talk(
                CALL, priced.rate.destination, priced, event.duration_s, day, use.ended_at, ended_on
            )
        case Called():
            pass
    if charge is not None:
        allowances.take(use.tenant, charge.taken)
    return charge


def charge_sms(
    count: int, at: datetime, day: date, tariff: Tariff, left: Portion | None = None
) -> ServiceCharge | None:
    """What an SMS of so many segments costs; None when nothing, and none of them was included.

    Args: day: local date of sending. left: of the included segments; what a posted SMS took makes the same
    charge again.
    """
    prices = tariff.prices_on(day)
    included = min(count, left.quantity) if left is not None and prices.sms else 0
    taken = replace(left, quantity=included) if left is not None and included else None
    sum_kop = kopecks((count - included) * prices.sms)
    paid = f"{count - included} x {prices.sms} = {roubles_text(sum_kop)}"
    working = f"{included} of {count} included; {paid}" if included else paid
    if included == count:
        working = f"{count} included"
    taxed = of_usage(sum_kop, day, tariff)
    if sum_kop == 0 and taken is None:
        return None
    return ServiceCharge(
        at=at,
        day=day,
        kind=SMS,
        item="",
        quantity=count,
        amount_kop=taxed.amount_kop,
        licence_kop=0,
        support_kop=0,
        vat_kop=taxed.vat_kop,
        period_from=None,
        period_to=None,
        tariff_version=prices.version,
        vat_percents=taxed.percents,
        rule=f"decision 8: {working_with_vat(working, sum_kop, taxed)}",
        priced_on=day,
        taken=taken,
    )


def charge_autoinform(
    duration_s: int, answered_on: date, ended_at: datetime, ended_on: date, tariff: Tariff
) -> ServiceCharge | None:
    """What an answered auto-informing call costs; None when nothing. Included minutes are not for these.

    Args: answered_on: local date whose price it has. ended_on: local date whose VAT it has.
    """
    rate = tariff.prices_on(answered_on).autoinform
    priced = price_talk(rate, max(1, duration_s), answered_on, ended_on, tariff)
    return _talk(AUTOINFORM, "", priced, duration_s, answered_on, ended_at, ended_on)


def _talk(
    kind: str,
    item: str,
    priced: PricedCall,
    duration_s: int,
    answered_on: date,
    ended_at: datetime,
    ended_on: date,
) -> ServiceCharge | None:
    cost = priced.cost
    if cost.amount_kop == 0 and priced.taken is None:
        return None
    return ServiceCharge(
        at=ended_at,
        day=ended_on,
        kind=kind,
        item=item,
        quantity=-(-cost.billable_s // _MINUTE_S),
        amount_kop=cost.amount_kop,
        licence_kop=0,
        support_kop=0,
        vat_kop=cost.vat_kop,
        period_from=None,
        period_to=None,
        tariff_version=priced.tariff_version,
        vat_percents=(priced.vat_percent,),
        rule=f"decision 7: {cost.working}",
        priced_on=answered_on,
        duration_s=duration_s,
        taken=priced.taken,
    )
