"""A statement as CSV: one table, a row for each balance, payment and charge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from orchestrator.model.statement import Line, Paid, Statement
from orchestrator.papers import figures
from orchestrator.papers.sides import Sides
from orchestrator.papers.spreadsheet import Sum, spreadsheet
from orchestrator.papers.words import working_in

COLUMNS = (
    "record",
    "tenant",
    "period",
    "draft",
    "line",
    "date",
    "time",
    "kind",
    "item",
    "title",
    "quantity",
    "period_from",
    "period_to",
    "employee",
    "number",
    "destination",
    "prefix",
    "talked_s",
    "billable_s",
    "included_s",
    "increment_s",
    "rate_per_min",
    "connect_fee",
    "working",
    "licence",
    "support",
    "vat_percent",
    "vat",
    "amount",
    "reverses_line",
    "why",
    "estimated",
    "posted",
    "key",
)
"""What each is stands in docs/statements.md."""


def statement_csv(statement: Statement, sides: Sides) -> str:
    """The statement for a spreadsheet, see `spreadsheet`."""
    return spreadsheet(COLUMNS, _rows(statement, sides), sides.language)


def _rows(statement: Statement, sides: Sides) -> Iterator[list[object]]:
    yield _row(statement, "opening", date=statement.month.first, amount=Sum(statement.opening_kop))
    for paid in statement.payments:
        yield _payment(statement, paid)
    for line in statement.lines:
        yield _charge(statement, line, sides)
    yield _row(statement, "closing", date=statement.month.last, amount=Sum(statement.closing_kop))


def _payment(statement: Statement, paid: Paid) -> list[object]:
    return _row(
        statement,
        "payment",
        date=paid.day,
        time=figures.clock(paid.at, statement.zone),
        title=paid.ref,
        amount=Sum(paid.amount_kop),
        why=paid.why,
        posted=_local(statement, paid),
        key=paid.key,
    )


def _charge(statement: Statement, line: Line, sides: Sides) -> list[object]:
    call = line.call
    of_call: dict[str, object] = {}
    if call is not None:
        of_call = {
            "destination": call.destination,
            "prefix": call.prefix,
            "talked_s": call.talked_s,
            "billable_s": call.billable_s,
            "included_s": call.included_s,
            "increment_s": call.increment_s or None,
            "rate_per_min": call.price,
            "connect_fee": call.connect_fee or None,
        }
    return _row(
        statement,
        "reversal" if line.is_reversal else "charge",
        line=line.number,
        date=line.day,
        time=figures.clock(line.at, statement.zone),
        kind=line.kind,
        item=line.item,
        title=sides.titles.of(line.kind, line.item, line.tariff),
        quantity=line.quantity,
        period_from=line.period_from,
        period_to=_last(line.period_to),
        employee=line.employee,
        number=line.to_number,
        working=working_in(sides.language, line.working),
        licence=Sum(line.licence_kop),
        support=Sum(line.support_kop),
        vat_percent=" + ".join(map(str, line.vat_percents)),
        vat=Sum(line.vat_kop),
        amount=Sum(line.amount_kop),
        reverses_line=line.reverses or None,
        why=line.why,
        estimated=line.estimated,
        posted=_local(statement, line),
        key=line.key,
        **of_call,
    )


def _row(statement: Statement, record: str, **cells: object) -> list[object]:
    known = {
        "record": record,
        "tenant": statement.tenant,
        "period": statement.month,
        "draft": statement.draft,
        **cells,
    }
    return [known.get(name) for name in COLUMNS]


def _last(after: date | None) -> date | None:
    return None if after is None else date.fromordinal(after.toordinal() - 1)


def _local(statement: Statement, each: Line | Paid) -> str:
    return each.posted_at.astimezone(statement.zone).strftime("%Y-%m-%d %H:%M:%S")
