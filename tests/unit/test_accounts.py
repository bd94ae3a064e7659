"""Tenants' services in a real database: events taken, what is due charged, usage charged. Worked by hand."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from active_tenants import ACTIVATED, BEGUN, EXAMPLES, master, moscow, take, tariffs
from sqlalchemy import text

from orchestrator.accounts import Ran, Taken, Tariffs, charge_due, charge_usage, preview
from orchestrator.billing.recomputing import facts_of, recomputed
from orchestrator.billing.status import status_of
from orchestrator.billing.terms_text import tariff_from_terms, tariff_state
from orchestrator.definitions import load_tariffs
from orchestrator.errors import DuplicateKey, EventRefused, StorageError
from orchestrator.model.account import AccountEvent, AuditLine, ServiceEntry, TermsChanged
from orchestrator.model.service import (
    AutoinformCalled,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
    SmsSent,
)
from orchestrator.model.tariff import BillingCycle, Option, Prices, Tariff, Tier
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked


def made(taken: Taken) -> list[tuple[str, int]]:
    return [(entry.key, entry.charge.amount_kop) for entry in taken.made]


def keys(store: SqlStore) -> list[str]:
    return [charge.key for charge in reversed(store.charges(Asked()))]


def accounts_of(store: SqlStore, key: str) -> dict[str, int]:
    with store.database.reading() as connection:
        query = "SELECT account, p.amount_kop FROM ledger_posting p JOIN ledger_entry ON seq = entry_seq"
        rows = connection.execute(text(f"{query} WHERE key = :key"), {"key": key})
        return {row.account: row.amount_kop for row in rows}


def state(store: SqlStore) -> object:
    with store.database.reading() as connection:
        found = [
            connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()
            for table in ("service_state", "service_event", "tariff_state")
        ]
    return found, store.dump()


class TestMonths:
    """A tenant's first months, on every kind of database."""

    def test_a_trial_is_free_and_its_end_charges_the_first_period(self, any_store: SqlStore) -> None:
        taken = take(any_store, BEGUN, ACTIVATED, by=tariffs())
        assert made(taken) == []
        assert charge_due(any_store, tariffs(), moscow(1, 31, 11, 59)) == Ran()
        ran = charge_due(any_store, tariffs(), moscow(1, 31, 12))
        assert (ran.items, ran.charged["acme"].entries, ran.charged["acme"].amount_kop) == (1, 3, 240_000)
        end = "service/acme/due/trial_end/2026-01-31"
        assert keys(any_store) == [
            f"{end}/subscription/master",
            f"{end}/extra_employees",
            f"{end}/option/recording",
        ]
        # 1,000.00: 1% is support, 22/122 of that is VAT: 1.80.
        assert accounts_of(any_store, f"{end}/subscription/master") == {
            "tenant:acme": 100_000,
            "revenue:licence": -99_000,
            "revenue:support": -820,
            "vat": -180,
        }
        assert any_store.balance_kop("acme") == 240_000
        any_store.verify()

    def test_anchors_of_a_month_end_come_back_after_short_months(self, any_store: SqlStore) -> None:
        take(any_store, BEGUN, ACTIVATED, by=tariffs())
        charge_due(any_store, tariffs(), moscow(5, 1))
        days = [key.split("/")[4] for key in keys(any_store) if "/subscription/" in key]
        assert days == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]

    def test_an_option_is_prorated_and_what_was_due_before_is_charged_first(
        self, any_store: SqlStore
    ) -> None:
        take(any_store, BEGUN, ACTIVATED, by=tariffs())
        taken = take(any_store, moscow(2, 10, 15), OptionConnected("analytics"), by=tariffs())
        assert len(taken.due) == 3
        # 500.00 x 18/28 days
        assert made(taken) == [("service/acme/2/option/analytics", 32_143)]
        assert [event.number for event in any_store.service_events("acme")] == [2, 1]
        assert any_store.service_events("acme")[0].what == OptionConnected("analytics")

    def test_usage_is_charged_once_under_its_key(self, any_store: SqlStore) -> None:
        take(any_store, BEGUN, ACTIVATED, by=tariffs())
        for _ in range(2):
            with any_store.billing() as unit:
                sms = SmsSent("+79991234567", "Спасибо")
                charge_usage(unit, "acme", sms, BEGUN, "sms-1", tariffs())
        with any_store.billing() as unit:
            call = AutoinformCalled("+79991234567", 61)
            charge_usage(unit, "acme", call, BEGUN, "call-1", tariffs())
        assert keys(any_store) == ["usage/acme/sms-1", "usage/acme/call-1"]
        # 2 x 2.30, of it VAT 22/122: 0.83
        expected = {"tenant:acme": 460, "revenue:usage": -377, "vat": -83}
        assert accounts_of(any_store, "usage/acme/call-1") == expected
        assert "+7999" not in any_store.dump()
        with pytest.raises(DuplicateKey), any_store.billing() as unit:
            charge_usage(unit, "acme", SmsSent("+79991234567", "я" * 71), BEGUN, "sms-1", tariffs())

    def test_a_reversal_takes_a_service_charge_back_in_every_account(self, any_store: SqlStore) -> None:
        take(any_store, BEGUN, ACTIVATED, by=tariffs())
        charge_due(any_store, tariffs(), moscow(2, 1))
        key = "service/acme/due/trial_end/2026-01-31/option/recording"
        any_store.reverse(key, "correction", moscow(2, 2))
        back = {account: -amount for account, amount in accounts_of(any_store, key).items()}
        assert accounts_of(any_store, f"{key}/reversal") == back
        assert any_store.balance_kop("acme") == 140_000

    def test_every_charge_comes_out_again_from_its_facts_after_the_tariff_has_changed(
        self, any_store: SqlStore
    ) -> None:
        take(any_store, BEGUN, replace(ACTIVATED, employees=7), by=tariffs(tiered()))
        take(any_store, BEGUN, TermsChanged("tiered", "Europe/Moscow"), by=tariffs(tiered()))
        take(any_store, moscow(2, 5), EmployeesChanged(9), by=tariffs(tiered()))
        take(any_store, moscow(2, 9), EmployeesChanged(12), by=tariffs(tiered()))
        posted = any_store.charges(Asked())
        # The 3rd to the 5th beyond the included: 100.00 + 2 x 50.00, 19/28 days.
        assert posted[0].amount_kop == 13_571
        for entry in posted:
            digest = str(entry.facts["tariff_digest"])
            kept = tariff_from_terms(any_store.tariff_states([digest])[digest].terms)
            charge = recomputed(entry.facts, kept)
            assert charge is not None
            assert charge.amount_kop == entry.amount_kop
            assert facts_of(charge, kept.slug, digest) == entry.facts

    def test_accounts_read_back_are_those_that_were_kept(self, any_store: SqlStore) -> None:
        taken = take(any_store, BEGUN, ACTIVATED, by=tariffs())
        down = take(any_store, moscow(2, 9), ServiceDisconnected(), tenant="acme", by=tariffs())
        beta = take(any_store, BEGUN, replace(ACTIVATED, options={}), tenant="beta", by=tariffs())
        assert taken.account.events == 1
        assert any_store.accounts() == {"acme": down.account, "beta": beta.account}

    @pytest.mark.parametrize("table", ["service_event", "tariff_state", "audit"])
    @pytest.mark.parametrize("change", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}"])
    def test_the_database_refuses_to_change_what_has_happened(
        self, any_store: SqlStore, table: str, change: str
    ) -> None:
        take(any_store, BEGUN, ACTIVATED, by=tariffs())
        charge_due(any_store, tariffs(), moscow(2, 1))
        with any_store.billing() as unit:
            unit.audit([AuditLine(BEGUN, "acme", "looked", "to see", "a test")])
        column = {"service_event": "kind", "tariff_state": "terms", "audit": "what"}[table]
        with pytest.raises(StorageError, match="append-only"), any_store.database.writing() as connection:
            connection.execute(text(change.format(table, column)))


