"""Tenants of a real database beside the naive model: whatever happens, happens to both.

Time goes on by itself; nothing is charged until `run` is called or something happens to a tenant.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from operator import is_not
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fresh_store import fresh_store
from naive_billing import Books, Line, Plan
from service_histories import event_of, tariff_of
from sqlalchemy import text

from orchestrator.accounts import Tariffs, charge_due, charge_usage, take_events
from orchestrator.billing.recomputing import facts_of, recomputed
from orchestrator.billing.terms_text import tariff_from_terms
from orchestrator.errors import EventRefused
from orchestrator.model.account import AccountEvent, Activated, TermsChanged
from orchestrator.model.service import AutoinformCalled, SmsSent
from orchestrator.retention.places import Places
from orchestrator.retention.run import purge_due
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked, PostedCharge

FIXED_ZONES = ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka", "Pacific/Honolulu")
"""Without summer time: the naive model keeps local times, and may move between these."""

RECURRING = ("subscription", "extra_employees", "option")
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Step:
    """What was done to the database: enough to do it again. Args: plans: in force from then on."""

    tenant: str
    at: datetime
    what: AccountEvent | SmsSent | AutoinformCalled
    key: str
    plans: Mapping[str, Plan]


@dataclass
class World:
    """Args: plans: by slug. now: aware UTC. steps: what the database took."""

    plans: dict[str, Plan]
    now: datetime
    directory: Path
    store: SqlStore
    steps: list[Step] = field(default_factory=list)
    books: dict[str, Books] = field(default_factory=dict)
    gone: dict[str, list[Line]] = field(default_factory=dict)
    refused: int = 0
    prices_changed: bool = False
    terms_changed: bool = False
    _made_of: tuple[tuple[Plan, ...], Tariffs] | None = None

    @classmethod
    def begin(cls, plans: Mapping[str, Plan], now: datetime) -> World:
        directory = Path(tempfile.mkdtemp(dir=_MEMORY if _MEMORY.is_dir() else None))
        return cls(dict(plans), now, directory, fresh_store(directory / "world.db"))

    def end(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    @property
    def tariffs(self) -> Tariffs:
        plans = tuple(self.plans.values())
        if self._made_of is None or any(map(is_not, self._made_of[0], plans)):
            self._made_of = plans, tariffs_of(self.plans)
        return self._made_of[1]

    @property
    def figures(self) -> dict[str, int]:
        """How much happened."""
        entries = self.entries()
        kinds = Counter(f"entries_{entry.kind}" for entry in entries)
        events = Counter(f"events_{type(step.what).__name__}" for step in self.steps)
        return {"entries": len(entries), "refused": self.refused, **kinds, **events}

    def wait(self, passed: timedelta) -> None:
        self.now += passed
        for books in self.books.values():
            books.reach(self._local(books))

    def activate(self, tenant: str, slug: str, zone: str, employees: int, options: dict[str, int]) -> bool:
        before = self.books.get(tenant)
        if before is not None and before.state == "purged":
            self.run(self.now)
        local = self.now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        taken = self._take(tenant, Activated(slug, zone, employees, options))
        assert taken == (before is None or before.state == "purged")
        if taken:
            if before is not None:
                self.gone.setdefault(tenant, []).extend(before.lines)
            self.books[tenant] = Books(self.plans[slug], ZoneInfo(zone), local, employees, dict(options))
        return taken

    def happen(self, tenant: str, what: str, value: Any) -> None:
        """Both take it, or both refuse it, and then the database is as it was."""
        books = self.books[tenant]
        event = event_of(what, value)
        if isinstance(event, SmsSent | AutoinformCalled):
            taken = self._use(tenant, event)
        else:
            taken = self._take(tenant, event)
        assert books.take(self._local(books), what, value) == taken, (what, value, books.state)

    def change_tariff(self, tenant: str, slug: str) -> None:
        books = self.books[tenant]
        taken = self._take(tenant, TermsChanged(slug, books.zone.key))
        assert books.take(self._local(books), "plan", self.plans[slug]) == taken
        self.terms_changed |= taken

    def move(self, tenant: str, zone: str) -> None:
        books = self.books[tenant]
        if books.zone.key not in FIXED_ZONES:
            return
        taken = self._take(tenant, TermsChanged(books.plan.slug, zone))
        assert books.move(ZoneInfo(zone)) == taken
        self.terms_changed |= taken

    def change_prices(self, slug: str, prices: dict[str, Any], percent: str) -> None:
        """New prices and a new VAT rate from three days on, for whoever isn't charged yet.

        What is due is charged before: a rate that begins within a period would be in its charge otherwise.
        """
        self.run(self.now)
        plan = self.plans[slug]
        day = self.now.date() + timedelta(days=3)
        if plan.prices[-1][0] >= day or plan.vat[-1][0] >= day:
            return
        changed = replace(plan, prices=[*plan.prices, (day, prices)], vat=[*plan.vat, (day, percent)])
        self.plans[slug] = changed
        for books in self.books.values():
            if books.plan is plan:
                books.plan = changed
        self.prices_changed = True

    def run(self, upto: datetime) -> None:
        """A billing run, and what it leaves: everybody's charges are those of the model."""
        before = self.entries()
        ran = charge_due(self.store, self.tariffs, upto, most_at_once=2)
        assert ran.stopped == ()
        purged = purge_due(self.store, self.tariffs, upto, self._places())
        assert purged.failed == ()
        after = self.entries()
        assert {entry.key for entry in before} <= {entry.key for entry in after}
        assert len(after) - len(before) == sum(charged.entries for charged in ran.charged.values())

    def check(self) -> None:
        """Debits are credits in every entry."""
        with self.store.database.reading() as connection:
            sums = "SELECT entry_seq FROM ledger_posting GROUP BY entry_seq HAVING sum(amount_kop) <> 0"
            assert connection.execute(text(sums)).all() == []

    def settle(self) -> None:
        """Everything is charged until now, and all of it as the model says."""
        self.run(self.now)
        self.store.verify()
        posted = self.entries()
        for tenant, books in self.books.items():
            found = [as_line(entry) for entry in posted if entry.tenant == tenant]
            expected = [replace(line, key=None) for line in (*self.gone.get(tenant, ()), *books.lines)]
            assert Counter(map(repr, found)) == Counter(map(repr, expected))
            assert sum(line.amount_kop for line in expected) == self.store.balance_kop(tenant)
        check_facts(self.store, posted)

    def again(self, name: str, runs: Sequence[datetime]) -> str:
        """The ledger of another database to which the same happened, charged at other times."""
        store = fresh_store(self.directory / name)
        try:
            waiting = sorted(runs)
            now = set(map(id, self.plans.values()))
            for step in self.steps:
                same = set(map(id, step.plans.values())) == now
                tariffs = self.tariffs if same else tariffs_of(step.plans)
                while waiting and waiting[0] <= step.at:
                    charge_due(store, tariffs, waiting.pop(0))
                if isinstance(step.what, Activated):
                    purge_due(store, tariffs, step.at, self._places())
                with store.billing() as unit:
                    if isinstance(step.what, SmsSent | AutoinformCalled):
                        charge_usage(unit, step.tenant, step.what, step.at, step.key, tariffs)
                    else:
                        take_events(unit, step.tenant, [step.what], step.at, tariffs, "again")
            for upto in [*waiting, self.now, self.now]:
                charge_due(store, self.tariffs, upto, most_at_once=1)
            return without_digests(store.dump())
        finally:
            store.close()

    def entries(self) -> list[PostedCharge]:
        return self.store.charges(Asked())

    def _take(self, tenant: str, event: AccountEvent) -> bool:
        def do() -> None:
            with self.store.billing() as unit:
                take_events(unit, tenant, [event], self.now, self.tariffs, "test")

        return self._attempt(do, tenant, event)

    def _use(self, tenant: str, event: SmsSent | AutoinformCalled) -> bool:
        key = f"use-{len(self.steps)}"

        def do() -> None:
            for _ in range(2):
                with self.store.billing() as unit:
                    charge_usage(unit, tenant, event, self.now, key, self.tariffs)

        return self._attempt(do, tenant, event, key)

    def _attempt(self, do: Any, tenant: str, event: Any, key: str = "") -> bool:
        before = self._fingerprint()
        try:
            do()
        except EventRefused:
            assert self._fingerprint() == before
            self.refused += 1
            return False
        self.steps.append(Step(tenant, self.now, event, key, dict(self.plans)))
        return True

    def _fingerprint(self) -> object:
        with self.store.database.reading() as connection:
            rows = [
                connection.execute(text(f"SELECT count(*), max({column}) FROM {table}")).one()
                for table, column in (
                    ("ledger_entry", "seq"),
                    ("service_event", "at"),
                    ("tariff_state", "digest"),
                )
            ]
            return rows, connection.execute(text("SELECT * FROM service_state ORDER BY tenant")).all()

    def _places(self) -> Places:
        return Places(self.directory / "recordings", {}, self.directory / "secrets.json")

    def _local(self, books: Books) -> datetime:
        return self.now.astimezone(books.zone).replace(tzinfo=None)


