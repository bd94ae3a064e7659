"""What the subscription of a tariff file gives: employees, functions, minutes, SMS."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.definitions import scalars
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf
from orchestrator.model.tariff import IncludedMinutes

FUNCTIONS = (
    *("analytics", "autoinform", "blf", "call_rating", "callback_widget", "caller_id", "conference"),
    *("corporate_network", "crm", "departments", "distribution", "emotion_analysis", "external_numbers"),
    *("greeting", "inbound_handling", "internal_numbers", "ivr", "missed_call_notice", "mobile_app"),
    *("queue_callback", "recording", "ringback_music", "sms_apology", "sms_card", "softphone", "statistics"),
    "voicemail",
)
"""Functions that a tariff includes or an option unlocks."""


INCLUDED_PREFIX = scalars.matching(
    "a prefix",
    r"\+[1-9][0-9]{0,14}",
    "prefix",
    "`+` and the first digits of E.164, for example +79",
    numeric=True,
)
MINUTES_QUANTITY = Field("quantity", scalars.integer(0, 1_000_000), "Minutes a period; 0: none.", "300")
MINUTES_TO = Field(
    "to",
    ListOf(INCLUDED_PREFIX),
    "First digits of the numbers they are for.",
    '["+7495", "+7499"]',
    default=(),
    default_text="every number",
)


def _minutes(given: Converted) -> IncludedMinutes:
    return IncludedMinutes(given[MINUTES_QUANTITY], tuple(to.removeprefix("+") for to in given[MINUTES_TO]))


MINUTES = Record("included minutes", (MINUTES_QUANTITY, MINUTES_TO), _minutes)
MOST_SMS = scalars.integer(0, 1_000_000)

EMPLOYEES = Field("employees", scalars.integer(0, 10000), "Employees in the subscription.", "7")


INCLUDED_FUNCTIONS: Field[tuple[str, ...] | None] = Field(
    "functions",
    ListOf(scalars.choice("a function", FUNCTIONS)),
    "Functions that need no option.",
    "[departments, voicemail]",
    None,
    "all that no option unlocks",
)


INCLUDED_MINUTES: Field[IncludedMinutes | None] = Field(
    "minutes",
    MINUTES,
    "Minutes of outbound calls a period, beginning with the first that is charged.",
    '{quantity: 300, to: ["+7495"]}',
    None,
    "none",
)
INCLUDED_SMS = Field("sms", MOST_SMS, "Segments of SMS a period, likewise.", "50", default=0)


@dataclass(frozen=True, slots=True)
class Included:
    """What a subscription gives. Args: functions: None: all that no option unlocks. sms: segments."""

    employees: int
    functions: tuple[str, ...] | None
    minutes: IncludedMinutes | None
    sms: int


def _included(given: Converted) -> Included:
    return Included(given[EMPLOYEES], given[INCLUDED_FUNCTIONS], given[INCLUDED_MINUTES], given[INCLUDED_SMS])


INCLUDED: Field[Included] = Field(
    "included",
    Record("what is included", (EMPLOYEES, INCLUDED_FUNCTIONS, INCLUDED_MINUTES, INCLUDED_SMS), _included),
    "What the subscription gives.",
    "{employees: 7}",
)

NEW_MINUTES: Field[IncludedMinutes | None] = Field(
    "minutes", MINUTES, "Minutes of outbound calls.", "{quantity: 500}", None, "as before"
)
NEW_INCLUDED_SMS: Field[int | None] = Field("sms", MOST_SMS, "Segments.", "100", None, "as before")


def _new_included(given: Converted) -> tuple[IncludedMinutes | None, int | None]:
    return given[NEW_MINUTES], given[NEW_INCLUDED_SMS]


NEW_INCLUDED: Field[tuple[IncludedMinutes | None, int | None]] = Field(
    "included",
    Record("what is included", (NEW_MINUTES, NEW_INCLUDED_SMS), _new_included),
    "What a period gives that is charged from then on.",
    "{minutes: {quantity: 500}}",
    default=(None, None),
    default_text="as before",
)
