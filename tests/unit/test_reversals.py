"""Corrections: a charge is taken back once, exactly, with who and why."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from posted_books import POSTED, charge_of, fill
from recorded_calls import BEGIN, Call, csv_bytes, definitions, switch_record

from orchestrator.errors import AlreadyReversed, NotFound, NotReversible
from orchestrator.reconciliation import reconcile
from orchestrator.storage.entries import walk
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

KEY = str(charge_of(1).key)


def test_a_reversal_says_who_and_why_and_takes_back_every_account(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    at = POSTED + timedelta(hours=1)
    posted = any_store.take_back(KEY, "their own test call", "olga", at)
    assert (posted.key, posted.reverses, posted.amount_kop) == (f"{KEY}/reversal", KEY, -460)
    facts = json.loads(posted.facts)
    assert (facts["why"], facts["by"], posted.path) == ("their own test call", "olga", "correction")
    with any_store.database.reading() as connection:
        (_, first), (_, second) = walk(connection)
    assert {account: kop + second[account] for account, kop in first.items()} == dict.fromkeys(first, 0)
    assert any_store.verify().reversals == 1
    (line,) = any_store.audit_lines("acme")
    assert (line.at, line.what, line.why, line.who) == (
        at,
        f"charge {KEY} reversed",
        "their own test call",
        "olga",
    )


def test_a_second_reversal_is_refused_with_who_made_the_first(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    any_store.take_back(KEY, "their own test call", "olga", POSTED)
    before = any_store.dump()
    with pytest.raises(
        AlreadyReversed, match="2026-09-23 00:00:00 UTC by olga: their own test call"
    ) as caught:
        any_store.take_back(KEY, "again", "ivan", POSTED)
    assert caught.value.key == KEY
    assert any_store.dump() == before
    assert len(any_store.audit_lines("acme")) == 1


def test_what_reconciliation_reversed_is_not_taken_back_again(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    any_store.reverse(KEY, "reconciliation", POSTED)
    any_store.reverse(KEY, "reconciliation", POSTED)
    with pytest.raises(AlreadyReversed, match=r"by reconciliation$"):
        any_store.take_back(KEY, "why", "olga", POSTED)
    assert any_store.verify().entries == 2


def test_only_a_charge_that_stands_is_taken_back(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    any_store.take_back(KEY, "why", "olga", POSTED)
    with pytest.raises(NotReversible):
        any_store.take_back(f"{KEY}/reversal", "why", "olga", POSTED)
    with pytest.raises(NotFound) as caught:
        any_store.take_back("s1/s1-1.1/call", "why", "olga", POSTED)
    assert "charges list" in caught.value.hint
    assert any_store.verify().entries == 2


def test_of_several_at_once_one_takes_the_charge_back(any_store: SqlStore, database_url: str) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    outcomes: list[str] = []

    def take_back() -> None:
        own = SqlStore.open(database_url)
        try:
            own.take_back(KEY, "why", "olga", POSTED)
            outcomes.append("done")
        except AlreadyReversed:
            outcomes.append("refused")
        finally:
            own.close()

    threads = [threading.Thread(target=take_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused", "refused", "refused"]
    assert any_store.verify().reversals == 1


def test_charges_of_the_service_are_taken_back_too(any_store: SqlStore) -> None:
    fill(any_store)
    before = any_store.balance_kop("beta")
    charged = [charge for charge in any_store.charges(Asked("beta")) if charge.kind == "subscription"]
    for charge in charged:
        any_store.take_back(charge.key, "agreed", "olga", POSTED)
    assert any_store.balance_kop("beta") == before - sum(charge.amount_kop for charge in charged)
    assert any_store.verify().reversals == 2 + len(charged)


def test_a_call_that_was_taken_back_is_not_charged_again_by_itself(store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 61)
    (tmp_path / "vpbx-cel.csv").write_bytes(csv_bytes(call.rows()))

    def bring_in() -> None:
        reconcile(store, switch_record(tmp_path), definitions(), now=BEGIN + timedelta(days=1))

    bring_in()
    store.take_back(call.key, "why", "olga", POSTED)
    (tmp_path / "vpbx-cel.csv").write_bytes(csv_bytes([*call.rows(), *call.rows()]))
    bring_in()
    assert store.verify().entries == 2
    assert store.balance_kop("acme") == 0


def test_what_replaces_a_charge_has_a_key_of_its_own(any_store: SqlStore) -> None:
    charge = charge_of(1)
    any_store.post([charge], [], "listener", POSTED)
    any_store.take_back(KEY, "charged by a wrong deck", "olga", POSTED)
    assert any_store.post([charge], [], "listener", POSTED).known == 1
    assert any_store.balance_kop("acme") == 0
    again = replace(charge, key=replace(charge.key, kind="call.corrected"), kind="call.corrected")
    assert any_store.post([again], [], "reconciliation", POSTED).new == 1
    assert any_store.balance_kop("acme") == 460
    assert any_store.verify().recomputed == 2