def check_shape(world: World) -> None:
    """What must hold of the charges of tenants whose terms never changed, looked at without any model."""
    if world.terms_changed or world.gone:
        return
    for tenant, books in world.books.items():
        entries = [entry for entry in world.entries() if entry.tenant == tenant]
        down = _down_spans(world, tenant)
        activated_at = next(step.at for step in world.steps if step.tenant == tenant)
        trial_ends_at = activated_at + timedelta(days=books.plan.trial_days)
        for entry in entries:
            if entry.kind in RECURRING:
                assert not any(begun < entry.occurred_at < ended for begun, ended in down), entry.key
                free = books.plan.trial_options == "free" or entry.kind != "option"
                assert not (free and entry.occurred_at < trial_ends_at), entry.key
            if "/due/anchor/" in entry.key:
                assert entry.occurred_at.astimezone(books.zone).time() == time()
            if "/due/trial_end/" in entry.key:
                assert entry.occurred_at == trial_ends_at
            assert int(str(entry.facts["vat_kop"])) <= entry.amount_kop
        _check_periods(entries, down, books.zone)
        _check_options(entries, books.plan)


def _down_spans(world: World, tenant: str) -> list[tuple[datetime, datetime]]:
    spans: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None
    for step in world.steps:
        name = type(step.what).__name__
        if step.tenant == tenant and name == "ServiceDisconnected":
            begun = step.at
        elif step.tenant == tenant and name == "ServiceRestored" and begun is not None:
            spans, begun = [*spans, (begun, step.at)], None
    return spans if begun is None else [*spans, (begun, datetime.max.replace(tzinfo=UTC))]


