"""What YAML wants of a tenant's service against its account: which events, in which order; what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from wishes import ACME, price_list

from orchestrator.billing.history import Tariffs, happen
from orchestrator.errors import EventRefused
from orchestrator.model.account import Account, AccountEvent, Activated, Purged, TermsChanged
from orchestrator.model.service import (
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.model.tariff import Tariff
from orchestrator.planning.money import Cost, service_changes, totals
from orchestrator.planning.money_data import read_service, services_data, totals_data
from orchestrator.planning.services import WantedService, Wish, events_towards

MOSCOW, URALS = "Europe/Moscow", "Asia/Yekaterinburg"


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+03:00").astimezone(UTC)


ACTIVATED, IN_TRIAL = moscow("2026-01-24T10:00"), moscow("2026-01-26T09:00")
IN_PERIOD = moscow("2026-02-10T09:00")
"""The trial ends on 31 January; the first period has 28 days."""


@pytest.fixture(scope="module")
def master() -> Tariff:
    return price_list()


@pytest.fixture(scope="module")
def tariffs(master: Tariff) -> Tariffs:
    """That one, and another that sells no CRM and counts nothing."""
    options = {slug: replace(each, counted=False) for slug, each in master.options.items() if slug != "crm"}
    return Tariffs({"master": master, "plain": replace(master, slug="plain", options=options)})


def account(
    tariffs: Tariffs, *happened: tuple[datetime, AccountEvent], wish: WantedService = ACME
) -> Account:
    """A tenant that was activated, and what has happened to it since."""
    begun = Activated(wish.tariff, wish.time_zone, wish.employees, wish.options)
    found = happen("acme", None, [begun], ACTIVATED, tariffs, "apply").account
    for at, what in happened:
        found = happen("acme", found, [what], at, tariffs, "apply").account
    return found


def test_the_first_apply_of_an_active_tenant_activates_it() -> None:
    assert events_towards(ACME, None) == (Activated("master", MOSCOW, 7, {"recording": 1}),)


def test_a_tenant_that_was_never_active_is_not_disconnected() -> None:
    assert events_towards(None, None) == ()


def test_a_service_that_is_as_it_should_be_gets_no_event(tariffs: Tariffs) -> None:
    assert events_towards(ACME, account(tariffs)) == ()


def test_a_disconnection_comes_alone_and_once(tariffs: Tariffs) -> None:
    assert events_towards(None, account(tariffs)) == (ServiceDisconnected(),)
    assert events_towards(None, account(tariffs, (IN_PERIOD, ServiceDisconnected()))) == ()


def test_a_restore_comes_before_everything_else(tariffs: Tariffs) -> None:
    down = account(tariffs, (IN_PERIOD, ServiceDisconnected()))
    wish = WantedService("plain", URALS, 9, {"analytics": 1})
    assert events_towards(wish, down) == (
        ServiceRestored(),
        OptionDisconnected("recording"),
        TermsChanged("plain", URALS),
        EmployeesChanged(9),
        OptionConnected("analytics"),
    )


def test_what_another_tariff_does_not_sell_goes_before_it_comes(tariffs: Tariffs) -> None:
    wish = replace(ACME, options={"recording": 1, "crm": 1, "storage_year": 3})
    plain = replace(ACME, tariff="plain", options={"recording": 1, "storage_year": 1, "analytics": 1})
    events = events_towards(plain, account(tariffs, wish=wish))
    assert events == (
        OptionDisconnected("crm"),
        OptionConnected("storage_year", 1),
        TermsChanged("plain", MOSCOW),
        OptionConnected("analytics"),
    )
    happen("acme", account(tariffs, wish=wish), events, IN_TRIAL, tariffs, "apply")


def test_a_tenant_whose_data_was_purged_begins_anew(tariffs: Tariffs) -> None:
    gone = account(tariffs, (IN_TRIAL, ServiceDisconnected()), (moscow("2026-06-01T00:00"), Purged()))
    assert events_towards(ACME, gone) == (Activated("master", MOSCOW, 7, {"recording": 1}),)
    assert events_towards(None, gone) == ()


def changes_of(
    tariffs: Tariffs, wish: Wish, at: datetime, before: Account | None
) -> tuple[Sequence[str], Sequence[tuple[str, int]], tuple[int, int]]:
    """Sentences, charges and periods of one tenant's change."""
    [change] = service_changes({"acme": wish}, {} if before is None else {"acme": before}, at, tariffs)
    return change.events, [(cost.item, cost.amount_kop) for cost in change.charges], change.period_kop


def test_an_activation_tells_the_trials_end_and_what_a_period_costs_then(tariffs: Tariffs) -> None:
    [change] = service_changes({"acme": replace(ACME, time_zone=URALS)}, {}, ACTIVATED, tariffs)
    assert (change.events, change.charges, change.period_kop) == (("activated",), (), (0, 2000_00))
    assert (change.day, str(change.trial_ends_at)) == (date(2026, 1, 24), "2026-01-31 12:00:00+05:00")


