"""`ledger verify`: the chain, the balance, and every charge computed again."""

from __future__ import annotations

import hashlib
import json

import pytest
from posted_books import POSTED, charge_of, falsify, fill
from sqlalchemy import text

from orchestrator.errors import ChargeDiffers, LedgerBroken
from orchestrator.storage.entries import Entry, chain_hash, walk
from orchestrator.storage.store import SqlStore


@pytest.fixture
def books(any_store: SqlStore) -> SqlStore:
    """Books with every kind of entry."""
    fill(any_store)
    return any_store


def kinds(store: SqlStore) -> dict[str, int]:
    """The first entry's number by kind."""
    with store.database.reading() as connection:
        found: dict[str, int] = {}
        for entry, _ in walk(connection):
            found.setdefault(entry.kind, entry.seq)
    return found


def test_every_charge_of_every_kind_computes_again(books: SqlStore) -> None:
    verified = books.verify()
    assert set(kinds(books)) == {
        "subscription",
        "extra_employees",
        "option",
        "sms",
        "autoinform",
        "call",
        "call.corrected",
        "reversal",
    }
    assert verified.reversals == 2
    assert verified.not_recomputed == 0
    assert verified.recomputed == verified.entries - 2


def test_the_balances_are_those_of_the_postings_and_sum_to_zero(books: SqlStore) -> None:
    verified = books.verify()
    with books.database.reading() as connection:
        sums = connection.execute(
            text("SELECT account, sum(amount_kop) FROM ledger_posting GROUP BY account ORDER BY account")
        )
        assert dict(verified.balances) == {account: int(total) for account, total in sums}
    assert sum(verified.balances.values()) == 0
    assert verified.balances["tenant:acme"] == books.balance_kop("acme") > 0
    assert {"revenue:licence", "revenue:support", "revenue:usage", "vat"} < set(verified.balances)


def test_an_empty_ledger_holds(any_store: SqlStore) -> None:
    verified = any_store.verify()
    assert (verified.entries, verified.recomputed, dict(verified.balances)) == (0, 0, {})


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("call", '"billable_s":120|"billable_s":121', "billable_s is 121, computed again 120"),
        ("call", '"duration_s":61|"duration_s":62', "duration_s is 62, computed again 61"),
        ("call", '"price":"2.30"|"price":"2.31"', "amount_kop is 460, computed again 462"),
        ("call", '"vat_percent":"22"|"vat_percent":"20"', "vat_percent is 20, computed again 22"),
        ("call", '"vat_mode":"inside"|"vat_mode":"on_top"', "vat_mode is on_top, computed again inside"),
        ("call", "2.30/min|2.30/mon", "working is "),
        ("call", '"tariff_version":"1"|"tariff_version":"2"', "tariff_version is 2, computed again 1"),
        ("call", '"deck_version":"1"|"deck_version":"2"', "deck_version is 2, computed again 1"),
        ("call", '"day":"2026-09-22"|"day":"2026-09-23"', "day is 2026-09-23, computed again 2026-09-22"),
        ("call", "Europe/Moscow|Asia/Tokyo/", "its facts can't be read"),
        ("call", '"rate":{|"rate":[{', "its facts can't be read"),
        (
            "subscription",
            '"tariff_version":"1"|"tariff_version":"2"',
            "tariff_version is 2, computed again 1",
        ),
        ("subscription", '"support_kop":1000|"support_kop":1001', "support_kop is 1001, computed again 1000"),
        (
            "subscription",
            '"licence_kop":99000|"licence_kop":98999',
            "licence_kop is 98999, computed again 99000",
        ),
        ("option", '"item":"crm"|"item":"crn"', "its facts can't be read"),
        ("sms", '"quantity":2|"quantity":3', "amount_kop is 500, computed again 750"),
        ("autoinform", '"duration_s":61|"duration_s":121', "amount_kop is 460, computed again 690"),
        ("autoinform", '"tariff":"master"|"tariff":"muster"', "tariff is muster, computed again master"),
        ("autoinform", '"beyond":0|"beyond": 0', "its facts are written otherwise"),
    ],
)
def test_a_falsified_charge_is_named_even_when_the_hashes_fit(
    books: SqlStore, kind: str, change: str, said: str
) -> None:
    old, new = change.split("|")
    seq = kinds(books)[kind]
    falsify(
        books,
        "UPDATE ledger_entry SET facts = replace(facts, :old, :new) WHERE seq = :seq",
        old=old,
        new=new,
        seq=seq,
    )
    with pytest.raises(LedgerBroken, match=f"entry {seq} ") as caught:
        books.verify()
    assert said in caught.value.message


