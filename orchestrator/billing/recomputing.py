"""What a posted service charge is computed from, and the same charge computed again from that alone.

The facts hold no personal data, so an entry can be checked when its tenant's data is long gone.
Rule: docs/decisions.md, decisions 11 and 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from orchestrator.billing.periods import Period
from orchestrator.billing.recurring import Wanted, charge_recurring
from orchestrator.billing.usage import charge_autoinform, charge_sms
from orchestrator.model.service import AUTOINFORM, SMS, ServiceCharge
from orchestrator.model.tariff import Portion, Tariff


def facts_of(charge: ServiceCharge, tariff: str, digest: str) -> dict[str, object]:
    """The facts of a charge as they are posted. Args: tariff: its slug. digest: of its terms."""
    return {
        "at": charge.at.isoformat(),
        "tariff": tariff,
        "tariff_digest": digest,
        "tariff_version": charge.tariff_version,
        "kind": charge.kind,
        "item": charge.item,
        "quantity": charge.quantity,
        "beyond": charge.beyond,
        "period_from": _text(charge.period_from),
        "period_to": _text(charge.period_to),
        "full_days": charge.full_days,
        "priced_on": _text(charge.priced_on),
        "duration_s": charge.duration_s,
        "day": _text(charge.day),
        "licence_kop": charge.licence_kop,
        "support_kop": charge.support_kop,
        "vat_kop": charge.vat_kop,
        "vat_percents": [str(percent) for percent in charge.vat_percents],
        "rule": charge.rule,
        **taken_facts(charge.taken),
    }


def taken_facts(taken: Portion | None) -> dict[str, object]:
    """What of a use was included in the subscription, among its facts; nothing when nothing was."""
    if taken is None:
        return {}
    return {
        "included": {
            "allowance": taken.allowance,
            "period_from": taken.period_from.isoformat(),
            "quantity": taken.quantity,
        }
    }


def taken_from(facts: Mapping[str, Any]) -> Portion | None:
    """The same out of the facts of an entry."""
    given = facts.get("included")
    if given is None:
        return None
    return Portion(given["allowance"], date.fromisoformat(given["period_from"]), given["quantity"])


def recomputed(facts: Mapping[str, Any], tariff: Tariff) -> ServiceCharge | None:
    """The charge that these facts make by a tariff's terms; None when it would be for nothing.

    A charge holds when it has the posted amount, and `facts_of` it are the posted facts.

    Args: facts: as posted by `facts_of`. tariff: of the terms under `facts["tariff_digest"]`.
    Raises: KeyError, ValueError, TypeError: they are no facts of a service charge.
    """
    at, day = datetime.fromisoformat(facts["at"]), date.fromisoformat(facts["day"])
    priced_on, kind = date.fromisoformat(facts["priced_on"]), facts["kind"]
    if kind == SMS:
        return charge_sms(facts["quantity"], at, day, tariff, taken_from(facts))
    if kind == AUTOINFORM:
        return charge_autoinform(facts["duration_s"], priced_on, at, day, tariff)
    starts_on, ends_before = (date.fromisoformat(facts[name]) for name in ("period_from", "period_to"))
    what = Wanted(kind, facts["item"], facts["quantity"], facts["beyond"])
    rule, _, _ = facts["rule"].partition(":")
    return charge_recurring(what, Period(starts_on, ends_before, facts["full_days"]), at, day, tariff, rule)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
