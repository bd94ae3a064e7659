"""`tariffs/NAME.yaml`: what a tenant of the tariff may use and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from orchestrator.billing.sms import SEGMENTATIONS
from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, MapOf, Record
from orchestrator.definitions.shapes import Field, ListOf, Refusal
from orchestrator.definitions.tariff_included import FUNCTIONS, INCLUDED
from orchestrator.definitions.tariff_prices import (
    CHANGE,
    EMPLOYEE_PRICE,
    OPTION_SLUG,
    PRICE,
    RATE,
    VERSION_TEXT,
    Change,
    prices_by_date,
)
from orchestrator.model.tariff import (
    BillingCycle,
    Deck,
    Option,
    Prices,
    Tariff,
    Trial,
    VatRate,
)


@dataclass(frozen=True, slots=True)
class TariffFile:
    """What a tariff file says; the deck it names isn't read yet."""

    tariff: Tariff
    deck_file: str
    changes: tuple[Change, ...] = ()

    def with_deck(self, deck: Deck) -> Tariff:
        return replace(self.tariff, deck=deck)


def _deck_path(given: str) -> str | Refusal:
    parts = given.split("/")
    if given.startswith("/") or ".." in parts or "." in parts or "" in parts or not given.endswith(".csv"):
        hint = "a .csv inside the project, from its root: decks/multifon-business.csv"
        return Refusal("deck-path", f"{quoted(given)} is no path of a deck", hint)
    return given


TITLE_RU = Field("ru", scalars.text(100, "a title"), "In Russian.", "Мастер коммуникаций")
TITLE_EN = Field("en", scalars.text(100, "a title"), "In English.", "Master of communications")


def _title(given: Converted) -> Mapping[str, str]:
    return {"en": given[TITLE_EN], "ru": given[TITLE_RU]}


TITLE_RECORD: Record[Mapping[str, str]] = Record("a title in two languages", (TITLE_RU, TITLE_EN), _title)

VERSION = Field(
    "version",
    VERSION_TEXT,
    "Names the first prices in every charge; those of a date are under `changes`.",
    '"2026-01"',
)
SLUG = Field("slug", scalars.slug("a tariff's name"), "As the file is called.", "master")
TITLE = Field("title", TITLE_RECORD, "What people see.", "{ru: …, en: …}")
CURRENCY = Field(
    "currency",
    scalars.choice("a known currency", ("RUB",)),
    "Currency of every amount.",
    "RUB",
    default="RUB",
)
TRIAL_DAYS = Field(
    "days", scalars.integer(0, 366), "How long it lasts, days of 24 hours; 0: none.", "7", default=7
)
TRIAL_OPTIONS = Field(
    "options",
    scalars.choice("a way to charge options", ("free", "charged")),
    "Whether options are free in it, or charged to its end (decision 5).",
    "free",
    default="free",
)


def _trial(given: Converted) -> Trial:
    return Trial(given[TRIAL_DAYS], given[TRIAL_OPTIONS])


TRIAL = Field(
    "trial",
    Record("a trial", (TRIAL_DAYS, TRIAL_OPTIONS), _trial),
    "What new tenants try for free (decision 4).",
    "{days: 7}",
    default=Trial(),
    default_text="as below",
)
CYCLE_MONTHS: Field[int | None] = Field(
    "months", scalars.integer(1, 24), "Months from one charge to the next.", "1", None, "1, or `days`"
)
CYCLE_DAYS: Field[int | None] = Field(
    "days",
    scalars.integer(1, 366),
    "Days from one charge to the next, instead of months.",
    "30",
    None,
    "none",
)
ANCHOR_DAY: Field[int | None] = Field(
    "anchor_day",
    scalars.integer(1, 31),
    "Day of the month on which all tenants are charged; their first period is cut to it, and prorated.",
    "1",
    None,
    "the day of each tenant's first charge",
)