def test_an_option_in_mid_period_is_prorated_with_its_working(tariffs: Tariffs) -> None:
    before = account(tariffs)
    wish = replace(ACME, options={"recording": 1, "analytics": 1})
    [change] = service_changes({"acme": wish}, {"acme": before}, IN_PERIOD, tariffs)
    [cost] = change.charges
    assert (cost.amount_kop, cost.period_from, cost.period_to) == (
        321_43,
        date(2026, 2, 10),
        date(2026, 2, 28),
    )
    assert "500.00 x 18/28 days = 321.43" in cost.working
    assert change.period_kop == (2000_00, 2500_00)
    assert [(due.kind, due.amount_kop) for due in change.overdue] == [
        ("subscription", 1000_00),
        ("option", 1000_00),
    ]
    assert change.charged_kop == 2321_43


@pytest.mark.parametrize(
    ("wish", "sentences", "charges", "period_kop"),
    [
        (replace(ACME, employees=9), ("employees 7 -> 9",), [("", 257_14)], (2000_00, 2400_00)),
        (replace(ACME, employees=3), ("employees 7 -> 3",), [], (2000_00, 2000_00)),
        (replace(ACME, options={}), ("option recording disconnected",), [], (2000_00, 1000_00)),
        (replace(ACME, time_zone=URALS), (f"time zone {MOSCOW} -> {URALS}",), [], (2000_00, 2000_00)),
        (replace(ACME, tariff="plain"), ("tariff master -> plain",), [], (2000_00, 2000_00)),
        (None, ("disconnected",), [], (2000_00, 0)),
    ],
    ids=["employees more", "employees less", "option off", "time zone", "tariff", "disconnected"],
)  # fmt: skip
def test_what_becomes_of_a_service_and_what_it_costs(
    tariffs: Tariffs,
    wish: Wish,
    sentences: Sequence[str],
    charges: Sequence[tuple[str, int]],
    period_kop: tuple[int, int],
) -> None:
    found = changes_of(tariffs, wish, IN_PERIOD, account(tariffs))
    assert found == (sentences, charges, period_kop)


def test_a_counted_option_is_told_with_its_quantities_and_the_excess_is_charged(tariffs: Tariffs) -> None:
    before = account(tariffs, wish=replace(ACME, options={"storage_year": 1}))
    told, charges, _ = changes_of(tariffs, replace(ACME, options={"storage_year": 3}), IN_PERIOD, before)
    assert told == ("option storage_year 1 -> 3",)
    [(item, amount_kop)] = charges
    assert item == "storage_year" and amount_kop > 0


def test_a_restore_after_the_paid_period_charges_everything_from_that_day(tariffs: Tariffs) -> None:
    down = account(tariffs, (IN_PERIOD, ServiceDisconnected()))
    told, charges, period_kop = changes_of(tariffs, ACME, moscow("2026-04-15T12:00"), down)
    assert told == ("restored",)
    assert charges == [("master", 1000_00), ("recording", 1000_00)]
    assert period_kop == (0, 2000_00)


def test_a_fixed_anchor_day_shows_a_whole_period_and_not_the_short_first_one(master: Tariff) -> None:
    fixed = Tariffs({"master": replace(master, cycle=replace(master.cycle, anchor_day=1))})
    [change] = service_changes({"acme": ACME}, {}, ACTIVATED, fixed)
    assert change.period_kop == (0, 2000_00)


def test_what_is_refused_is_told_with_the_tenants_name(tariffs: Tariffs) -> None:
    with pytest.raises(EventRefused, match=r"tenant acme: there is no tariff gone") as told:
        service_changes({"acme": replace(ACME, tariff="gone")}, {}, ACTIVATED, tariffs)
    assert told.value.reason == "unknown-tariff"


def test_changes_are_added_up_by_currency(tariffs: Tariffs, master: Tariff) -> None:
    dollars = Tariffs({"master": master, "abroad": replace(master, slug="abroad", currency="USD")})
    wishes: dict[str, Wish] = {"a": ACME, "b": ACME, "c": replace(ACME, tariff="abroad")}
    found = totals(service_changes(wishes, {}, ACTIVATED, dollars))
    assert [(each.currency, each.period_kop) for each in found] == [
        ("RUB", (0, 4000_00)),
        ("USD", (0, 2000_00)),
    ]


def test_what_is_saved_of_a_change_is_read_again(tariffs: Tariffs) -> None:
    wish = replace(ACME, employees=9, options={"recording": 1, "analytics": 1})
    wishes: dict[str, Wish] = {"acme": wish, "beta": ACME}
    changes = service_changes(wishes, {"acme": account(tariffs)}, IN_PERIOD, tariffs)
    assert tuple(read_service(told) for told in services_data(changes)) == changes
    assert totals_data(changes)[0]["charged_kop"] == sum(change.charged_kop for change in changes)
    assert any(isinstance(cost, Cost) for cost in changes[0].charges)


def test_a_period_is_shown_at_the_prices_of_the_next_anchor(master: Tariff) -> None:
    dearer = replace(
        master.prices[0],
        version="later",
        starts_on=date(2026, 2, 20),
        subscription=master.prices[0].subscription * 2,
    )
    later = Tariffs({"master": replace(master, prices=(master.prices[0], dearer))})
    before = account(later)
    _, _, period_kop = changes_of(later, replace(ACME, employees=8), IN_PERIOD, before)
    assert period_kop == (3000_00, 3200_00)
