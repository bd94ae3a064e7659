"""The lines of a universal transfer document (УПД) for a tenant's month, out of its statement.

Rule: docs/decisions.md, decision 6: licence without VAT, support and usage with VAT inside; a document's line
is the sum of its charges. The rate of a line is the rate itself (22%): the settled one (22/122) is for
advances and for what article 164 item 4 of the Tax Code lists; here it is only how the VAT in a price was
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from orchestrator.billing.statement import PARTS, RECURRING, parts_of, rank_of
from orchestrator.model.service import AUTOINFORM, CALL, OPTION, SMS, SUBSCRIPTION
from orchestrator.model.statement import Line, Statement, TaxPart

INVOICE_TOO, TRANSFER_ONLY = 1, 2
"""Status of the document: it stands for an invoice (счёт-фактура) too, or it only hands over."""

MONTH, PIECE, MINUTE = "362", "796", "355"
"""Units by the OKEI."""

_MINUTE_S = 60
_PRICE, _MINUTES = Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One line of the document.

    Args: kind, item, tariff: see `Line`. part: see `TaxPart`. okei: unit. quantity, price: None where a sum
    of a unit can't be named: what was taken back outweighs. price: roubles without VAT, rounded.
    amount_kop: without VAT. percents: see `TaxPart`.
    """

    kind: str
    item: str
    tariff: str
    part: str
    okei: str
    quantity: Decimal | None
    price: Decimal | None
    amount_kop: int
    percents: tuple[Decimal, ...]
    vat_kop: int

    @property
    def total_kop(self) -> int:
        return self.amount_kop + self.vat_kop


@dataclass(frozen=True, slots=True)
class Transfer:
    """The document. Args: day: the last of the month."""

    number: str
    day: date
    statement: Statement
    lines: tuple[TransferLine, ...]

    @property
    def status(self) -> int:
        """Rule: the Tax Code, article 169 item 3: what is free of VAT by article 149 needs no invoice."""
        return INVOICE_TOO if any(line.percents for line in self.lines) else TRANSFER_ONLY

    @property
    def amount_kop(self) -> int:
        return sum(line.amount_kop for line in self.lines)

    @property
    def vat_kop(self) -> int:
        return sum(line.vat_kop for line in self.lines)

    @property
    def total_kop(self) -> int:
        return self.amount_kop + self.vat_kop


def transfer_of(statement: Statement) -> Transfer:
    """The document of a month; what comes to nothing has no line."""
    found: dict[tuple[object, ...], list[tuple[Line, TaxPart]]] = {}
    for line in statement.lines:
        item = line.item if line.kind in (SUBSCRIPTION, OPTION) else ""
        for part in parts_of(line):
            key = (rank_of(line.kind), line.kind, item, PARTS.index(part.part), part.part, part.percents)
            found.setdefault(key, []).append((line, part))
    lines = (_line(found[key]) for key in sorted(found, key=_order))
    return Transfer(
        number=f"{statement.tenant}-{statement.month}",
        day=statement.month.last,
        statement=statement,
        lines=tuple(line for line in lines if line.amount_kop or line.vat_kop),
    )


def _line(parts: Sequence[tuple[Line, TaxPart]]) -> TransferLine:
    line, part = parts[0]
    vat_kop = sum(each.vat_kop for _, each in parts)
    amount_kop = sum(each.amount_kop for _, each in parts) - vat_kop
    quantity = _quantity(line.kind, [each for each, _ in parts])
    named = quantity if quantity > 0 and amount_kop > 0 else None
    return TransferLine(
        kind=line.kind,
        item=line.item if line.kind in (SUBSCRIPTION, OPTION) else "",
        tariff=line.tariff,
        part=part.part,
        okei=_okei(line.kind),
        quantity=named,
        price=None if named is None else _price(amount_kop, named),
        amount_kop=amount_kop,
        percents=part.percents,
        vat_kop=vat_kop,
    )


def _quantity(kind: str, lines: Sequence[Line]) -> Decimal:
    """What was paid for: segments, minutes of talk with whole increments; of what recurs, the month."""
    if kind in RECURRING:
        return Decimal(1)
    if kind == CALL:
        seconds = sum(_paid_seconds(line) for line in lines)
        return (Decimal(seconds) / _MINUTE_S).quantize(_MINUTES, ROUND_HALF_UP).normalize() + 0
    return Decimal(sum(line.quantity - line.unpaid for line in lines))


def _paid_seconds(line: Line) -> int:
    if line.call is None or not line.amount_kop:
        return 0
    paid_s = line.call.billable_s - line.call.included_s
    return -paid_s if line.is_reversal else paid_s


def _price(amount_kop: int, quantity: Decimal) -> Decimal:
    return (Decimal(amount_kop) / 100 / quantity).quantize(_PRICE, ROUND_HALF_UP)


def _okei(kind: str) -> str:
    if kind == SMS:
        return PIECE
    return MINUTE if kind in (CALL, AUTOINFORM) else MONTH


def _order(key: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(map(str, key))
