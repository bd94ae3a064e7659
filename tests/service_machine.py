"""Any sequence of what may happen to tenants, by hypothesis, against the naive model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from naive_billing import Plan
from service_histories import (
    ZONES,
    account_happenings,
    beginnings,
    gaps,
    minutes_of_a_day,
    plans,
    prices_of_a_date,
    quantities,
)
from service_world import FIXED_ZONES, World, check_reversals, check_shape

TENANTS = ("acme", "beta")
_zones = st.sampled_from((*ZONES, *FIXED_ZONES))
_options = st.lists(quantities, max_size=3).map(dict)
_tenants = st.sampled_from(TENANTS)
_slugs = st.sampled_from(("master", "other"))


class ServiceMachine(RuleBasedStateMachine):
    """Tenants of one database. Every step, the ledger balances; now and then, all is charged and compared."""

    world: World
    figures: Mapping[str, int]

    @initialize(
        first=plans,
        second=plans,
        day=beginnings,
        hour=st.integers(0, 23),
        zone=_zones,
        employees=st.integers(0, 12),
        options=_options,
    )
    def begin(
        self,
        first: Plan,
        second: Plan,
        day: date,
        hour: int,
        zone: str,
        employees: int,
        options: dict[str, int],
    ) -> None:
        second.slug = "other"
        now = datetime.combine(day, time(hour), UTC)
        self.world = World.begin({"master": first, "other": second}, now)
        self.begun = now
        self.world.activate(TENANTS[0], "master", zone, employees, options)

    @rule(tenant=_tenants, slug=_slugs, zone=_zones, employees=st.integers(0, 12), options=_options)
    def activate(self, tenant: str, slug: str, zone: str, employees: int, options: dict[str, int]) -> None:
        self.world.activate(tenant, slug, zone, employees, options)

    @rule(data=st.data(), happening=account_happenings)
    def happen(self, data: st.DataObject, happening: tuple[str, Any]) -> None:
        self.world.happen(self._tenant(data), *happening)

    @rule(
        data=st.data(),
        steps=st.lists(st.tuples(gaps, minutes_of_a_day, account_happenings), min_size=2, max_size=6),
    )
    def a_lot_happens(self, data: st.DataObject, steps: list[tuple[int, int, tuple[str, Any]]]) -> None:
        """Over days and months on which nothing runs."""
        tenant = self._tenant(data)
        for gap, minutes, happening in steps:
            self._pass(gap, minutes)
            self.world.happen(tenant, *happening)

    @rule(data=st.data(), days=gaps, minutes=minutes_of_a_day)
    def goes_and_comes_back(self, data: st.DataObject, days: int, minutes: int) -> None:
        tenant = self._tenant(data)
        if self.world.books[tenant].state != "down":
            self.world.happen(tenant, "down", None)
        self._pass(days, minutes)
        self.world.happen(tenant, "restore", None)

    @rule(days=gaps, minutes=st.integers(1, 24 * 60))
    def nothing_runs(self, days: int, minutes: int) -> None:
        self._pass(days, minutes)

    @rule(data=st.data(), days=gaps)
    def until_midnight(self, data: st.DataObject, days: int) -> None:
        """To 00:00 of a tenant's own day: the moment of anchors."""
        zone = self.world.books[self._tenant(data)].zone
        day = self.world.now.astimezone(zone).date() + timedelta(days=days + 1)
        midnight = datetime.combine(day, time(), ZoneInfo(zone.key)).astimezone(UTC)
        self.world.wait(max(timedelta(0), midnight - self.world.now))

    @rule(data=st.data(), slug=_slugs)
    def change_tariff(self, data: st.DataObject, slug: str) -> None:
        self.world.change_tariff(self._tenant(data), slug)

    @rule(data=st.data(), zone=st.sampled_from(FIXED_ZONES))
    def move(self, data: st.DataObject, zone: str) -> None:
        self.world.move(self._tenant(data), zone)

    @rule(slug=_slugs, prices=prices_of_a_date, percent=st.sampled_from(("0", "18", "25")))
    def change_prices(self, slug: str, prices: dict[str, Any], percent: str) -> None:
        self.world.change_prices(slug, prices, percent)

    @rule(days_ago=st.sampled_from((0, 0, 1, 30)))
    def billing_runs(self, days_ago: int) -> None:
        self.world.run(self.world.now - timedelta(days=days_ago))

    @rule()
    def all_is_as_the_model_says(self) -> None:
        self.world.settle()

    @invariant()
    def the_ledger_balances(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        try:
            world.settle()
            check_shape(world)
            self._compare_with_other_runs(world)
            self.figures = world.figures
            check_reversals(world, [entry.key for entry in world.entries()][::3])
        finally:
            world.end()

    def _compare_with_other_runs(self, world: World) -> None:
        """Charged every few days, or once at the end, it is the same ledger to the byte."""
        if world.prices_changed:
            return
        from service_world import without_digests

        genuine = without_digests(world.store.dump())
        days = (world.now - self.begun).days
        every_11 = [self.begun + timedelta(days=day) for day in range(0, days, 11)]
        assert world.again("often.db", every_11) == genuine
        assert world.again("once.db", []) == genuine

    def _pass(self, days: int, minutes: int) -> None:
        self.world.wait(timedelta(days=days, minutes=minutes))

    def _tenant(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.world.books)))
