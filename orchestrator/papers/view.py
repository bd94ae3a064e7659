"""A statement as its template prints it: every decision made, every figure a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.billing.statement import RECURRING
from orchestrator.model.party import Party
from orchestrator.model.service import AUTOINFORM, CALL, EXTRA_EMPLOYEES, OPTION, SMS
from orchestrator.model.statement import Group, Line, Paid, Statement
from orchestrator.papers import figures
from orchestrator.papers.sides import Sides
from orchestrator.papers.words import WORDS, kind_name, month_name, part_name, rate_name, working_in

_DASH = "—"
_JOINED = "\N{WORD JOINER}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. Args: cells: texts, in the order of its columns. taken_back: it is a reversal."""

    cells: tuple[str, ...]
    taken_back: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A statement in one language.

    Args: state: the account's: what, and how much. totals: last rows of the tables of their names.
    """

    words: Mapping[str, str]
    language: str
    title: str
    period: str
    made: str
    draft: bool
    operator: tuple[tuple[str, str], ...]
    customer: tuple[tuple[str, str], ...]
    names: tuple[str, str]
    state: tuple[tuple[str, str, str], ...]
    entered: tuple[Row, ...]
    summary: tuple[Row, ...]
    taxes: tuple[Row, ...]
    payments: tuple[Row, ...]
    charges: tuple[Row, ...]
    calls: tuple[Row, ...]
    totals: Mapping[str, tuple[str, ...]]
    footnote: str


def view_of(statement: Statement, sides: Sides) -> View:
    """A statement's texts in the language of its sides."""
    return _Viewer(statement, sides).view()


