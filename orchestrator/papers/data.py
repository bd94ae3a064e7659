"""A statement as JSON, versioned and stable: sums in whole kopecks, times in the tenant's time zone."""

from __future__ import annotations

import json
from datetime import date, datetime

from orchestrator.model.statement import CallWorking, Line, Paid, Statement
from orchestrator.papers.parties import party_json
from orchestrator.papers.sides import Sides

VERSION = 1


def statement_json(statement: Statement, sides: Sides) -> str:
    """One object with an end of line."""
    return json.dumps(statement_data(statement, sides), ensure_ascii=False) + "\n"


def statement_data(statement: Statement, sides: Sides) -> dict[str, object]:
    """What `statement_json` writes. A number called is null once the call's data was purged."""
    titles = sides.titles
    return {
        "version": VERSION,
        "tenant": statement.tenant,
        "period": str(statement.month),
        "time_zone": statement.zone.key,
        "draft": statement.draft,
        "made_at": _local(statement, statement.made_at),
        "operator": party_json(sides.operator),
        "customer": party_json(sides.customer),
        "opening_balance_kop": statement.opening_kop,
        "paid_kop": statement.paid_kop,
        "charged_kop": statement.charged_kop,
        "closing_balance_kop": statement.closing_kop,
        "entered_later": statement.late,
        "entered_for_earlier_months": [
            {
                "month": str(each.month),
                "kind": each.kind,
                "entries": each.entries,
                "amount_kop": each.amount_kop,
            }
            for each in statement.entered
        ],
        "summary": [
            {
                "kind": each.kind,
                "item": each.item,
                "title": titles.of(each.kind, each.item, each.tariff),
                "entries": each.lines,
                "quantity": each.quantity,
                "amount_kop": each.amount_kop,
                "licence_kop": each.licence_kop,
                "support_kop": each.support_kop,
                "vat_kop": each.vat_kop,
            }
            for each in statement.groups
        ],
        "taxes": [
            {
                "part": each.part,
                "vat_percents": list(map(str, each.percents)),
                "amount_kop": each.amount_kop,
                "vat_kop": each.vat_kop,
            }
            for each in statement.taxes
        ],
        "payments": [_paid(statement, each) for each in statement.payments],
        "charges": [
            _line(statement, each, titles.of(each.kind, each.item, each.tariff)) for each in statement.lines
        ],
    }


def _paid(statement: Statement, paid: Paid) -> dict[str, object]:
    return {
        "key": paid.key,
        "at": _local(statement, paid.at),
        "ref": paid.ref,
        "amount_kop": paid.amount_kop,
        "reversal": paid.is_reversal,
        "why": paid.why or None,
        "entered_later": paid.late,
    }


def _line(statement: Statement, line: Line, title: str) -> dict[str, object]:
    return {
        "line": line.number,
        "key": line.key,
        "at": _local(statement, line.at),
        "date": line.day.isoformat(),
        "posted_at": _local(statement, line.posted_at),
        "kind": line.kind,
        "item": line.item,
        "title": title,
        "quantity": line.quantity,
        "amount_kop": line.amount_kop,
        "licence_kop": line.licence_kop,
        "support_kop": line.support_kop,
        "vat_kop": line.vat_kop,
        "vat_percents": list(map(str, line.vat_percents)),
        "period_from": _iso(line.period_from),
        "period_to": _iso(line.period_to),
        "working": line.working,
        "reversal": line.is_reversal,
        "reverses_line": line.reverses or None,
        "why": line.why or None,
        "correction": line.corrects,
        "estimated": line.estimated,
        "entered_later": line.late,
        "employee": line.employee or None,
        "number": line.to_number or None,
        "call": None if line.call is None else _call(line.call),
    }


def _call(call: CallWorking) -> dict[str, object]:
    return {
        "talked_s": call.talked_s,
        "billable_s": call.billable_s,
        "included_s": call.included_s,
        "increments": call.intervals,
        "increment_s": call.increment_s,
        "minimum_s": call.minimum_s,
        "free_below_s": call.free_below_s,
        "rate_per_min": None if call.price is None else str(call.price),
        "connect_fee": str(call.connect_fee),
        "deck": call.deck,
        "prefix": call.prefix,
        "destination": call.destination,
    }


def _local(statement: Statement, at: datetime) -> str:
    return at.astimezone(statement.zone).isoformat()


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
