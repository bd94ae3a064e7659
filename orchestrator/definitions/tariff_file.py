"""`tariffs/NAME.yaml`: what a tenant of the tariff may use and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, MapOf, Record
from orchestrator.definitions.shapes import Field, ListOf, Refusal
from orchestrator.model.tariff import Deck, Option, Tariff, VatRate

FUNCTIONS = ("recording",)
"""Functions that an option can unlock."""


@dataclass(frozen=True, slots=True)
class TariffFile:
    """What a tariff file says; the deck it names isn't read yet."""

    tariff: Tariff
    deck_file: str

    def with_deck(self, deck: Deck) -> Tariff:
        given = self.tariff
        return Tariff(
            slug=given.slug,
            version=given.version,
            title=given.title,
            currency=given.currency,
            included_employees=given.included_employees,
            lines_per_seat=given.lines_per_seat,
            options=given.options,
            deck=deck,
            vat=given.vat,
            vat_mode=given.vat_mode,
            internal_calls_use_lines=given.internal_calls_use_lines,
            position=given.position,
        )


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
    scalars.matching(
        "a version", r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", "version", "letters, digits and . _ -", True
    ),
    "Names this state of the tariff in every charge; change it with every change of the file.",
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
EMPLOYEES = Field("employees", scalars.integer(0, 10000), "Employees in the subscription.", "7")


def _included(given: Converted) -> int:
    return given[EMPLOYEES]


INCLUDED = Field(
    "included",
    Record("what is included", (EMPLOYEES,), _included),
    "What the subscription gives.",
    "{employees: 7}",
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


def _option(given: Converted) -> Option:
    return Option(
        slug=given.name,
        title=given[OPTION_TITLE],
        unlocks=tuple(sorted(given[OPTION_UNLOCKS])),
        retention_years=given[OPTION_RETENTION],
    )


OPTION_SLUG = scalars.matching(
    "an option's name", r"[a-z][a-z0-9_-]{0,30}", "slug", "small letters, digits, - and _"
)
OPTION = Record("an option", (OPTION_TITLE, OPTION_UNLOCKS, OPTION_RETENTION), _option)
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
    tariff = Tariff(
        slug=given[SLUG],
        version=given[VERSION],
        title=given[TITLE],
        currency=given[CURRENCY],
        included_employees=given[INCLUDED],
        lines_per_seat=given[LINES_PER_SEAT],
        options={entry.key: entry.value for entry in given[OPTIONS]},
        deck=Deck("", "", ()),
        vat=rates,
        vat_mode=mode,
        internal_calls_use_lines=given[INTERNAL],
        position=given.position,
    )
    return TariffFile(tariff, given[CALLS])


TARIFF = Record(
    "a tariff",
    (VERSION, SLUG, TITLE, CURRENCY, INCLUDED, LINES_PER_SEAT, INTERNAL, CALLS, VAT, OPTIONS),
    _tariff,
)

__all__ = ["FUNCTIONS", "TARIFF", "TariffFile"]
