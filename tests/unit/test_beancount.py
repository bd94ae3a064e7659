"""`ledger export --format beancount`: beancount itself reads the books, and adds up to the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data, realization
from hypothesis import given
from hypothesis import strategies as st
from posted_books import POSTED, WHY, charge_of, falsify, fill

from orchestrator.storage.beancount import account_name, quoted
from orchestrator.storage.store import SqlStore


def exported(store: SqlStore, begin: date | None = None, end: date | None = None) -> str:
    return "".join(store.beancount(begin, end))


def read(text: str) -> list[data.Directive]:
    """The directives as beancount reads them. It must find nothing wrong."""
    found, errors, _ = loader.load_string(text)
    assert errors == []
    return found


def balances(directives: list[data.Directive]) -> Mapping[str, int]:
    """Kopecks by account, as beancount adds them up."""
    real = realization.realize(directives)
    return {
        account.account: int(account.balance.get_currency_units("RUB").number * 100)
        for account in realization.iter_children(real)
        if account.txn_postings
    }


def test_beancount_reads_it_without_an_error_and_adds_up_to_the_same(any_store: SqlStore) -> None:
    fill(any_store)
    verified = any_store.verify()
    directives = read(exported(any_store))
    ours = {account_name(account): kop for account, kop in verified.balances.items()}
    assert balances(directives) == ours
    assert {"Assets:Receivable:Acme", "Assets:Receivable:Beta", "Liabilities:VAT"} < set(ours)
    assert sum(isinstance(each, data.Transaction) for each in directives) == verified.entries


def test_a_kopeck_more_is_an_error_to_beancount(any_store: SqlStore) -> None:
    fill(any_store)
    text = exported(any_store)
    falsified = text.replace("Income:Usage  -3.77 RUB", "Income:Usage  -3.78 RUB", 1)
    assert falsified != text
    _, errors, _ = loader.load_string(falsified)
    assert errors


def test_a_transaction_has_the_entrys_key_and_kind_and_the_reason_of_a_reversal(store: SqlStore) -> None:
    fill(store)
    transactions = [each for each in read(exported(store)) if isinstance(each, data.Transaction)]
    (taken_back,) = [each for each in transactions if each.meta.get("reverses") == str(charge_of(1).key)]
    assert taken_back.narration == f"reversal: {WHY}"
    assert (taken_back.payee, taken_back.date) == ("acme", date(2026, 9, 22))
    assert (taken_back.meta["kind"], taken_back.meta["key"]) == ("reversal", f"{charge_of(1).key}/reversal")
    assert sorted(posting.units.number for posting in taken_back.postings) == [
        Decimal("-4.60"),
        Decimal("0.83"),
        Decimal("3.77"),
    ]
    assert not any("linkedid" in each.meta for each in transactions)


def test_the_same_books_are_the_same_bytes(store: SqlStore) -> None:
    fill(store)
    assert exported(store) == exported(store)


def test_days_are_cut_by_the_local_date_of_the_charge(store: SqlStore) -> None:
    fill(store)
    days = sorted(each.date for each in read(exported(store)) if isinstance(each, data.Transaction))
    cut = days[len(days) // 2]
    parts = [read(exported(store, None, cut)), read(exported(store, cut, None))]
    first, second = ([each.date for each in part if isinstance(each, data.Transaction)] for part in parts)
    assert first and second
    assert (max(first) < cut, min(second) == cut) == (True, True)
    assert sorted(first + second) == days
    assert exported(store, cut, cut).count(" * ") == 0


def test_a_tenant_and_account_of_any_name_are_read(store: SqlStore) -> None:
    store.post([charge_of(1, tenant="acme-2"), charge_of(2)], [], "listener", POSTED)
    falsify(
        store,
        "UPDATE ledger_entry SET tenant = :tenant WHERE seq = 2",
        "UPDATE ledger_posting SET account = 'tenant:' || :tenant WHERE account = 'tenant:acme'",
        "UPDATE ledger_posting SET account = 'bank fee' WHERE account = 'vat' AND entry_seq = 2",
        tenant='Ёж "x":y',
    )
    assert sorted(balances(read(exported(store))).values()) == [-754, -83, -83, 460, 460]


def test_empty_books_are_read(store: SqlStore) -> None:
    assert read(exported(store)) == []


@given(st.text(max_size=20), st.text(max_size=20))
def test_different_accounts_have_different_names(one: str, other: str) -> None:
    if one != other:
        assert account_name(f"tenant:{one}") != account_name(f"tenant:{other}")
        assert account_name(one) != account_name(other)


@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', "a\nb", "tab\there", "\x00\x1b[31m\x85", "Ёлка 🎄", "; # * @"]
)
def test_any_narration_is_read_as_it_was(text: str, tmp_path: Path) -> None:
    written = f"2026-01-01 open Assets:A\n2026-01-01 * {quoted(text)}\n  Assets:A  0.00 RUB\n"
    (_, transaction) = read(written)
    unseen = str.maketrans(dict.fromkeys("\x00\x1b\x85", "\N{REPLACEMENT CHARACTER}"))
    assert transaction.narration == text.translate(unseen)