def _cycle(given: Converted) -> BillingCycle:
    days = given[CYCLE_DAYS] or 0
    months = given[CYCLE_MONTHS] or (0 if days else 1)
    return BillingCycle(months, days, given[ANCHOR_DAY] or 0)


BILLING = Field(
    "billing",
    Record("a billing cycle", (CYCLE_MONTHS, CYCLE_DAYS, ANCHOR_DAY), _cycle),
    "When recurring charges fall (decision 4).",
    "{months: 1}",
    default=BillingCycle(),
    default_text="as below",
)
KEPT_DAYS = Field(
    "kept_days",
    scalars.integer(0, 3650),
    "Days that a disconnected tenant's data is kept (decision 11).",
    "90",
    default=90,
)
SUPPORT_PERCENT = Field(
    "support_percent",
    scalars.decimal(100, "percent"),
    "Share of a recurring charge that is technical support; the rest is licence (decision 6).",
    '"1"',
    default=Decimal(1),
)
SUBSCRIPTION = Field("subscription", PRICE, "A period, in roubles.", '"1000.00"')
EXTRA_EMPLOYEE = Field(
    "extra_employee", EMPLOYEE_PRICE, "An employee beyond those included, a period.", '{price: "200.00"}'
)
SMS_PRICE = Field("price", PRICE, "A segment, in roubles.", '"2.50"')
SMS_SEGMENTATION = Field(
    "segmentation",
    scalars.choice("a way to count", SEGMENTATIONS),
    "As the network sends them, or each started 70 characters (decision 8).",
    "as_sent",
    default="as_sent",
)


def _sms(given: Converted) -> tuple[Decimal, str]:
    return given[SMS_PRICE], given[SMS_SEGMENTATION]


SMS = Field("sms", Record("the price of SMS", (SMS_PRICE, SMS_SEGMENTATION), _sms), "SMS.", '{price: "2.50"}')
AUTOINFORM = Field("autoinform", RATE, "Minutes of auto-informing (decision 7).", '{price: "2.30"}')
CHANGES = Field(
    "changes",
    ListOf(CHANGE, distinct=False),
    "Prices that change on a date, in the order of time; what isn't named stays.",
    '[{version: "2026-10", starts_on: 2026-10-01, subscription: "1100.00"}]',
    default=(),
    default_text="none",
)
LINES_PER_SEAT = Field(
    "lines_per_seat", scalars.integer(1, 100), "Lines that each seat gives (decision 2).", "2", default=2
)
INTERNAL = Field(
    "internal_calls_use_lines",
    scalars.boolean(),
    "Whether a call between extensions takes a line (decision 1).",
    "false",
    default=False,
)
DECK = Field(
    "deck",
    scalars.parsed("a deck's path", _deck_path, r"^[^/].*\.csv$"),
    "Deck that prices calls outside: a CSV file, from the project's root.",
    "decks/multifon-business.csv",
)


def _calls(given: Converted) -> str:
    return given[DECK]


CALLS = Field("calls", Record("the price of calls", (DECK,), _calls), "How calls are priced.", "{deck: …}")
VAT_MODE = Field(
    "mode",
    scalars.choice("a way to tax", ("inside", "on_top")),
    "Whether VAT is part of a price or comes on top (decision 6).",
    "inside",
    default="inside",
)
VAT_RATES = Field(
    "rates",
    MapOf(scalars.day_key("a date"), scalars.decimal(100, "percent"), at_least=1),
    "Percent by the first local date it is in force.",
    "{2026-01-01: 22}",
)


def _vat(given: Converted) -> tuple[str, tuple[VatRate, ...]]:
    rates = tuple(VatRate(date.fromisoformat(entry.key), entry.value) for entry in given[VAT_RATES])
    return given[VAT_MODE], rates


VAT_RECORD: Record[tuple[str, tuple[VatRate, ...]]] = Record("the VAT", (VAT_MODE, VAT_RATES), _vat)
VAT = Field("vat", VAT_RECORD, "VAT by date.", "{mode: inside, rates: {…}}")

