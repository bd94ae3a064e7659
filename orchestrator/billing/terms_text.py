"""A tariff's terms as one canonical text, so that a charge can be computed again after the YAML has changed.

Everything that a service charge depends on is in it, and a deck's name and version; a deck's rates are not.
Two tariffs that charge alike have the same text and so the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from orchestrator.model.account import TariffState
from orchestrator.model.tariff import (
    BillingCycle,
    Deck,
    IncludedMinutes,
    Option,
    Prices,
    Rate,
    Tariff,
    Tier,
    Trial,
    VatRate,
)

_FORM = 1


def tariff_state(tariff: Tariff) -> TariffState:
    """A tariff's terms under their digest."""
    text = terms_text(tariff)
    return TariffState(hashlib.sha256(text.encode()).hexdigest(), tariff.slug, text)


def terms_text(tariff: Tariff) -> str:
    """The terms as JSON that has one form only: sorted keys, no spaces, amounts as text."""
    data = {
        "form": _FORM,
        "slug": tariff.slug,
        "title": dict(tariff.title),
        "currency": tariff.currency,
        "included_employees": tariff.included_employees,
        "lines_per_seat": tariff.lines_per_seat,
        "internal_calls_use_lines": tariff.internal_calls_use_lines,
        "includes": tariff.includes,
        "options": {slug: _option(option) for slug, option in tariff.options.items()},
        "deck": [tariff.deck.name, tariff.deck.version],
        "prices": [_prices(each) for each in tariff.prices],
        "vat": [[rate.starts_on.isoformat(), str(rate.percent)] for rate in tariff.vat],
        "vat_mode": tariff.vat_mode,
        "support_percent": str(tariff.support_percent),
        "trial": [tariff.trial.days, tariff.trial.options],
        "cycle": [tariff.cycle.months, tariff.cycle.days, tariff.cycle.anchor_day],
        "sms_segmentation": tariff.sms_segmentation,
        "kept_days": tariff.kept_days,
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tariff_from_terms(text: str) -> Tariff:
    """The tariff whose terms a text is, its deck without rates.

    Raises: ValueError: it is of a form that this vpbx doesn't know.
    """
    data = json.loads(text)
    if data["form"] != _FORM:
        raise ValueError(f"terms of form {data['form']}")
    name, version = data["deck"]
    return Tariff(
        slug=data["slug"],
        prices=tuple(_prices_from(each) for each in data["prices"]),
        title=data["title"],
        currency=data["currency"],
        included_employees=data["included_employees"],
        lines_per_seat=data["lines_per_seat"],
        options={slug: _option_from(slug, each) for slug, each in data["options"].items()},
        deck=Deck(name, version, ()),
        vat=tuple(VatRate(date.fromisoformat(day), Decimal(percent)) for day, percent in data["vat"]),
        vat_mode=data["vat_mode"],
        internal_calls_use_lines=data["internal_calls_use_lines"],
        trial=Trial(*data["trial"]),
        cycle=BillingCycle(*data["cycle"]),
        support_percent=Decimal(data["support_percent"]),
        sms_segmentation=data["sms_segmentation"],
        kept_days=data["kept_days"],
        includes=tuple(data["includes"]),
    )


def _prices(prices: Prices) -> dict[str, object]:
    return {
        "version": prices.version,
        "starts_on": prices.starts_on.isoformat(),
        "subscription": str(prices.subscription),
        "employee": [[tier.starts_at, str(tier.price)] for tier in prices.employee],
        "options": {slug: str(price) for slug, price in prices.options.items()},
        "sms": str(prices.sms),
        "autoinform": _rate(prices.autoinform),
        "included_minutes": _minutes(prices.included_minutes),
        "included_sms": prices.included_sms,
    }


def _minutes(minutes: IncludedMinutes | None) -> list[object] | None:
    return None if minutes is None else [minutes.quantity, list(minutes.to)]


def _minutes_from(data: list[Any] | None) -> IncludedMinutes | None:
    return None if data is None else IncludedMinutes(data[0], tuple(data[1]))


def _prices_from(data: Mapping[str, Any]) -> Prices:
    return Prices(
        version=data["version"],
        starts_on=date.fromisoformat(data["starts_on"]),
        subscription=Decimal(data["subscription"]),
        employee=tuple(Tier(starts_at, Decimal(price)) for starts_at, price in data["employee"]),
        options={slug: Decimal(price) for slug, price in data["options"].items()},
        sms=Decimal(data["sms"]),
        autoinform=_rate_from(data["autoinform"]),
        included_minutes=_minutes_from(data.get("included_minutes")),
        included_sms=data.get("included_sms", 0),
    )


def _rate(rate: Rate) -> dict[str, object]:
    return {
        "prefix": rate.prefix,
        "destination": rate.destination,
        "price": str(rate.price),
        "starts_on": rate.starts_on.isoformat(),
        "increment_s": rate.increment_s,
        "minimum_s": rate.minimum_s,
        "free_below_s": rate.free_below_s,
        "connect_fee": str(rate.connect_fee),
    }


def _rate_from(data: Mapping[str, Any]) -> Rate:
    return Rate(
        prefix=data["prefix"],
        destination=data["destination"],
        price=Decimal(data["price"]),
        starts_on=date.fromisoformat(data["starts_on"]),
        increment_s=data["increment_s"],
        minimum_s=data["minimum_s"],
        free_below_s=data["free_below_s"],
        connect_fee=Decimal(data["connect_fee"]),
    )


def _option(option: Option) -> dict[str, object]:
    return {
        "title": dict(option.title),
        "unlocks": option.unlocks,
        "retention_years": option.retention_years,
        "counted": option.counted,
    }


def _option_from(slug: str, data: Mapping[str, Any]) -> Option:
    return Option(
        slug=slug,
        title=data["title"],
        unlocks=tuple(data["unlocks"]),
        retention_years=data["retention_years"],
        counted=data["counted"],
    )
