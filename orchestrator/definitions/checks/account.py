"""Checks of a tenant's account: its limits fit its kind, and its slices the increments of its rates."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm

from orchestrator.definitions.document import Document
from orchestrator.model.credit import LONGEST_SLICE_S, LONGEST_TURN_S
from orchestrator.model.problem import Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

_WHERE = "account"


def check_account(file: Document[Tenant], deck: Deck | None) -> Iterator[Problem]:
    """Problems of one tenant's account. Args: deck: of its tariff; None: it can't be read."""
    terms = file.value.account
    if terms.credit_limit_kop and not terms.prepaid:
        message = "a postpaid account has no credit limit: it is charged whatever calls cost"
        hint = "write kind: prepaid, or bound the calls by hour_cap and day_cap"
        yield file.problem((_WHERE, "credit_limit"), "credit-limit-postpaid", message, hint)
    if terms.warning_s + LONGEST_TURN_S > terms.slice_s:
        message = (
            f"a slice of {terms.slice_s} s leaves no time for a warning {terms.warning_s} s before its end"
        )
        hint = f"write slice_s: {terms.warning_s + LONGEST_TURN_S} or more"
        field = "slice_s" if file.node(_WHERE, "warning_s") is None else "warning_s"
        yield file.problem((_WHERE, field), "warning-too-long", message, hint)
    debt = terms.on_debt
    after = None if debt is None else debt.suspend_after_days
    if debt is not None and after is not None and after < debt.grace_days:
        message = f"suspended after {after} days, it would be so within the {debt.grace_days} days of grace"
        hint = "suspend_after_days counts from the first day of owing: let it be grace_days or more"
        yield file.problem((_WHERE, "on_debt", "suspend_after_days"), "suspended-in-grace", message, hint)
    if terms.controlled and deck is not None:
        whole_s = lcm(*{rate.increment_s for rate in deck.rates})
        if whole_s > LONGEST_SLICE_S:
            message = (
                f"no slice of at most {LONGEST_SLICE_S} s is whole increments of every rate of deck "
                f"{deck.name}: their least common multiple is {whole_s} s"
            )
            hint = "a call gets such a slice while nothing answers for the balance: let the increments fit"
            yield file.problem((_WHERE,), "slice-increments", message, hint)
