"""Whatever YAML wants, in turn: its events bring an account there, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from service_histories import ZONES
from wishes import price_list

from orchestrator.billing.history import Tariffs, happen
from orchestrator.billing.service import PURGE
from orchestrator.model.account import Account, Purged
from orchestrator.model.service import ACTIVE, DISCONNECTED, PURGED, TRIAL
from orchestrator.planning.services import WantedService, Wish, events_towards

FEW = settings(max_examples=60)
BEGUN = datetime(2026, 1, 24, 7, tzinfo=UTC)
OPTIONS = ("crm", "analytics", "recording", "storage_year")
COUNTED = "storage_year"
MASTER = price_list()
FIRST = OPTIONS[0]
PLAIN = replace(
    MASTER,
    slug="plain",
    options={slug: replace(each, counted=False) for slug, each in MASTER.options.items() if slug != FIRST},
)
"""It doesn't sell the first option, and counts none."""
TARIFFS = Tariffs({"master": MASTER, "plain": PLAIN})


def _sold(tariff: str, options: dict[str, int]) -> dict[str, int]:
    if tariff == "master":
        return {slug: quantity if slug == COUNTED else 1 for slug, quantity in options.items()}
    return {slug: 1 for slug in options if slug != FIRST}


wanted = st.builds(
    lambda tariff, zone, employees, options: WantedService(tariff, zone, employees, _sold(tariff, options)),
    st.sampled_from(("master", "plain")),
    st.sampled_from(ZONES),
    st.integers(1, 12),
    st.dictionaries(st.sampled_from(OPTIONS), st.integers(1, 3)),
)
wishes = st.lists(st.tuples(st.one_of(st.none(), wanted), st.integers(0, 40)), min_size=1, max_size=8)
"""What is wanted, and how many days later."""


def brought(account: Account | None, wish: Wish, at: datetime) -> Account | None:
    """The account after an apply. What is to be purged by then has been."""
    if account is not None and account.due is not None and account.due.kind == PURGE and account.due.at <= at:
        account = happen("acme", account, [Purged()], account.due.at, TARIFFS, "billing").account
    events = events_towards(wish, account)
    return happen("acme", account, events, at, TARIFFS, "apply").account if events else account


@FEW
@given(wishes)
def test_events_bring_an_account_to_what_is_wanted_and_nothing_is_left_to_do(
    steps: list[tuple[Wish, int]],
) -> None:
    account: Account | None = None
    at = BEGUN
    for wish, days in steps:
        at += timedelta(days=days)
        account = brought(account, wish, at)
        assert events_towards(wish, account) == ()
        if account is None:
            assert wish is None
        elif wish is None:
            assert account.service.phase in (DISCONNECTED, PURGED)
        else:
            assert account.service.phase in (TRIAL, ACTIVE)
            assert (account.tariff, account.time_zone) == (wish.tariff, wish.time_zone)
            assert account.service.employees == wish.employees
            assert dict(account.service.options) == wish.options


@FEW
@given(wishes)
def test_the_same_wish_twice_gives_nothing_the_second_time(steps: list[tuple[Wish, int]]) -> None:
    account: Account | None = None
    at = BEGUN
    for wish, days in steps:
        at += timedelta(days=days)
        account = brought(account, wish, at)
        assert brought(account, wish, at + timedelta(hours=1)) is account