def _check_periods(
    entries: Sequence[PostedCharge], down: Sequence[tuple[datetime, datetime]], zone: ZoneInfo
) -> None:
    """One subscription a period; no overlap; a gap only where the service was down when a period ended.

    Anchors are on the first one's day of the month, or on its last.
    """
    periods = sorted(_period(entry) for entry in entries if entry.kind == "subscription")
    for (_, ended), (next_begun, _) in pairwise(periods):
        assert ended <= next_begun
        if ended < next_begun:
            midnight = datetime.combine(ended, time(), zone)
            assert any(since <= midnight for since, _ in down)
    anchor_day = 0
    for number, (begun, ended) in enumerate(periods):
        if number == 0 or periods[number - 1][1] != begun:
            anchor_day = begun.day
        assert ended.day == min(anchor_day, _last_day(ended))


def _check_options(entries: Sequence[PostedCharge], plan: Plan) -> None:
    """No option costs more in a period than so many of it at its dearest full price."""
    paid: dict[tuple[object, object], list[PostedCharge]] = {}
    for entry in entries:
        if entry.kind == "option":
            paid.setdefault((entry.facts["item"], entry.facts["period_to"]), []).append(entry)
    for (slug, _), each in paid.items():
        dearest = max(int(prices["options"][slug].replace(".", "")) for _, prices in plan.prices)
        if plan.vat_mode == "inside":
            pieces = sum(int(str(entry.facts["quantity"])) for entry in each)
            assert sum(entry.amount_kop for entry in each) <= pieces * dearest + len(each)


def check_reversals(world: World, keys: Sequence[str]) -> None:
    """An entry and its reversal come to nothing in every account, and it is taken back once."""
    for key in keys:
        world.store.reverse(key, "correction", world.now)
        with world.store.database.reading() as connection:
            sums = (
                "SELECT account, sum(p.amount_kop) FROM ledger_posting p JOIN ledger_entry e"
                " ON e.seq = p.entry_seq WHERE e.key = :key OR e.reverses = :key GROUP BY account"
            )
            found = connection.execute(text(sums), {"key": key}).all()
        assert found
        assert {total for _, total in found} == {0}
    assert {entry.reverses for entry in world.entries() if entry.reverses} == set(keys)
    world.store.verify()


def check_facts(store: SqlStore, posted: Sequence[PostedCharge]) -> None:
    """Every charge comes out again from its facts and the terms that were kept for it."""
    digests = {str(entry.facts["tariff_digest"]) for entry in posted}
    tariffs = {each.digest: tariff_from_terms(each.terms) for each in store.tariff_states(digests).values()}
    for entry in posted:
        digest = str(entry.facts["tariff_digest"])
        charge = recomputed(entry.facts, tariffs[digest])
        assert charge is not None
        assert (charge.amount_kop, charge.at) == (entry.amount_kop, entry.occurred_at)
        assert facts_of(charge, str(entry.facts["tariff"]), digest) == entry.facts


def as_line(entry: PostedCharge) -> Line:
    facts: Mapping[str, Any] = entry.facts
    return Line(
        day=date.fromisoformat(facts["day"]),
        kind=entry.kind,
        item=facts["item"],
        quantity=facts["quantity"],
        amount_kop=entry.amount_kop,
        licence_kop=facts["licence_kop"],
        support_kop=facts["support_kop"],
        vat_kop=facts["vat_kop"],
        period=None if facts["period_from"] is None else _period(entry),
    )


def without_digests(dump: str) -> str:
    """A ledger's text without the digests of terms: those differ where only later prices do."""
    lines = [json.loads(line) for line in dump.splitlines()]
    for line in lines:
        line["facts"].pop("tariff_digest")
    return "\n".join(json.dumps(line, sort_keys=True) for line in lines)


def tariffs_of(plans: Mapping[str, Plan]) -> Tariffs:
    return Tariffs({slug: tariff_of(plan) for slug, plan in plans.items()})


def _period(entry: PostedCharge) -> tuple[date, date]:
    begun, ended = str(entry.facts["period_from"]), str(entry.facts["period_to"])
    return date.fromisoformat(begun), date.fromisoformat(ended)


def _last_day(day: date) -> int:
    return (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
