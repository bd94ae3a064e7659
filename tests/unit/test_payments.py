"""Payments: each once, never changed; what a tenant has left is what was paid less what was charged."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fresh_store import fresh_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from posted_books import POSTED, charge_of
from sqlalchemy import text

from orchestrator.cli.main import root
from orchestrator.errors import ChargeDiffers, LedgerBroken, PaymentDiffers
from orchestrator.model.payment import PAYMENT, Payment
from orchestrator.storage import ledger
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
PAID = Payment("acme", "1047", 1_200_000, POSTED, "olga")


def balance_kop(store: SqlStore, tenant: str = "acme") -> int:
    return {each.tenant: each.balance_kop for each in store.balances()}.get(tenant, 0)


def test_a_payment_counts_once_however_often_it_is_entered(any_store: SqlStore) -> None:
    any_store.post([charge_of(1)], [], "listener", POSTED)
    assert any_store.pay(PAID, POSTED)
    later = Payment("acme", "1047", 1_200_000, POSTED + timedelta(days=1), "ivan")
    assert not any_store.pay(later, POSTED)
    [balance] = any_store.balances("acme")
    charged = charge_of(1).amount_kop
    assert (balance.charged_kop, balance.paid_kop, balance.paid_at) == (charged, 1_200_000, POSTED)
    assert balance.balance_kop == 1_200_000 - charged
    assert any_store.verify().balances["payments"] == 1_200_000


def test_the_same_reference_with_another_amount_is_refused_and_another_tenants_is_its_own(
    any_store: SqlStore,
) -> None:
    any_store.pay(PAID, POSTED)
    with pytest.raises(PaymentDiffers, match=r"stands with 12000\.00"):
        any_store.pay(Payment("acme", "1047", 1_200_001, POSTED, "olga"), POSTED)
    assert any_store.pay(Payment("beta", "1047", 500, POSTED, "olga"), POSTED)
    assert (balance_kop(any_store), balance_kop(any_store, "beta")) == (1_200_000, 500)


def test_a_payment_that_was_taken_back_is_gone_and_its_reference_with_it(any_store: SqlStore) -> None:
    any_store.pay(PAID, POSTED)
    any_store.take_back(PAID.key, "another customer's", "olga", POSTED)
    assert balance_kop(any_store) == 0
    with pytest.raises(PaymentDiffers, match="was taken back"):
        any_store.pay(PAID, POSTED)
    assert any_store.verify().reversals == 1


@pytest.mark.parametrize(
    ("key", "kop", "against"),
    [
        ("payment/acme/1048", -100, "payments"),
        ("payment/acme/1047", 100, "payments"),
        ("payment/acme/1047", -100, "revenue:usage"),
    ],
)
def test_an_entry_that_is_no_payment_though_it_says_so_is_found(
    store: SqlStore, key: str, kop: int, against: str
) -> None:
    content = ledger.content_of(key, "acme", PAYMENT, POSTED, kop, {"ref": "1047", "by": "olga"})
    with store.database.writing() as connection:
        ledger.append(connection, [(content, {"tenant:acme": kop, against: -kop})], "payment", POSTED)
    with pytest.raises(ChargeDiffers):
        store.verify()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE tenant_balance SET balance_kop = 1200001 WHERE tenant = 'acme'", "of acme is 1200001 kop"),
        ("DELETE FROM tenant_balance WHERE tenant = 'acme'", "of acme is 0 kop, its entries make 1200000"),
        ("INSERT INTO tenant_balance (tenant, balance_kop) VALUES ('beta', 5)", "of beta is 5 kop"),
    ],
)
def test_a_balance_that_isnt_what_the_entries_make_is_found(
    any_store: SqlStore, statement: str, told: str
) -> None:
    any_store.pay(PAID, POSTED)
    any_store.verify()
    with any_store.database.writing() as connection:
        connection.execute(text(statement))
    with pytest.raises(LedgerBroken, match=told):
        any_store.verify()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([1, 1, 250])), max_size=8))
def test_whatever_is_entered_the_first_amount_of_each_reference_stands(
    tmp_path_factory: pytest.TempPathFactory, entered: list[tuple[str, int]]
) -> None:
    store = fresh_store(tmp_path_factory.mktemp("paid") / "vpbx.db")
    first: dict[str, int] = {}
    for ref, amount_kop in entered:
        payment = Payment("acme", ref, amount_kop, POSTED, "olga")
        if first.setdefault(ref, amount_kop) == amount_kop:
            store.pay(payment, POSTED)
        else:
            with pytest.raises(PaymentDiffers):
                store.pay(payment, POSTED)
    assert balance_kop(store) == sum(first.values())
    store.verify()
    store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns(".vpbx"))
    return made


def vpbx(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *arguments])


def test_a_payment_is_entered_and_shown_with_what_is_left(project: Path) -> None:
    said = vpbx(project, "pay", "acme", "12000.50", "--ref", "ПП-1047")
    assert said.stdout == "acme: 12000.50 paid, balance 12000.50\n"
    again = json.loads(vpbx(project, "pay", "acme", "12000.5", "--ref", "ПП-1047", "--json").stdout)
    assert (again["new"], again["balance_kop"], again["key"]) == (False, 1_200_050, "payment/acme/ПП-1047")
    told = json.loads(vpbx(project, "balance", "acme", "--json").stdout)["balances"]
    assert [(each["tenant"], each["balance_kop"]) for each in told] == [("acme", 1_200_050)]
    assert vpbx(project, "pay", "acme", "1", "--ref", "ПП-1047").exit_code == 1
    assert "payment" in vpbx(project, "ledger", "export").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("acme", "0", "--ref", "1"), "above zero"),
        (("acme", "1.005", "--ref", "1"), "two digits"),
        (("acme", "1e3", "--ref", "1"), "above zero"),
        (("acme", "200000000", "--ref", "1"), "up to"),
        (("acme", "1", "--ref", "a/b"), "without /"),
        (("acme", "1", "--ref", ""), "visible"),
        (("acme", "1", "--ref", "1", "--at", "2099-01-01"), "future"),
        (("acmee", "1", "--ref", "1"), "acmee"),
    ],
)
def test_what_is_no_payment_is_refused_and_nothing_is_posted(
    project: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = vpbx(project, "pay", *arguments)
    assert done.exit_code != 0
    assert told in f"{done.output}{done.exception}"
    assert json.loads(vpbx(project, "balance", "--json").stdout)["balances"] == []
