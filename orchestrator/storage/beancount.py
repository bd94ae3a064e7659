"""The ledger as a plain-text ledger of beancount, so that another program can add it up.

Debits are positive in both. What a tenant owes is an asset; income and VAT owed stand against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, func, select

from orchestrator.model.money import roubles_text
from orchestrator.storage.entries import Accounts, Entry, walk
from orchestrator.storage.schema import ledger_entry, ledger_posting
from orchestrator.storage.values import micros, moment

CURRENCY = "RUB"

_ACCOUNTS = {
    "revenue:licence": "Income:Licence",
    "revenue:support": "Income:Support",
    "revenue:usage": "Income:Usage",
    "payments": "Assets:Payments",
    "vat": "Liabilities:VAT",
}
_TENANT = "tenant:"
_PLAIN = re.compile(r"[a-z][a-z0-9-]*")
_ZONES_DIFFER = timedelta(days=2)
"""More than what a local date can be off the date in UTC."""

_ESCAPED = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t"}
_UNSEEN = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code not in _ESCAPED
}


def lines(connection: Connection, begin: date | None, end: date | None) -> Iterator[str]:
    """The entries of some days in beancount's syntax, a line each with its end; a few at a time in memory.

    Args: begin: first local date of a charge, or all. end: the first date that is left out, or none.
    """
    yield f'option "title" "vpbx ledger"\noption "operating_currency" "{CURRENCY}"\n\n'
    for account, opened_on in _opened(connection, begin, end):
        yield f"{opened_on} open {account_name(account)} {CURRENCY}\n"
    for entry, accounts in walk(connection):
        facts = json.loads(entry.facts)
        day = _day(entry, facts)
        if (begin is None or begin <= day) and (end is None or day < end):
            yield _transaction(entry, accounts, facts, day)


def account_name(account: str) -> str:
    """An account of the ledger as beancount may call it; different accounts have different names.

    >>> account_name("tenant:acme-2"), account_name("vat")
    ('Assets:Receivable:Acme-2', 'Liabilities:VAT')
    >>> account_name("tenant:Acme")
    'Assets:Receivable:0-41636d65'
    """
    if account.startswith(_TENANT):
        return f"Assets:Receivable:{_component(account.removeprefix(_TENANT))}"
    return _ACCOUNTS.get(account) or f"Equity:Other:{_component(account)}"


def _component(name: str) -> str:
    """A name that begins with a capital or a digit: names as vpbx allows them read well, others are hex."""
    return name.capitalize() if _PLAIN.fullmatch(name) else f"0-{name.encode().hex()}"


def quoted(text: str) -> str:
    """A text as beancount reads it.

    >>> quoted('say "a\\\\b"')
    '"say \\\\"a\\\\\\\\b\\\\""'
    """
    return f'"{text.translate(_UNSEEN).translate(_ESCAPED)}"'


def _opened(connection: Connection, begin: date | None, end: date | None) -> list[tuple[str, date]]:
    """Accounts that the entries of some days use, each with a date before the first of them."""
    used = select(ledger_posting.c.account, func.min(ledger_entry.c.occurred_at)).join(
        ledger_entry, ledger_entry.c.seq == ledger_posting.c.entry_seq
    )
    if begin is not None:
        used = used.where(ledger_entry.c.occurred_at >= micros(_midnight(begin) - _ZONES_DIFFER))
    if end is not None:
        used = used.where(ledger_entry.c.occurred_at < micros(_midnight(end) + _ZONES_DIFFER))
    rows = connection.execute(used.group_by(ledger_posting.c.account)).all()
    return sorted((row[0], (moment(row[1]) - _ZONES_DIFFER).date()) for row in rows)


def _transaction(entry: Entry, accounts: Accounts, facts: dict[str, object], day: date) -> str:
    said = str(facts.get("why") or facts.get("working") or facts.get("rule") or "")
    metadata = {
        "key": entry.key,
        "kind": entry.kind,
        "posted": moment(entry.posted_at).isoformat(),
        "reverses": entry.reverses,
        "tariff": facts.get("tariff"),
        "tariff-version": facts.get("tariff_version"),
    }
    told = "".join(
        f"  {name}: {quoted(str(value))}\n" for name, value in metadata.items() if value is not None
    )
    postings = "".join(
        f"  {account_name(account)}  {roubles_text(amount_kop)} {CURRENCY}\n"
        for account, amount_kop in sorted(accounts.items())
    )
    narration = quoted(f"{entry.kind}: {said}" if said else entry.kind)
    return f"\n{day} * {quoted(entry.tenant)} {narration}\n  entry: {entry.seq}\n{told}{postings}"


def _day(entry: Entry, facts: dict[str, object]) -> date:
    day = facts.get("day")
    return date.fromisoformat(day) if isinstance(day, str) else moment(entry.occurred_at).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