class TestRuns:
    def test_days_without_a_run_are_caught_up_in_the_order_of_time(self, store: SqlStore) -> None:
        for name in ("acme", "beta"):
            take(store, BEGUN, ACTIVATED, tenant=name, by=tariffs())
        charge_due(store, tariffs(), moscow(4, 1), most_at_once=1)
        with store.database.reading() as connection:
            rows = connection.execute(text("SELECT occurred_at, tenant FROM ledger_entry ORDER BY seq")).all()
        assert rows == sorted(rows)
        assert len(rows) == 2 * 3 * 3

    def test_several_runs_at_once_charge_everything_once(self, database_url: str) -> None:
        store = SqlStore.open(database_url)
        for number in range(20):
            take(store, BEGUN, ACTIVATED, tenant=f"t{number}", by=tariffs())
        failed: list[Exception] = []

        def run() -> None:
            mine = SqlStore.open(database_url)
            try:
                charge_due(mine, tariffs(), moscow(4, 1), most_at_once=7)
            except Exception as error:  # noqa: BLE001 - a thread's own is lost otherwise
                failed.append(error)
            finally:
                mine.close()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert store.verify().entries == 20 * 3 * 3
        store.close()

    def test_a_tenant_whose_tariff_is_gone_stops_itself_alone(self, store: SqlStore) -> None:
        other = replace(master(), slug="other")
        for name, slug in (("acme", "master"), ("beta", "other"), ("zeta", "master")):
            take(store, BEGUN, replace(ACTIVATED, tariff=slug), tenant=name, by=tariffs(other))
        ran = charge_due(store, tariffs(), moscow(3, 1), most_at_once=1)
        assert sorted(ran.charged) == ["acme", "zeta"]
        assert [(each.tenant, each.at) for each in ran.stopped] == [("beta", moscow(1, 31, 12))]
        assert "no tariff other" in ran.stopped[0].message
        later = charge_due(store, tariffs(other), moscow(3, 1))
        assert (sorted(later.charged), later.charged["beta"].entries) == (["beta"], 6)

    def test_a_tenant_whose_charge_the_ledger_refuses_stops_itself_alone(self, store: SqlStore) -> None:
        for name in ("acme", "beta", "zeta"):
            take(store, BEGUN, ACTIVATED, tenant=name, by=tariffs())
        with store.billing() as unit:
            charge = preview("x", None, [replace(ACTIVATED, tariff="now")], BEGUN, tariffs(at_once()))[0]
            key = "service/beta/due/trial_end/2026-01-31/subscription/master"
            unit.post([ServiceEntry(key, "beta", charge, tariff_state(master()))], "test", BEGUN)
        ran = charge_due(store, tariffs(), moscow(3, 1))
        assert {name: charged.entries for name, charged in ran.charged.items()} == {"acme": 6, "zeta": 6}
        assert [each.tenant for each in ran.stopped] == ["beta"]
        assert store.accounts()["beta"].service.phase == "trial"

    def test_an_option_that_the_tariff_has_lost_stops_the_tenant(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        lost = replace(master(), options={})
        ran = charge_due(store, Tariffs({"master": lost}), moscow(3, 1))
        assert "no option recording" in ran.stopped[0].message
        assert store.verify().entries == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("events", "reason"),
        [
            ([OptionConnected("recording")], "option-on"),
            ([OptionDisconnected("crm")], "option-off"),
            ([OptionConnected("analytics"), OptionConnected("nothing")], "unknown-option"),
            ([ServiceDisconnected(), EmployeesChanged(3)], "disconnected"),
            ([ServiceDisconnected(), TermsChanged("master", "Asia/Omsk")], "disconnected"),
            ([ServiceRestored()], "not-disconnected"),
            ([ACTIVATED], "active"),
            ([TermsChanged("master", "Europe/Moscow")], "terms-same"),
            ([TermsChanged("nothing", "Europe/Moscow")], "unknown-tariff"),
            ([TermsChanged("quarterly", "Europe/Moscow")], "another-cycle"),
            ([TermsChanged("bare", "Europe/Moscow")], "unknown-option"),
        ],
    )
    def test_a_refused_event_changes_nothing(
        self, store: SqlStore, events: list[AccountEvent], reason: str
    ) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        before = state(store)
        with pytest.raises(EventRefused) as refused:
            take(store, moscow(2, 10), *events, by=tariffs(quarterly(), bare()))
        assert refused.value.reason == reason
        assert state(store) == before

    def test_nothing_happens_before_what_has_happened(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        charge_due(store, tariffs(), moscow(2, 1))
        with pytest.raises(EventRefused) as refused:
            take(store, moscow(1, 31, 11), OptionConnected("crm"), by=tariffs())
        assert refused.value.reason == "earlier"

    @pytest.mark.parametrize(("at", "reason"), [(BEGUN - timedelta(seconds=1), "not-active")])
    def test_usage_before_the_activation_is_refused(self, store: SqlStore, at: datetime, reason: str) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        for tenant in ("acme", "nobody"):
            with pytest.raises(EventRefused) as refused, store.billing() as unit:
                charge_usage(unit, tenant, SmsSent("+7", "x"), at, "1", tariffs())
            assert refused.value.reason == reason

    def test_usage_is_refused_while_disconnected_and_what_was_before_is_charged(
        self, store: SqlStore
    ) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        take(store, moscow(1, 25), ServiceDisconnected(), by=tariffs())
        with store.billing() as unit:
            charge_usage(unit, "acme", SmsSent("+7", "x"), moscow(1, 24, 23), "1", tariffs())
        with pytest.raises(EventRefused) as refused, store.billing() as unit:
            charge_usage(unit, "acme", SmsSent("+7", "x"), moscow(1, 25), "2", tariffs())
        assert refused.value.reason == "disconnected"

    def test_a_restore_after_the_90th_day_is_refused_whether_or_not_the_purge_has_run(
        self, store: SqlStore
    ) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        take(store, moscow(2, 10, 18), ServiceDisconnected(), by=tariffs())
        with pytest.raises(EventRefused) as refused:
            take(store, moscow(5, 12), ServiceRestored(), by=tariffs())
        assert refused.value.reason == "purged"
        taken = take(store, moscow(5, 11, 23, 59), ServiceRestored(), by=tariffs())
        assert sum(amount for _, amount in made(taken)) == 240_000


class TestTerms:
    def test_another_tariff_is_charged_from_the_next_charge_on(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs(dear()))
        taken = take(store, moscow(2, 10), TermsChanged("dear", "Europe/Moscow"), by=tariffs(dear()))
        assert made(taken) == []
        connected = take(store, moscow(2, 10), OptionConnected("analytics"), by=tariffs(dear()))
        # 1,000.00 x 18/28 days: the new price, in the running period
        assert made(connected) == [("service/acme/3/option/analytics", 64_286)]
        charge_due(store, tariffs(dear()), moscow(2, 28))
        key = "service/acme/due/anchor/2026-02-28/subscription/dear"
        assert accounts_of(store, key)["tenant:acme"] == 200_000

    def test_another_rhythm_may_be_chosen_while_the_trial_lasts(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs(quarterly()))
        take(store, BEGUN, TermsChanged("quarterly", "Europe/Moscow"), by=tariffs(quarterly()))
        charge_due(store, tariffs(quarterly()), moscow(5, 1))
        days = [key.split("/")[4] for key in keys(store) if "/subscription/" in key]
        assert days == ["2026-01-31", "2026-04-30"]

    def test_an_anchor_that_another_time_zone_has_brought_is_charged_at_once(self, store: SqlStore) -> None:
        """In Honolulu it is 27 February, in Kamchatka the 28th already, which is the anchor."""
        here, there = "Pacific/Honolulu", "Asia/Kamchatka"
        begun = datetime(2026, 1, 25, tzinfo=ZoneInfo(here)).astimezone(UTC) - timedelta(hours=13)
        take(store, begun, replace(ACTIVATED, time_zone=here, options={}), by=tariffs())
        first = charge_due(store, tariffs(), begun + timedelta(days=7))
        assert first.items == 1
        moved = datetime(2026, 2, 27, 12, tzinfo=ZoneInfo(here)).astimezone(UTC)
        taken = take(store, moved, TermsChanged("master", there), by=tariffs())
        keys_due = [entry.key for entry in taken.due]
        assert keys_due == [
            "service/acme/due/anchor/2026-02-28/subscription/master",
            "service/acme/due/anchor/2026-02-28/extra_employees",
        ]
        assert taken.account.changed_at == moved

    def test_a_day_that_another_time_zone_has_given_back_costs_no_more_than_the_period(
        self, store: SqlStore
    ) -> None:
        """The period began today in Kamchatka; in Honolulu it is still yesterday."""
        there, here = "Pacific/Honolulu", "Asia/Kamchatka"
        begun = datetime(2026, 1, 24, 5, tzinfo=ZoneInfo(here)).astimezone(UTC)
        take(store, begun, replace(ACTIVATED, time_zone=here, options={}), by=tariffs())
        at = begun + timedelta(days=7)
        charge_due(store, tariffs(), at)
        taken = take(store, at, TermsChanged("master", there), OptionConnected("analytics"), by=tariffs())
        charge = taken.made[0].charge
        assert (charge.amount_kop, str(charge.day), str(charge.period_from)) == (
            50_000,
            "2026-01-30",
            "2026-01-31",
        )


class TestPreviewAndStatus:
    def test_a_preview_is_what_is_charged_then(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        events = [OptionConnected("crm"), EmployeesChanged(10)]
        account = store.accounts()["acme"]
        before = state(store)
        shown = preview("acme", account, events, moscow(2, 10), tariffs())
        assert state(store) == before
        taken = take(store, moscow(2, 10), *events, by=tariffs())
        assert [entry.charge for entry in taken.made] == list(shown)
        # 500.00 x 18/28, and one employee more: 200.00 x 18/28
        assert [charge.amount_kop for charge in shown] == [32_143, 12_857]

    def test_disconnected_and_restored_on_one_day_keys_stay_apart(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs(at_once()))
        charge_due(store, tariffs(), moscow(2, 1))
        take(store, moscow(2, 27), ServiceDisconnected(), by=tariffs())
        restored = take(store, moscow(2, 28, 10), ServiceRestored(), by=tariffs())
        down = take(store, moscow(3, 28, 9), ServiceDisconnected(), by=tariffs())
        assert len(restored.made) == 3
        assert len(down.due) == 3
        again = take(store, moscow(3, 28, 10), ServiceRestored(), by=tariffs())
        assert (made(again), len(set(keys(store)))) == ([], 9)

    def test_a_status_says_what_comes_next_and_what_is_paid(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        take(store, moscow(2, 10), EmployeesChanged(11), by=tariffs())
        taken = take(store, moscow(2, 11), EmployeesChanged(8), by=tariffs())
        status = status_of(taken.account, store.service_events("acme"), tariffs())
        assert (status.since, status.trial_ends_at) == (moscow(1, 31, 12), None)
        assert (str(status.period_from), str(status.paid_until)) == ("2026-01-31", "2026-02-28")
        assert (status.included, status.extra, status.extra_paid) == (7, 1, 4)
        assert status.due is not None
        assert (status.due.kind, status.due.at, status.due_kop) == ("anchor", moscow(2, 28), 220_000)

    def test_a_status_of_a_disconnected_tenant_says_when_its_data_goes(self, store: SqlStore) -> None:
        take(store, BEGUN, ACTIVATED, by=tariffs())
        taken = take(store, moscow(2, 10, 18), ServiceDisconnected(), by=tariffs())
        status = status_of(taken.account, store.service_events("acme"), tariffs())
        assert status.since == moscow(2, 10, 18)
        assert status.due is not None
        assert (status.due.kind, status.due.at, status.due_kop) == ("purge", moscow(5, 12), 0)


def test_tariffs_are_read_although_a_tenants_file_is_broken(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    (tmp_path / "project" / "tenants" / "acme.yaml").write_text("name: [broken")
    assert load_tariffs(tmp_path / "project").tariffs["master"] == master()


def dear() -> Tariff:
    first = master().prices[0]
    options = {slug: 2 * price for slug, price in first.options.items()}
    return replace(
        master(), slug="dear", prices=(replace(first, subscription=Decimal(2000), options=options),)
    )


def quarterly() -> Tariff:
    return replace(master(), slug="quarterly", cycle=BillingCycle(months=3))


def bare() -> Tariff:
    return replace(master(), slug="bare", options={})


def at_once() -> Tariff:
    return replace(master(), slug="now", trial=replace(master().trial, days=0))


def tiered() -> Tariff:
    prices = Prices(
        "1",
        subscription=Decimal(1),
        employee=(Tier(1, Decimal(100)), Tier(4, Decimal(50))),
        options={"recording": Decimal(1)},
    )
    return replace(master(), slug="tiered", prices=(prices,), options={"recording": Option("recording", {})})
