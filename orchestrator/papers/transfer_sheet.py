"""Universal transfer documents (УПД) as CSV for accounting systems: a row for each line of a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.billing.statement import USAGE
from orchestrator.billing.transfer import MINUTE, MONTH, PIECE, Transfer, TransferLine
from orchestrator.papers.sides import Sides
from orchestrator.papers.spreadsheet import Sum, spreadsheet
from orchestrator.papers.words import WORDS, tax_rate

COLUMNS = (
    "document_number",
    "document_date",
    "status",
    "tenant",
    "period_from",
    "period_to",
    "currency",
    "contract",
    "seller_name",
    "seller_inn",
    "seller_kpp",
    "seller_address",
    "buyer_name",
    "buyer_inn",
    "buyer_kpp",
    "buyer_address",
    "line",
    "name",
    "okei",
    "unit",
    "quantity",
    "price",
    "amount_without_tax",
    "tax_rate",
    "tax_amount",
    "amount_with_tax",
    "document_tax",
    "document_total",
    "seller_director",
    "seller_accountant",
)
"""What each is stands in docs/statements.md."""

_ROUBLE = "643"
_UNITS = {MONTH: "months", PIECE: "pieces", MINUTE: "minutes"}


def transfers_csv(documents: Sequence[tuple[Transfer, Sides]], language: str) -> str:
    """Documents one below the other, see `spreadsheet`; one without lines has no row."""
    rows = (row for transfer, sides in documents for row in _rows(transfer, sides))
    return spreadsheet(COLUMNS, rows, language)


def _rows(transfer: Transfer, sides: Sides) -> Iterator[list[object]]:
    statement, seller, buyer = transfer.statement, sides.operator, sides.customer
    head: dict[str, object] = {
        "document_number": transfer.number,
        "document_date": transfer.day,
        "status": transfer.status,
        "tenant": statement.tenant,
        "period_from": statement.month.first,
        "period_to": statement.month.last,
        "currency": _ROUBLE,
        "contract": buyer.contract,
        "seller_name": seller.name,
        "seller_inn": seller.inn,
        "seller_kpp": seller.kpp,
        "seller_address": seller.address,
        "buyer_name": buyer.name,
        "buyer_inn": buyer.inn,
        "buyer_kpp": buyer.kpp,
        "buyer_address": buyer.address,
        "document_tax": Sum(transfer.vat_kop),
        "document_total": Sum(transfer.total_kop),
        "seller_director": seller.director,
        "seller_accountant": seller.accountant,
    }
    for number, line in enumerate(transfer.lines, 1):
        of_line = _line(line, sides)
        yield [{**head, "line": number, **of_line}[name] for name in COLUMNS]


def _line(line: TransferLine, sides: Sides) -> dict[str, object]:
    title = sides.titles.of(line.kind, line.item, line.tariff)
    words = WORDS[sides.language]
    return {
        "name": title if line.part == USAGE else f"{words[f'{line.part}_of']}: {title}",
        "okei": line.okei,
        "unit": words[_UNITS[line.okei]],
        "quantity": line.quantity,
        "price": line.price,
        "amount_without_tax": Sum(line.amount_kop),
        "tax_rate": tax_rate(line.percents, sides.language),
        "tax_amount": Sum(line.vat_kop),
        "amount_with_tax": Sum(line.total_kop),
    }
