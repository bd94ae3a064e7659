"""What single uses of the service cost: SMS, auto-informing minutes, calls.

Rule: docs/decisions.md, decisions 6 (VAT by the date of sending or hangup), 7 (minutes), 8 (SMS), 9 (decks).
Prices are those in force when it was sent or answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.billing.included import Allowances, minutes_included, sms_included
from orchestrator.billing.periods import Period
from orchestrator.billing.rating import (
    CompiledDeck,
    CompiledTariff,
    PricedCall,
    price_call,
    price_talk,
    working_with_vat,
)
from orchestrator.billing.service import Terms
from orchestrator.billing.sms import segments
from orchestrator.billing.tax import Taxed, of_usage
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
from orchestrator.model.tariff import Portion

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class UsageTerms:
    """By what usage is charged. Args: deck: of the tariff."""

    terms: Terms
    deck: CompiledDeck

    @property
    def tariff(self) -> CompiledTariff:
        return CompiledTariff(self.terms.tariff, self.deck)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the service.

    Args: at: of sending, or of the answer. span: the charged period that it fell in; None: the trial.
    """

    event: UsageEvent
    at: datetime
    span: Period | None = None

    @property
    def ended_at(self) -> datetime:
        """When it is charged."""
        seconds = 0 if isinstance(self.event, SmsSent) else self.event.duration_s
        return self.at + timedelta(seconds=seconds)


def charge_usage(use: Use, by: UsageTerms, allowances: Allowances) -> ServiceCharge | None:
    """What one use costs, and what it takes of what is included; None when neither.

    Raises: NoRate: the deck has no rate for the number called.
    """
    terms, event = by.terms, use.event
    match event:
        case SmsSent():
            return _sms(event, use, terms, allowances)
        case AutoinformCalled():
            rate = terms.tariff.prices_on(terms.day(use.at)).autoinform
            priced = price_talk(rate, use.at, use.ended_at, terms.tariff, terms.zone)
            return _talk(AUTOINFORM, "", priced, use, terms)
        case Called(direction="out"):
            left = allowances.left("", minutes_included(event.to_number, use.span, terms.tariff))
            priced = price_call(event.to_number, use.at, use.ended_at, by.tariff, terms.zone, left)
            allowances.take("", priced.taken)
            return _talk(CALL, priced.rate.destination, priced, use, terms)
        case Called():
            return None


def _sms(event: SmsSent, use: Use, terms: Terms, allowances: Allowances) -> ServiceCharge | None:
    prices = terms.tariff.prices_on(terms.day(use.at))
    count = segments(event.text, terms.tariff.sms_segmentation)
    left = allowances.left("", sms_included(use.span, terms.tariff))
    included = min(count, left.quantity) if left is not None and prices.sms else 0
    taken = replace(left, quantity=included) if left is not None and included else None
    allowances.take("", taken)
    sum_kop = kopecks((count - included) * prices.sms)
    paid = f"{count - included} x {prices.sms} = {roubles_text(sum_kop)}"
    if included == count:
        working = f"{count} included"
    else:
        working = f"{included} of {count} included; {paid}" if included else paid
    taxed = of_usage(sum_kop, terms.day(use.at), terms.tariff)
    rule = f"decision 8: {working_with_vat(working, sum_kop, taxed)}"
    return _charge(SMS, "", count, taxed, prices.version, rule, use, terms, taken)


def _talk(kind: str, item: str, priced: PricedCall, use: Use, terms: Terms) -> ServiceCharge | None:
    minutes = -(-priced.length.billable_s // _MINUTE_S)
    rule = f"decision 7: {priced.working}"
    return _charge(kind, item, minutes, priced.taxed, priced.tariff_version, rule, use, terms, priced.taken)


def _charge(
    kind: str,
    item: str,
    quantity: int,
    taxed: Taxed,
    tariff_version: str,
    rule: str,
    use: Use,
    terms: Terms,
    taken: Portion | None,
) -> ServiceCharge | None:
    """A charge, or None when it is for nothing that a tenant counts."""
    if taxed.amount_kop == 0 and taken is None:
        return None
    return ServiceCharge(
        at=use.ended_at,
        day=terms.day(use.ended_at),
        kind=kind,
        item=item,
        quantity=quantity,
        amount_kop=taxed.amount_kop,
        licence_kop=0,
        support_kop=0,
        vat_kop=taxed.vat_kop,
        period_from=None,
        period_to=None,
        tariff_version=tariff_version,
        vat_percents=taxed.percents,
        rule=rule,
        taken=taken,
    )