def test_what_differs_is_in_the_errors_fields(books: SqlStore) -> None:
    seq = kinds(books)["call"]
    falsify(
        books,
        "UPDATE ledger_entry SET amount_kop = 461 WHERE seq = :seq",
        "UPDATE ledger_posting SET amount_kop = 461 WHERE entry_seq = :seq AND account = 'tenant:acme'",
        "UPDATE ledger_posting SET amount_kop = -378 WHERE entry_seq = :seq AND account = 'revenue:usage'",
        seq=seq,
    )
    with pytest.raises(ChargeDiffers) as caught:
        books.verify()
    assert (caught.value.seq, caught.value.key) == (seq, str(charge_of(1).key))
    assert caught.value.differences == (
        "amount_kop is 461, computed again 460",
        "revenue:usage has -378 kop, computed again -377",
        "tenant:acme has 461 kop, computed again 460",
    )


@pytest.mark.parametrize("kind", ["call", "subscription"])
def test_money_booked_to_another_account_is_found(books: SqlStore, kind: str) -> None:
    falsify(
        books,
        "UPDATE ledger_posting SET account = 'revenue:other' WHERE entry_seq = :seq AND account = 'vat'",
        seq=kinds(books)[kind],
    )
    with pytest.raises(ChargeDiffers, match="revenue:other has"):
        books.verify()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tariff_state SET terms = replace(terms, '1000', '1001')", "tariff state .* was changed"),
        ("UPDATE tariff_state SET tariff = 'other'", "tariff state .* was changed"),
        ("UPDATE tariff_state SET terms = 'x'", "tariff state .* was changed"),
        ("UPDATE tariff_state SET terms = replace(terms, 'Мастер', 'Ученик')", "tariff state .* was changed"),
        ("DELETE FROM tariff_state", "which it names, is gone"),
    ],
)
def test_terms_that_were_changed_or_removed_are_found(books: SqlStore, statement: str, said: str) -> None:
    falsify(books, statement)
    with pytest.raises(LedgerBroken, match=said):
        books.verify()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [
                "UPDATE ledger_posting SET amount_kop = amount_kop + 1"
                " WHERE entry_seq = :seq AND account = 'vat'",
                "UPDATE ledger_posting SET amount_kop = amount_kop - 1"
                " WHERE entry_seq = :seq AND account = 'revenue:usage'",
            ],
            "in every account",
        ),
        (["UPDATE ledger_entry SET reverses = NULL WHERE seq = :seq"], "doesn't stand before it"),
        (["UPDATE ledger_entry SET kind = 'call' WHERE seq = :seq"], "no reversal of a charge"),
        (
            ["UPDATE ledger_entry SET facts = replace(facts, '2.30', '2.31') WHERE seq = :seq"],
            "other facts",
        ),
        (["UPDATE ledger_entry SET occurred_at = occurred_at + 1 WHERE seq = :seq"], "other facts"),
    ],
)
def test_a_reversal_that_isnt_exact_is_found(books: SqlStore, statements: list[str], said: str) -> None:
    seq = kinds(books)["reversal"]
    falsify(books, *statements, seq=seq)
    with pytest.raises(LedgerBroken, match=f"entry {seq} .*{said}"):
        books.verify()


