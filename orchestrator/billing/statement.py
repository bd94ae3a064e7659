"""A tenant's month out of the ledger's entries: added up, never rated again.

An entry belongs to the month of its local date, which a charge carries in its facts: a move to another time
zone changes no statement. A reversal is of the month of what it takes back, as everywhere in the books.
Rule: docs/decisions.md, decisions 6 (a document's line is the sum of its charges) and 12; docs/statements.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from orchestrator.billing.recomputing_calls import Facts
from orchestrator.model.payment import PAYMENT
from orchestrator.model.service import CALL, CHARGE_KINDS, EXTRA_EMPLOYEES, OPTION, SUBSCRIPTION
from orchestrator.model.statement import (
    CallWorking,
    Entered,
    Group,
    Line,
    Month,
    Paid,
    PostedEntry,
    PostedMonth,
    Statement,
    TaxPart,
)

RECURRING = (SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION)
REVERSAL = "reversal"
LICENCE, SUPPORT, USAGE = "licence", "support", "usage"
PARTS = (LICENCE, SUPPORT, USAGE)
"""How what is charged is taxed."""

_CORRECTED = f"{CALL}.corrected"
_MINUTE_S = 60


def statement_of(
    posted: PostedMonth, tenant: str, month: Month, zone: ZoneInfo, made_at: datetime, *, draft: bool = False
) -> Statement:
    """A month of a tenant.

    Args: posted: entries around the month, whose own are picked. zone: the tenant's, for what carries no
    local date. draft: it isn't over.
    """
    begins_at, ends_at = month.begins_at(zone), month.ends_at(zone)
    before_kop = posted.before_kop
    payments: list[Paid] = []
    lines: list[Line] = []
    numbers: dict[str, int] = {}
    for entry in posted.entries:
        day = _day(entry, zone)
        if day < month.first:
            before_kop += entry.amount_kop
        elif day < month.after:
            late = entry.posted_at >= ends_at
            if kind_of(entry) == PAYMENT:
                payments.append(_paid(entry, day, late))
            else:
                numbers[entry.key] = len(lines) + 1
                lines.append(_line(entry, day, len(lines) + 1, numbers.get(entry.reverses or "", 0), late))
    entered = [entry for entry in posted.entered if begins_at <= entry.posted_at < ends_at]
    return Statement(
        tenant=tenant,
        month=month,
        zone=zone,
        draft=draft,
        made_at=made_at,
        opening_kop=-before_kop,
        payments=tuple(payments),
        lines=tuple(lines),
        groups=groups_of(lines),
        taxes=taxes_of(lines),
        entered=_entered(entered, month, zone),
    )


def kind_of(entry: PostedEntry) -> str:
    """What an entry charges; a reversal: what its original did. A corrected call is a call."""
    return kind_named(entry.kind, entry.reverses, entry.facts)


def kind_named(kind: str, reverses: str | None, facts: Facts) -> str:
    """Likewise, of an entry's columns."""
    if kind == REVERSAL:
        reversed_key = reverses or ""
        said = facts.get("kind")
        kind = (
            PAYMENT
            if reversed_key.startswith(f"{PAYMENT}/")
            else str(said or reversed_key.rpartition("/")[2])
        )
    return CALL if kind == _CORRECTED else kind


def groups_of(lines: Sequence[Line]) -> tuple[Group, ...]:
    """The charges by kind, options each by itself."""
    by_kind: dict[tuple[int, str, str], list[Line]] = {}
    for line in lines:
        by_kind.setdefault(
            (rank_of(line.kind), line.kind, line.item if line.kind == OPTION else ""), []
        ).append(line)
    return tuple(
        Group(
            kind=kind,
            item=item or (each[0].item if kind == SUBSCRIPTION else ""),
            tariff=each[0].tariff,
            lines=len(each),
            quantity=sum(_sign(line) * line.call.billable_s if line.call else line.quantity for line in each),
            amount_kop=_sum(each, lambda line: line.amount_kop),
            licence_kop=_sum(each, lambda line: line.licence_kop),
            support_kop=_sum(each, lambda line: line.support_kop),
            vat_kop=_sum(each, lambda line: line.vat_kop),
        )
        for (_, kind, item), each in sorted(by_kind.items(), key=lambda found: found[0])
    )


def parts_of(line: Line) -> tuple[TaxPart, ...]:
    """A charge by how it is taxed: licence without VAT, support with it; or the whole. Rule: decision 6."""
    percents = tuple(sorted({percent for percent in line.vat_percents if percent}))
    if line.kind in RECURRING:
        return (
            TaxPart(LICENCE, (), line.licence_kop, 0),
            TaxPart(SUPPORT, percents, line.support_kop, line.vat_kop),
        )
    return (TaxPart(USAGE, percents, line.amount_kop, line.vat_kop),)


