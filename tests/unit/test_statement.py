"""A tenant's month out of the ledger's entries: every sum is the ledger's, every entry has its month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from stated_books import DECEMBER, JANUARY, MADE, MOSCOW, WHY, fill, month_of

from orchestrator.billing.statement import kind_of, statement_of
from orchestrator.billing.transfer import INVOICE_TOO, TRANSFER_ONLY, Transfer, transfer_of
from orchestrator.model.money import roubles_text
from orchestrator.model.statement import Month, PostedEntry, PostedMonth, Statement
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

AT = datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC)


@pytest.fixture
def filled(any_store: SqlStore) -> SqlStore:
    fill(any_store)
    return any_store


def entry(at: datetime, amount_kop: int = 500, kind: str = "sms", **facts: object) -> PostedEntry:
    return PostedEntry(f"k/{at}/{amount_kop}/{kind}", kind, amount_kop, at, at, facts)


def of(*entries: PostedEntry, month: str = "2026-03", zone: str = "Europe/Moscow") -> Statement:
    asked = Month.of(month)
    assert asked is not None
    return statement_of(PostedMonth(0, entries), "acme", asked, ZoneInfo(zone), MADE)


def test_sums_are_those_of_the_ledger_and_months_join(filled: SqlStore) -> None:
    december, january = month_of(filled, DECEMBER), month_of(filled, JANUARY)
    charged = [each for each in filled.charges(Asked("acme")) if "payment" not in each.key]
    assert december.charged_kop + january.charged_kop == sum(each.amount_kop for each in charged)
    assert december.opening_kop == 0
    assert january.opening_kop == december.closing_kop
    assert january.closing_kop == -filled.balance_kop("acme")
    keys = [line.key for month in (december, january) for line in month.lines]
    assert sorted(keys) == sorted(each.key for each in charged)
    for month in (december, january):
        assert sum(group.amount_kop for group in month.groups) == month.charged_kop
        assert sum(part.amount_kop for part in month.taxes) == month.charged_kop
        assert sum(part.vat_kop for part in month.taxes) == sum(line.vat_kop for line in month.lines)


def test_licence_and_support_are_the_postings_of_the_ledger(filled: SqlStore) -> None:
    months = [month_of(filled, DECEMBER), month_of(filled, JANUARY)]
    balances = filled.verify().balances
    lines = [line for month in months for line in month.lines]
    assert sum(line.licence_kop for line in lines) == -balances["revenue:licence"]
    assert sum(line.vat_kop for line in lines) == -balances["vat"]
    recurring_vat = sum(line.vat_kop for line in lines if line.licence_kop)
    assert sum(line.support_kop for line in lines) == recurring_vat - balances["revenue:support"]


def test_a_reversal_stands_beside_what_it_takes_back_with_its_reason(filled: SqlStore) -> None:
    lines = {line.number: line for line in month_of(filled, DECEMBER).lines}
    reversal = next(line for line in lines.values() if line.why == WHY)
    original = lines[reversal.reverses]
    assert (reversal.amount_kop, reversal.vat_kop) == (-original.amount_kop, -original.vat_kop)
    assert (reversal.kind, reversal.quantity, reversal.is_reversal) == ("call", -original.quantity, True)


def test_what_came_after_the_months_end_is_marked_and_told_in_the_next_one(filled: SqlStore) -> None:
    december, january = month_of(filled, DECEMBER), month_of(filled, JANUARY)
    (late,) = [line for line in december.lines if line.late]
    assert (december.late, late.why) == (1, "late")
    (entered,) = january.entered
    assert (entered.month, entered.kind, entered.entries) == (DECEMBER, "reversal", 1)
    assert entered.amount_kop == late.amount_kop


def test_a_call_shows_how_its_price_came_about(filled: SqlStore) -> None:
    line = month_of(filled, DECEMBER).lines[5]
    call = line.call
    assert call is not None
    assert (call.talked_s, call.intervals, call.increment_s, call.included_s) == (61, 2, 60, 60)
    assert (call.price, call.prefix, line.amount_kop) == (Decimal("2.30"), "7495", 230)
    assert (line.to_number, line.employee) == ("+74957654321", "101")


def test_after_the_purge_the_number_is_gone_and_the_sums_stay(filled: SqlStore) -> None:
    before = month_of(filled, DECEMBER)
    data = TenantData(filled.database)
    while data.drop_calls(Scope("acme", MOSCOW), 100):
        pass
    after = month_of(filled, DECEMBER)
    assert any(line.to_number for line in before.lines)
    assert not any(line.to_number or line.employee for line in after.lines)
    assert (after.charged_kop, after.groups, after.taxes) == (before.charged_kop, before.groups, before.taxes)
    assert after.lines[5].call == before.lines[5].call


@pytest.mark.parametrize(
    ("zone", "at", "month"),
    [
        ("Europe/Moscow", "2026-03-31T20:59:59.999999", "2026-03"),
        ("Europe/Moscow", "2026-03-31T21:00:00", "2026-04"),
        ("Asia/Kamchatka", "2026-03-31T12:00:00", "2026-04"),
        ("Pacific/Honolulu", "2026-04-01T09:59:59", "2026-03"),
        ("Europe/Berlin", "2026-03-31T22:00:00", "2026-04"),
    ],
)
def test_a_month_is_of_the_tenants_time_zone(zone: str, at: str, month: str) -> None:
    posted = entry(datetime.fromisoformat(at).replace(tzinfo=UTC))
    for asked in ("2026-02", "2026-03", "2026-04", "2026-05"):
        assert len(of(posted, month=asked, zone=zone).lines) == (asked == month)


def test_a_charge_keeps_its_month_when_its_tenant_moves_to_another_zone() -> None:
    posted = entry(AT, day="2026-03-31")
    assert [len(of(posted, zone=zone).lines) for zone in ("Europe/Moscow", "Asia/Kamchatka")] == [1, 1]


def test_entries_before_the_month_are_in_the_opening_balance() -> None:
    found = statement_of(
        PostedMonth(1_000, (entry(AT - timedelta(days=40), 70), entry(AT, 5))),
        "acme",
        Month(2026, 3),
        MOSCOW,
        MADE,
    )
    assert (found.opening_kop, found.charged_kop, found.closing_kop) == (-1_070, 5, -1_075)


def test_a_kind_that_is_not_known_is_shown_and_counted_all_the_same() -> None:
    found = of(entry(AT, 500, "penalty", vat_kop=90, vat_percents=["22"]))
    (group,) = found.groups
    assert (group.kind, group.amount_kop, found.closing_kop) == ("penalty", 500, -500)


def test_a_call_of_an_earlier_vpbx_has_no_rate_and_is_shown_by_its_working() -> None:
    (line,) = of(entry(AT, 230, "call", duration_s=61, billable_s=120, working="2 x 60 s")).lines
    assert line.call is not None
    assert (line.call.price, line.call.intervals, line.working) == (None, 0, "2 x 60 s")


def test_a_reversal_is_of_the_kind_of_what_it_takes_back() -> None:
    for key, kind in (("payment/acme/7", "payment"), ("s1/s1-1.1/call.corrected", "call")):
        posted = PostedEntry(f"{key}/reversal", "reversal", -1, AT, AT, {}, key)
        assert kind_of(posted) == kind


@pytest.mark.parametrize(
    "text", ["2026-1", "2026-00", "2026-13", "26-01", "2026-01-01", "１２３４-01", "", "0000-01"]
)
def test_what_is_no_month_is_none(text: str) -> None:
    assert Month.of(text) is None


def test_the_lines_of_a_transfer_document_add_up_to_the_ledgers_sums(filled: SqlStore) -> None:
    for month in (DECEMBER, JANUARY):
        found = month_of(filled, month)
        transfer = transfer_of(found)
        assert transfer.total_kop == found.charged_kop
        assert transfer.vat_kop == sum(line.vat_kop for line in found.lines)
        free = [line for line in transfer.lines if not line.percents]
        assert sum(line.amount_kop for line in free) == sum(line.licence_kop for line in found.lines)
        assert {line.vat_kop for line in free} == {0}
        assert (transfer.number, transfer.day) == (f"acme-{month}", month.last)
        assert transfer.status == INVOICE_TOO


def test_a_transfer_document_names_units_and_settles_price_by_quantity(filled: SqlStore) -> None:
    lines = {(line.kind, line.part): line for line in transfer_of(month_of(filled, DECEMBER)).lines}
    assert {key[0]: line.okei for key, line in lines.items()} == {
        "subscription": "362",
        "extra_employees": "362",
        "option": "362",
        "sms": "796",
        "autoinform": "355",
    }
    sms = lines["sms", "usage"]
    assert (sms.quantity, sms.price, sms.amount_kop, sms.vat_kop) == (2, Decimal("2.09"), 417, 83)
    january = {line.kind: line for line in transfer_of(month_of(filled, JANUARY)).lines}
    assert (january["call"].quantity, january["call"].percents) == (1, (Decimal(22),))


def test_a_document_without_vat_is_no_invoice_and_one_without_charges_has_no_line() -> None:
    licence = entry(AT, 1_000, "option", item="crm", licence_kop=1_000, support_kop=0, vat_percents=["0"])
    assert _transfer(licence).status == TRANSFER_ONLY
    assert _transfer().lines == ()


def test_a_line_whose_reversals_outweigh_has_a_sum_and_no_price() -> None:
    taken = PostedEntry(
        "k/reversal", "reversal", -500, AT, AT, {"kind": "sms", "quantity": 2, "vat_kop": 90}, "k"
    )
    (line,) = _transfer(taken).lines
    assert (line.quantity, line.price, line.total_kop) == (None, None, -500)


def test_minutes_of_calls_by_the_second_are_thousandths() -> None:
    call = entry(AT, 100, "call", billable_s=61, duration_s=61, vat_kop=18, vat_percent="22")
    (line,) = _transfer(call).lines
    assert (line.quantity, line.price) == (Decimal("1.017"), Decimal("0.81"))


def test_the_first_and_the_last_day_of_a_month() -> None:
    months = [Month(2026, 12), Month(2028, 2)]
    assert [(each.first, each.last) for each in months] == [
        (date(2026, 12, 1), date(2026, 12, 31)),
        (date(2028, 2, 1), date(2028, 2, 29)),
    ]


def test_roubles_of_a_month_are_exact(filled: SqlStore) -> None:
    found = month_of(filled, DECEMBER)
    texts = [Decimal(roubles_text(line.amount_kop)) for line in found.lines]
    assert sum(texts) == Decimal(found.charged_kop) / 100


def _transfer(*entries: PostedEntry) -> Transfer:
    return transfer_of(of(*entries))