def test_a_charge_that_is_taken_back_twice_is_found(any_store: SqlStore) -> None:
    """The database refuses a second reversal; somebody has made the tables anew without that rule."""
    any_store.post([charge_of(1)], [], "listener", POSTED)
    any_store.take_back(str(charge_of(1).key), "why", "olga", POSTED)
    falsify(
        any_store,
        *(
            statement
            for table in ("ledger_posting", "ledger_entry")
            for statement in (
                f"ALTER TABLE {table} RENAME TO {table}_kept",
                f"CREATE TABLE {table} AS SELECT * FROM {table}_kept",
            )
        ),
        "CREATE TABLE again AS SELECT * FROM ledger_entry WHERE seq = 2",
        "UPDATE again SET seq = 3, key = 'another'",
        "INSERT INTO ledger_entry SELECT * FROM again",
        "INSERT INTO ledger_posting"
        " SELECT 3, account, amount_kop FROM ledger_posting_kept WHERE entry_seq = 2",
    )
    with pytest.raises(LedgerBroken, match="/call is reversed twice"):
        any_store.verify()


def test_a_posting_of_no_entry_is_found(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    falsify(
        any_store,
        "ALTER TABLE ledger_posting RENAME TO kept",
        "CREATE TABLE ledger_posting AS SELECT * FROM kept",
        "INSERT INTO ledger_posting VALUES (7, 'vat', 1)",
        "INSERT INTO ledger_posting VALUES (7, 'revenue:usage', -1)",
    )
    with pytest.raises(LedgerBroken, match="5 postings, its entries 3"):
        any_store.verify()


def test_entries_of_before_have_no_rate_and_are_counted(any_store: SqlStore) -> None:
    any_store.post([charge_of(number) for number in range(3)], [], "listener", POSTED)
    for seq in (1, 2):
        with any_store.database.reading() as connection:
            facts = json.loads(next(walk(connection, seq - 1))[0].facts)
        kept = {
            name: facts[name]
            for name in facts
            if name not in ("rate", "vat_mode", "time_zone", "tariff_digest")
        }
        written = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        falsify(any_store, "UPDATE ledger_entry SET facts = :facts WHERE seq = :seq", facts=written, seq=seq)
    verified = any_store.verify()
    assert (verified.entries, verified.recomputed, verified.not_recomputed) == (3, 1, 2)


def test_no_number_that_was_called_is_among_the_facts(books: SqlStore) -> None:
    dumped = books.dump()
    for number in ("74957654321", "74951110000", "34911234567", "79991234567"):
        assert number not in dumped


def test_a_ledger_longer_than_a_page_is_walked_to_its_end(any_store: SqlStore) -> None:
    any_store.post([charge_of(number) for number in range(1001)], [], "listener", POSTED)
    assert any_store.verify().recomputed == 1001
    falsify(
        any_store,
        "UPDATE ledger_entry SET path = 'x' WHERE seq = 1001",
        chained=False,
    )
    with pytest.raises(LedgerBroken, match="entry 1001 "):
        any_store.verify()


def test_the_hash_of_an_entry_is_what_it_was_in_the_first_ledger() -> None:
    """Written by the first ledger's code: a hash of another form would break every chain that stands."""
    entry = Entry(
        seq=2,
        key="s1/s1-1.1/call",
        tenant="acme",
        kind="call",
        occurred_at=1790067642791403,
        posted_at=1790207593975838,
        path="listener",
        amount_kop=-460,
        facts='{"destination":"Россия \\"x\\"","n":1}',
        reverses=None,
        prev_hash="0" * 64,
        hash="",
    )
    accounts = {"vat": 83, "tenant:acme": -460, "revenue:usage": 377}
    written = (
        '[{"amount_kop":-460,"facts":"{\\"destination\\":\\"Россия \\\\\\"x\\\\\\"\\",\\"n\\":1}",'
        '"key":"s1/s1-1.1/call","kind":"call","occurred_at":1790067642791403,"path":"listener",'
        '"posted_at":1790207593975838,"prev_hash":"' + "0" * 64 + '","reverses":null,"seq":2,'
        '"tenant":"acme"},[["revenue:usage",377],["tenant:acme",-460],["vat",83]]]'
    )
    assert chain_hash(entry, accounts) == hashlib.sha256(written.encode()).hexdigest()
    assert chain_hash(entry, accounts) == "abbd8d5fe70e00af9fab9eb9eaa5f97dd91ae41a6b111592635317ccedf86cd7"