def taxes_of(lines: Iterable[Line]) -> tuple[TaxPart, ...]:
    """All charges by how they are taxed."""
    found: dict[tuple[int, tuple[Decimal, ...]], tuple[int, int]] = {}
    for line in lines:
        for part in parts_of(line):
            key = (PARTS.index(part.part), part.percents)
            amount_kop, vat_kop = found.get(key, (0, 0))
            found[key] = (amount_kop + part.amount_kop, vat_kop + part.vat_kop)
    return tuple(
        TaxPart(PARTS[rank], percents, amount_kop, vat_kop)
        for (rank, percents), (amount_kop, vat_kop) in sorted(found.items())
    )


def rank_of(kind: str) -> int:
    """Where charges of a kind stand among the others."""
    return CHARGE_KINDS.index(kind) if kind in CHARGE_KINDS else len(CHARGE_KINDS)


def _line(entry: PostedEntry, day: date, number: int, reverses: int, late: bool) -> Line:
    facts: Facts = entry.facts
    is_reversal = entry.kind == REVERSAL
    sign = -1 if is_reversal else 1
    kind = kind_of(entry)
    quantity, included = _quantity(kind, facts)
    return Line(
        number=number,
        key=entry.key,
        at=entry.occurred_at,
        day=day,
        posted_at=entry.posted_at,
        kind=kind,
        item=facts.get("item", ""),
        tariff=facts.get("tariff", ""),
        quantity=sign * quantity,
        unpaid=sign * included,
        amount_kop=entry.amount_kop,
        licence_kop=sign * facts.get("licence_kop", 0),
        support_kop=sign * facts.get("support_kop", 0),
        vat_kop=sign * facts.get("vat_kop", 0),
        vat_percents=_percents(facts),
        period_from=_date(facts.get("period_from")),
        period_to=_date(facts.get("period_to")),
        working=facts.get("working", facts.get("rule", "")),
        is_reversal=is_reversal,
        reverses=reverses,
        why=facts.get("why", "") if is_reversal else "",
        corrects=entry.kind == _CORRECTED,
        estimated=facts.get("estimated", False),
        late=late,
        call=_call(facts) if kind == CALL else None,
        to_number=entry.to_number,
        employee=entry.employee,
    )


def _paid(entry: PostedEntry, day: date, late: bool) -> Paid:
    facts: Facts = entry.facts
    return Paid(
        key=entry.key,
        at=entry.occurred_at,
        day=day,
        posted_at=entry.posted_at,
        ref=facts.get("ref", ""),
        amount_kop=-entry.amount_kop,
        is_reversal=entry.kind == REVERSAL,
        why=facts.get("why", ""),
        late=late,
    )


def _call(facts: Facts) -> CallWorking:
    """Args: facts: earlier vpbx posted calls without the rate."""
    rate: Facts = facts.get("rate", {})
    return CallWorking(
        talked_s=facts.get("duration_s", 0),
        billable_s=facts.get("billable_s", 0),
        included_s=facts["included"]["quantity"] if "included" in facts else 0,
        prefix=facts.get("deck_prefix", ""),
        destination=facts.get("destination", ""),
        deck=facts.get("deck", ""),
        price=Decimal(rate["price"]) if rate else None,
        increment_s=rate.get("increment_s", 0),
        minimum_s=rate.get("minimum_s", 0),
        free_below_s=rate.get("free_below_s", 0),
        connect_fee=Decimal(rate.get("connect_fee", 0)),
    )


def _quantity(kind: str, facts: Facts) -> tuple[int, int]:
    """How much an entry charges, and how much of it was included; of calls, started minutes."""
    included = facts["included"]["quantity"] if "included" in facts else 0
    if kind == CALL:
        billable_s = facts.get("billable_s", 0)
        return -(-billable_s // _MINUTE_S), -(-included // _MINUTE_S)
    return facts.get("quantity", 1), included


def _percents(facts: Facts) -> tuple[Decimal, ...]:
    if "vat_percents" in facts:
        return tuple(map(Decimal, facts["vat_percents"]))
    return (Decimal(facts["vat_percent"]),) if "vat_percent" in facts else ()


def _entered(entries: Iterable[PostedEntry], month: Month, zone: ZoneInfo) -> tuple[Entered, ...]:
    counts: Counter[tuple[Month, str]] = Counter()
    sums: Counter[tuple[Month, str]] = Counter()
    for entry in entries:
        day = _day(entry, zone)
        if day < month.first:
            key = (Month(day.year, day.month), entry.kind)
            counts[key] += 1
            sums[key] += entry.amount_kop
    return tuple(Entered(*key, counts[key], sums[key]) for key in sorted(counts))


def _day(entry: PostedEntry, zone: ZoneInfo) -> date:
    said = entry.facts.get("day")
    return date.fromisoformat(said) if isinstance(said, str) else entry.occurred_at.astimezone(zone).date()


def _date(said: str | None) -> date | None:
    return None if said is None else date.fromisoformat(said)


def _sign(line: Line) -> int:
    return -1 if line.is_reversal else 1


def _sum(lines: Iterable[Line], of: Callable[[Line], int]) -> int:
    return sum(map(of, lines))