class _Viewer:
    def __init__(self, statement: Statement, sides: Sides) -> None:
        self._statement = statement
        self._sides = sides
        self._language = sides.language
        self._words = WORDS[sides.language]

    def view(self) -> View:
        statement, words = self._statement, self._words
        calls = [line for line in statement.lines if line.call]
        others = [line for line in statement.lines if not line.call]
        month = statement.month
        return View(
            words=words,
            language=self._language,
            title=words["title"],
            period=month_name(month.year, month.month, self._language),
            made=figures.day(statement.made_at.astimezone(statement.zone).date(), self._language),
            draft=statement.draft,
            operator=tuple(self._party(self._sides.operator)),
            customer=tuple(self._party(self._sides.customer)),
            names=(self._sides.operator.name, self._sides.customer.name),
            state=tuple(self._state()),
            entered=tuple(
                Row(
                    (
                        month_name(each.month.year, each.month.month, self._language),
                        kind_name(each.kind, self._language),
                        figures.count(each.entries, self._language),
                        self._money(-each.amount_kop),
                    )
                )
                for each in statement.entered
            ),
            summary=tuple(map(self._group, statement.groups)),
            taxes=tuple(
                Row(
                    (
                        part_name(each.part, self._language),
                        rate_name(each.percents, self._language),
                        self._money(each.amount_kop),
                        self._money(each.vat_kop),
                    )
                )
                for each in statement.taxes
            ),
            payments=tuple(map(self._payment, statement.payments)),
            charges=tuple(map(self._charge, others)),
            calls=tuple(map(self._call, calls)),
            totals={
                "summary": self._total(statement.lines),
                "payments": (self._money(statement.paid_kop),),
                "charges": self._total(others),
                "calls": self._total(calls)[2:],
            },
            footnote=self._footnote(),
        )

    def _footnote(self) -> str:
        """Of what the price is made. Rule: price list, note 1."""
        recurring = [line.tariff for line in self._statement.lines if line.kind in RECURRING]
        support = self._sides.titles.support_percent(recurring)
        shares = {"licence": "", "support": ""}
        if support is not None:
            parts = {"licence": 100 - support, "support": support}
            shares = {name: f" ({figures.decimal(part, self._language)}%)" for name, part in parts.items()}
        return self._words["footnote"].format(exempt=self._words["exempt"], **shares)

    def _party(self, party: Party) -> Iterator[tuple[str, str]]:
        """What is known of a party, with what it is called."""
        bank = party.bank
        for name, value in (
            ("inn", party.inn),
            ("kpp", party.kpp),
            ("ogrn", party.ogrn),
            ("address", party.address),
            ("phone", party.phone),
            ("email", party.email),
            ("bank", bank.name),
            ("bik", bank.bik),
            ("account", bank.account),
            ("correspondent", bank.correspondent),
            ("contract", party.contract),
        ):
            if value:
                yield self._words[name], value

    def _state(self) -> Iterator[tuple[str, str, str]]:
        statement, words = self._statement, self._words
        month = statement.month
        for name, on, amount_kop in (
            ("opening", figures.day(month.first, self._language), statement.opening_kop),
            ("paid", "", statement.paid_kop),
            ("charged", "", statement.charged_kop),
            ("closing", figures.day(month.last, self._language), statement.closing_kop),
        ):
            standing = "" if not on or not amount_kop else words["owed" if amount_kop < 0 else "advance"]
            yield words[name], ", ".join(filter(None, (on, standing))), self._money(amount_kop)

    def _group(self, group: Group) -> Row:
        return Row(
            (
                self._sides.titles.of(group.kind, group.item, group.tariff),
                figures.count(group.lines, self._language),
                self._quantity(group),
                self._money(group.licence_kop),
                self._money(group.support_kop),
                self._money(group.vat_kop),
                self._money(group.amount_kop),
            )
        )

    def _quantity(self, group: Group) -> str:
        """How much was used, where kinds have a unit; what recurs has none that can be added up."""
        if group.kind == CALL:
            sign = "−" if group.quantity < 0 else ""
            return f"{sign}{figures.length(abs(group.quantity))}"
        if group.kind == AUTOINFORM:
            return f"{figures.count(group.quantity, self._language)} {self._words['minutes']}"
        if group.kind == SMS:
            return f"{figures.count(group.quantity, self._language)} {self._words['pieces']}"
        return _DASH

    def _payment(self, paid: Paid) -> Row:
        said = [f"{self._words['reversal']}: {paid.ref}" if paid.is_reversal else paid.ref, paid.why]
        if paid.late:
            said.append(self._late(paid))
        about = ", ".join(filter(None, said))
        return Row(
            (figures.day(paid.day, self._language), about, self._money(paid.amount_kop)), paid.is_reversal
        )

    def _charge(self, line: Line) -> Row:
        title = self._sides.titles.of(line.kind, line.item, line.tariff)
        if line.kind in (EXTRA_EMPLOYEES, OPTION) and abs(line.quantity) != 1:
            title = f"{title} × {abs(line.quantity)}"
        working = self._priced(line)
        if line.period_from is not None and line.period_to is not None:
            last = line.period_to.fromordinal(line.period_to.toordinal() - 1)
            span = (figures.day(line.period_from, self._language), figures.day(last, self._language))
            working = f"{span[0]} – {span[1]}: {working}"
        return Row(
            (
                str(line.number),
                figures.day(line.day, self._language),
                title,
                "; ".join((working, *self._marks(line))),
                self._money(line.licence_kop),
                self._money(line.support_kop),
                self._money(line.vat_kop),
                self._money(line.amount_kop),
            ),
            line.is_reversal,
        )

    def _call(self, line: Line) -> Row:
        call = line.call
        assert call is not None, "only calls are shown so"
        place = (
            f"{call.destination or self._words['prefix']} ({call.prefix})"
            if call.prefix
            else call.destination
        )
        return Row(
            (
                str(line.number),
                figures.day(line.day, self._language),
                figures.clock(line.at, self._statement.zone),
                line.employee or _DASH,
                line.to_number or _DASH,
                place,
                figures.length(call.talked_s),
                "; ".join((self._priced(line), *self._marks(line))),
                self._money(line.vat_kop),
                self._money(line.amount_kop),
            ),
            line.is_reversal,
        )

    def _priced(self, line: Line) -> str:
        """How an amount came about; the sum at its end has a column of its own. A rate isn't broken."""
        working = working_in(self._language, line.working)
        return (working.rpartition(" = ")[0] or working).replace("/", f"{_JOINED}/{_JOINED}")

    def _marks(self, line: Line) -> Iterator[str]:
        words = self._words
        if line.is_reversal:
            yield words["reversal_of"].format(number=line.reverses) if line.reverses else words["reversal"]
        if line.why:
            yield line.why
        if line.corrects:
            yield words["correction"]
        if line.estimated:
            yield words["estimated"]
        if line.late:
            yield self._late(line)

    def _late(self, each: Line | Paid) -> str:
        entered = figures.day(each.posted_at.astimezone(self._statement.zone).date(), self._language)
        return self._words["late"].format(date=entered)

    def _total(self, lines: tuple[Line, ...] | list[Line]) -> tuple[str, ...]:
        """Licence, support, VAT and amount."""
        return tuple(
            self._money(sum(kopecks))
            for kopecks in (
                [line.licence_kop for line in lines],
                [line.support_kop for line in lines],
                [line.vat_kop for line in lines],
                [line.amount_kop for line in lines],
            )
        )

    def _money(self, amount_kop: int) -> str:
        return figures.money(amount_kop, self._language)