OPTION_TITLE = Field("title", TITLE_RECORD, "What people see.", "{ru: …, en: …}")
OPTION_UNLOCKS = Field(
    "unlocks",
    ListOf(scalars.choice("a function", FUNCTIONS)),
    f"Functions that the option opens: {', '.join(FUNCTIONS)}.",
    "[recording]",
    default=(),
    default_text="none",
)
OPTION_RETENTION = Field(
    "retention_years",
    scalars.integer(0, 100),
    "Calendar years a recording is kept (decision 10); at least 1 when it unlocks `recording`.",
    "1",
    default=0,
)


OPTION_PRICE = Field("price", PRICE, "A period, in roubles; apiece, when it is counted.", '"500.00"')
OPTION_COUNTED = Field(
    "counted",
    scalars.boolean(),
    "Whether a tenant orders a quantity of it.",
    "false",
    default=False,
)


def _option(given: Converted) -> tuple[Option, Decimal]:
    option = Option(
        slug=given.name,
        title=given[OPTION_TITLE],
        unlocks=tuple(sorted(given[OPTION_UNLOCKS])),
        retention_years=given[OPTION_RETENTION],
        counted=given[OPTION_COUNTED],
    )
    return option, given[OPTION_PRICE]


OPTION = Record(
    "an option", (OPTION_TITLE, OPTION_PRICE, OPTION_COUNTED, OPTION_UNLOCKS, OPTION_RETENTION), _option
)
OPTIONS = Field(
    "options",
    MapOf(OPTION_SLUG, OPTION),
    "What a tenant can order beyond the subscription.",
    "{recording: {…}}",
    default=(),
    default_text="none",
)


def _tariff(given: Converted) -> TariffFile:
    mode, rates = given[VAT]
    included = given[INCLUDED]
    sms_price, segmentation = given[SMS]
    options = {entry.key: entry.value[0] for entry in given[OPTIONS]}
    first = Prices(
        version=given[VERSION],
        starts_on=date.min,
        subscription=given[SUBSCRIPTION],
        employee=given[EXTRA_EMPLOYEE],
        options={entry.key: entry.value[1] for entry in given[OPTIONS]},
        sms=sms_price,
        autoinform=given[AUTOINFORM],
        included_minutes=included.minutes,
        included_sms=included.sms,
        position=given.position,
    )
    sold = {name for option in options.values() for name in option.unlocks}
    tariff = Tariff(
        slug=given[SLUG],
        prices=prices_by_date(first, given[CHANGES]),
        title=given[TITLE],
        currency=given[CURRENCY],
        included_employees=included.employees,
        lines_per_seat=given[LINES_PER_SEAT],
        options=options,
        deck=Deck("", "", ()),
        vat=rates,
        vat_mode=mode,
        internal_calls_use_lines=given[INTERNAL],
        position=given.position,
        trial=given[TRIAL],
        cycle=given[BILLING],
        support_percent=given[SUPPORT_PERCENT],
        sms_segmentation=segmentation,
        kept_days=given[KEPT_DAYS],
        includes=tuple(sorted(set(FUNCTIONS) - sold if included.functions is None else included.functions)),
    )
    return TariffFile(tariff, given[CALLS], given[CHANGES])


TARIFF = Record(
    "a tariff",
    (
        *(VERSION, SLUG, TITLE, CURRENCY, INCLUDED, LINES_PER_SEAT, INTERNAL),
        *(TRIAL, BILLING, KEPT_DAYS, SUPPORT_PERCENT),
        *(SUBSCRIPTION, EXTRA_EMPLOYEE, SMS, AUTOINFORM, CALLS, VAT, OPTIONS, CHANGES),
    ),
    _tariff,
)

__all__ = ["FUNCTIONS", "TARIFF", "TariffFile"]
