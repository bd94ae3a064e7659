"""What a plan says of schedules, overflow, accounts and where numbers lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from orchestrator import definitions
from orchestrator.model.credit import CreditTerms
from orchestrator.model.schedule import Hours, Span
from orchestrator.model.tenant import Overflow, Target, Tenant
from orchestrator.planning.changes import tenant_change
from orchestrator.planning.facts import facts_of

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "schedules" / "project"
LOADED = definitions.load(PROJECT)
CLINIC = LOADED.tenants["clinic"]


def told(change: Callable[[Tenant], Tenant]) -> tuple[str, ...]:
    before, after = facts_of(LOADED, CLINIC), facts_of(LOADED, change(CLINIC))
    return tenant_change("clinic", before, after).sentences


def test_hours_that_change_are_told_by_the_week_and_by_the_date() -> None:
    def change(tenant: Tenant) -> Tenant:
        office = next(each for each in tenant.schedules if each.name == "office")
        later = Hours((Span(600, 1140),))
        weekly = {**office.weekly, "fri": later}
        changed = replace(office, weekly=weekly, holidays="", dates={"2026-12-31": later})
        return replace(tenant, schedules=(changed,))

    assert told(change) == (
        "schedule night-shift removed: wed 00:00-24:00; fri-sun 22:00-06:00",
        "schedule office 2026-12-31: 09:00-15:00 -> 10:00-19:00",
        "schedule office 2027-01-11: closed -> none",
        "schedule office holidays: ru -> none",
        "schedule office week: mon-fri 09:00-18:00; sat 10:00-14:00, 15:00-17:00 -> "
        "mon-thu 09:00-18:00; fri 10:00-19:00; sat 10:00-14:00, 15:00-17:00",
        "schedule unused removed: mon 10:00-11:00",
    )


def test_a_number_that_goes_by_the_hour_is_told_with_both_of_its_targets() -> None:
    def change(tenant: Tenant) -> Tenant:
        first, *others = tenant.numbers
        return replace(tenant, numbers=(replace(first, target=Target("employee", "103")), *others))

    assert told(change) == (
        "number +73432223344 moved from schedule office (open: employee 101; closed: schedule night-shift "
        "(open: outside +79161234567; closed: hangup busy)) to employee 103",
    )


def test_an_overflow_that_comes_and_one_that_goes_are_told() -> None:
    def change(tenant: Tenant) -> Tenant:
        first, *others = tenant.employees
        passing = (Overflow("busy", Target("hangup", "busy")), Overflow("any", Target("employee", "103")))
        return replace(tenant, employees=(replace(first, overflow=passing), *others))

    assert told(change) == (
        "employee 101 overflow when any: none -> employee 103",
        "employee 101 overflow when busy: employee 102 -> hangup busy",
        "employee 101 overflow when no answer: department doctors -> none",
        "employee 101 overflow when unreachable: outside +79161234567 -> none",
    )


def test_an_account_that_becomes_prepaid_is_told_with_its_bounds_and_another_bound_alone() -> None:
    prepaid = CreditTerms(prepaid=True, credit_limit_kop=50_000, day_cap_kop=200_000, slice_s=90)
    assert told(lambda tenant: replace(tenant, account=prepaid)) == (
        "account: none -> prepaid",
        "account credit limit: none -> 500.00",
        "account day cap: none -> 2000.00",
        "account slice: none -> 90 s",
        "account warning: none -> 10 s",
        "account when controller down: none -> one_slice",
    )
    before = facts_of(LOADED, replace(CLINIC, account=prepaid))
    capped = replace(prepaid, day_cap_kop=None, hour_cap_kop=30_000)
    after = facts_of(LOADED, replace(CLINIC, account=capped))
    assert tenant_change("clinic", before, after).sentences == (
        "account day cap: 2000.00 -> none",
        "account hour cap: none -> 300.00",
    )
