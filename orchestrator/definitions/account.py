"""`account:` of a tenant file: prepaid or postpaid, and what its calls may cost."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.low_balance import LOW_BALANCE
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field
from orchestrator.model.credit import (
    CONTROLLER_DOWN,
    LONGEST_SLICE_S,
    ONE_SLICE,
    POSTPAID,
    CreditTerms,
    OnDebt,
)

_MOST_ROUBLES = 100_000_000
_MOST_DAYS = 3650

_KIND = Field(
    "kind",
    scalars.choice("a kind of account", ("postpaid", "prepaid")),
    "`prepaid`: calls outside last as long as what is left of its payments pays for (decision 13).",
    "prepaid",
    default="postpaid",
)
CREDIT_LIMIT = Field(
    "credit_limit",
    scalars.roubles(_MOST_ROUBLES),
    "How far below zero the balance of a prepaid account may go, in roubles.",
    "500.00",
    default=0,
    default_text="0",
)
HOUR_CAP: Field[int | None] = Field(
    "hour_cap",
    scalars.roubles(_MOST_ROUBLES),
    "What calls may cost in an hour of the clock, in roubles, those that are up counted in.",
    "300",
    None,
    "any sum",
)
DAY_CAP: Field[int | None] = Field(
    "day_cap",
    scalars.roubles(_MOST_ROUBLES),
    "The same of a day of the tenant's local time.",
    "2000",
    None,
    "any sum",
)
_SLICE = Field(
    "slice_s",
    scalars.seconds(10, LONGEST_SLICE_S),
    "What a call reserves at a time, rounded up to whole increments of its rate.",
    "120",
    default=60,
)
WARNING = Field(
    "warning_s",
    scalars.seconds(0, 60),
    "How long before its money ends a call hears three short tones; 0: it hears none.",
    "20",
    default=10,
)
_CONTROLLER_DOWN = Field(
    "when_controller_down",
    scalars.choice("a policy", CONTROLLER_DOWN),
    "What a call gets while `vpbx listen` or its database doesn't answer: one slice, for as many calls as "
    "there are lines; or nothing.",
    "refuse",
    default=ONE_SLICE,
)
_GRACE_DAYS = Field(
    "grace_days",
    scalars.integer(0, _MOST_DAYS, "a number of days"),
    "How long a tenant may owe, 24 hours each, before its calls to outside are refused; 0: at once.",
    "14",
)
SUSPEND_AFTER_DAYS: Field[int | None] = Field(
    "suspend_after_days",
    scalars.integer(0, _MOST_DAYS, "a number of days"),
    "After how many days of owing, those of grace counted in, calls from outside are refused too.",
    "30",
    None,
    "never",
)
ON_DEBT: Field[OnDebt | None] = Field(
    "on_debt",
    Record(
        "what follows on a debt",
        (_GRACE_DAYS, SUSPEND_AFTER_DAYS),
        lambda given: OnDebt(given[_GRACE_DAYS], given[SUSPEND_AFTER_DAYS]),
    ),
    "What follows when the balance is below zero, or below minus the credit limit; a payment ends it.",
    "{grace_days: 14, suspend_after_days: 30}",
    None,
    "nothing",
)


def _terms(given: Converted) -> CreditTerms:
    return CreditTerms(
        prepaid=given[_KIND] == "prepaid",
        credit_limit_kop=given[CREDIT_LIMIT],
        hour_cap_kop=given[HOUR_CAP],
        day_cap_kop=given[DAY_CAP],
        slice_s=given[_SLICE],
        warning_s=given[WARNING],
        when_controller_down=given[_CONTROLLER_DOWN],
        low_balance=given[LOW_BALANCE],
        on_debt=given[ON_DEBT],
        position=given.position,
    )


ACCOUNT: Field[CreditTerms] = Field(
    "account",
    Record(
        "an account",
        (_KIND, CREDIT_LIMIT, HOUR_CAP, DAY_CAP, _SLICE, WARNING, _CONTROLLER_DOWN, LOW_BALANCE, ON_DEBT),
        _terms,
    ),
    "Prepaid or postpaid, and what its calls may cost (decision 13).",
    "{kind: prepaid, credit_limit: 500.00}",
    default=POSTPAID,
    default_text="postpaid",
)
