"""Histories of tenants for years, run by the real code day by day, and what must be there on each day.

What must be there is worked out naively: something is gone from the first run on at which it is over and
nothing holds it, and it is there until then.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from active_tenants import master, take, tariffs
from left_messages import leave
from recorded_calls import SYSTEMNAME, Call, events_of

from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.calls.leg import gather, leg_of
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.hold import Hold
from orchestrator.model.recording import Recording
from orchestrator.model.service import (
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.retention.places import Places
from orchestrator.retention.run import purge_due
from orchestrator.retention.years import Retention
from orchestrator.secrets import Secrets
from orchestrator.storage.holds import Holds
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

ZONES = ("Europe/Moscow", "Asia/Vladivostok", "Europe/Kaliningrad")
FIRST_DAY, LEAP_DAY, LAST_DAY = date(2027, 1, 10), date(2028, 2, 29), date(2031, 12, 1)
_DAYS_KEPT = 90


@dataclass
class Thing:
    """A recording or a call's rows, as the oracle knows it. Args: term: the day on which it may go."""

    id: str
    day: date
    began: datetime
    term: date | None
    there: bool = True


@dataclass
class Held:
    """A hold as it was placed. Args: first, last: days, both included. id: of the stored hold."""

    placed: datetime
    lifted: datetime | None
    call: str = ""
    first: date = date.min
    last: date = date.max
    id: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.call and (self.first, self.last) == (date.min, date.max)

    def stands(self, at: datetime) -> bool:
        return self.placed <= at and (self.lifted is None or at < self.lifted)

    def on(self, thing: Thing) -> bool:
        return self.call == thing.id if self.call else self.first <= thing.day <= self.last


@dataclass
class Tenant:
    """One tenant's history. Args: down, up: moments of disconnections and restores, in turn."""

    name: str
    zone: ZoneInfo
    phone: str
    employee: str
    recordings: list[Thing] = field(default_factory=list)
    calls: list[Thing] = field(default_factory=list)
    message: Thing | None = None
    holds: list[Held] = field(default_factory=list)
    down: datetime | None = None
    secrets: bool = True

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def is_over(self, at: datetime) -> bool:
        """Whether it was disconnected more than 90 days ago."""
        return self.down is not None and (self.day(at) - self.day(self.down)).days > _DAYS_KEPT

    def held(self, thing: Thing, at: datetime) -> bool:
        return any(hold.stands(at) and hold.on(thing) for hold in self.holds)

    def run(self, at: datetime) -> None:
        """What a run at a moment takes away."""
        for thing in self.recordings:
            ended = thing.term is not None and self.day(at) >= thing.term
            if (ended or self.is_over(at)) and not self.held(thing, at):
                thing.there = False
        for thing in (*self.calls, *([self.message] if self.message else [])):
            if self.is_over(at) and not self.held(thing, at):
                thing.there = False
        if self.is_over(at) and not any(hold.is_whole and hold.stands(at) for hold in self.holds):
            self.secrets = False


def naive_term(day: date, years: int) -> date:
    """The same day some years later; the day after the last of February where there is no 29th."""
    if (day.month, day.day) == (2, 29) and (day.year + years) % 4:
        return date(day.year + years, 3, 1)
    return date(day.year + years, day.month, day.day)


class Histories:
    """Some tenants, played from the first day to the last."""

    def __init__(self, store: SqlStore, directory: Path, tenants: int, chance: random.Random) -> None:
        self.store = store
        self.directory = directory
        self.index = RecordingIndex(store.database)
        self.places = Places(
            directory / "recordings",
            {SYSTEMNAME: directory / "monitor"},
            directory / "secrets.json",
            spools=[MailboxSpool(directory / "spool", SYSTEMNAME)],
        )
        self.chance = chance
        self.now = datetime.min.replace(tzinfo=UTC)
        self.tenants: list[Tenant] = []
        self.faults: list[str] = []
        self.checked = self.runs = 0
        self._steps: list[tuple[datetime, int, Callable[[], None]]] = []
        self._calls = 0
        for number in range(tenants):
            self._plan(number)
        self._steps.sort(key=lambda step: step[:2])

    def play(self, days: Iterable[date]) -> None:
        """Run retention just before and at midnight of each zone on each of some days, and look each time."""
        moments = sorted(
            datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) - before
            for day in days
            for zone in ZONES
            for before in (timedelta(seconds=1), timedelta(0))
        )
        for moment in moments:
            while self._steps and self._steps[0][0] < moment:
                _, _, do = self._steps.pop(0)
                do()
            self._run(moment)

    def turning_days(self) -> list[date]:
        """Every day at whose midnight something may be over."""
        found = {date(2028, 2, 29), date(2029, 3, 1)}
        for at, _, _ in self._steps:
            local = [at.astimezone(ZoneInfo(zone)).date() for zone in ZONES]
            found |= {naive_term(day, years) for day in local for years in (1, 2, 3)}
            found |= {day + timedelta(days=_DAYS_KEPT + 1) for day in local}
        return sorted(day for day in found if day <= LAST_DAY)

    def _plan(self, number: int) -> None:
        chance, zone = self.chance, ZoneInfo(ZONES[number % len(ZONES)])
        tenant = Tenant(f"tenant-{number}", zone, f"+7903{number:03}0000", f"Ефросинья-{number}")
        self.tenants.append(tenant)
        begins = FIRST_DAY + timedelta(days=chance.randrange(40))
        options = {
            "recording": 1,
            **({"storage_year": chance.randrange(1, 3)} if chance.random() < 0.5 else {}),
        }
        ordered = dict(options)
        self._at(tenant, begins, lambda at: self._activate(tenant, at, options))
        stops = begins + timedelta(days=chance.randrange(300, 700))
        if number % 4 == 1:
            stops = max(stops, LEAP_DAY + timedelta(days=chance.randrange(1, 30)))
        for day in self._call_days(begins, stops, number):
            self._at(tenant, day, lambda at: self._call(tenant, at, ordered))
        self._at(tenant, begins + timedelta(days=3), lambda at: self._leave_message(tenant, at))
        if chance.random() < 0.6:
            changes = begins + timedelta(days=chance.randrange(20, 250))
            self._at(tenant, changes, lambda at: self._change_years(tenant, at, ordered))
        if number % 5 == 2:
            cancels = begins + timedelta(days=chance.randrange(100, 250))
            self._at(tenant, cancels, lambda at: self._cancel(tenant, at, ordered))
        if number % 6 != 5:
            self._disconnect(tenant, stops, number)
        self._plan_holds(tenant, begins, stops)

    def _call_days(self, begins: date, stops: date, number: int) -> Sequence[date]:
        length = (stops - begins).days
        days = {begins + timedelta(days=self.chance.randrange(1, length)) for _ in range(8)}
        if number % 4 == 1:
            days.add(LEAP_DAY)
        return sorted(days)

    def _disconnect(self, tenant: Tenant, stops: date, number: int) -> None:
        self._at(tenant, stops, lambda at: self._turn(tenant, at, ServiceDisconnected()))
        waits = (None, 1, 40, 89, 90)[number % 5]
        if waits is not None:
            back = stops + timedelta(days=waits)
            last = time(23, 58) if waits == _DAYS_KEPT else None
            self._at(tenant, back, lambda at: self._turn(tenant, at, ServiceRestored()), last)
            again = back + timedelta(days=self.chance.randrange(2, 300))
            if number % 2:
                self._at(tenant, again, lambda at: self._turn(tenant, at, ServiceDisconnected()))

    def _plan_holds(self, tenant: Tenant, begins: date, stops: date) -> None:
        chance = self.chance
        for kind in chance.sample(("whole", "days", "call"), chance.randrange(3)):
            placed = begins + timedelta(days=chance.randrange(5, 300))
            lasts = chance.choice((None, *range(50, 900, 50)))
            first = begins + timedelta(days=chance.randrange(0, max(1, (stops - begins).days)))
            last = first + timedelta(days=chance.randrange(200))

            def place(at: datetime, kind: str = kind, days: tuple[date, date] = (first, last)) -> None:
                self._hold(tenant, at, kind, days)

            self._at(tenant, placed, place)
            if lasts is not None:

                def lift(at: datetime, kind: str = kind) -> None:
                    self._lift(tenant, at, kind)

                self._at(tenant, placed + timedelta(days=lasts), lift)

    def _at(
        self, tenant: Tenant, day: date, do: Callable[[datetime], None], clock: time | None = None
    ) -> None:
        """Let something happen at a local time of day that no run takes place at."""
        at = datetime.combine(day, clock or time(self.chance.randrange(8, 20), self.chance.randrange(60)))
        moment = at.replace(tzinfo=tenant.zone).astimezone(UTC)
        self._steps.append((moment, len(self._steps), lambda: do(moment)))

    def _activate(self, tenant: Tenant, at: datetime, options: dict[str, int]) -> None:
        self._happens(tenant, at, Activated("master", tenant.zone.key, 3, options))
        secrets = Secrets.open(self.places.secrets_file)
        secrets.device(tenant.name, "101", "desk")

    def _happens(self, tenant: Tenant, at: datetime, event: AccountEvent) -> None:
        take(self.store, at, event, tenant=tenant.name, by=tariffs())

    def _turn(self, tenant: Tenant, at: datetime, event: ServiceDisconnected | ServiceRestored) -> None:
        self._happens(tenant, at, event)
        tenant.down = at if isinstance(event, ServiceDisconnected) else None

    def _change_years(self, tenant: Tenant, at: datetime, ordered: dict[str, int]) -> None:
        if tenant.down is not None:
            return
        if "storage_year" in ordered:
            ordered.pop("storage_year")
            self._happens(tenant, at, OptionDisconnected("storage_year"))
        else:
            ordered["storage_year"] = 2
            self._happens(tenant, at, OptionConnected("storage_year", 2))

    def _cancel(self, tenant: Tenant, at: datetime, ordered: dict[str, int]) -> None:
        if tenant.down is None:
            ordered.pop("recording")
            self._happens(tenant, at, OptionDisconnected("recording"))

    def _call(self, tenant: Tenant, at: datetime, ordered: dict[str, int]) -> None:
        if tenant.down is not None:
            return
        self._calls += 1
        call = Call(self._calls, 30, begin=at, tenant=tenant.name, to=tenant.phone, name=tenant.employee)
        events = events_of(call)
        leg = leg_of(gather(events)[call.trunk_leg])
        assert leg is not None
        with self.store.reconciling() as unit:
            unit.keep_events(events)
            unit.keep_legs([leg])
        day = tenant.day(at)
        tenant.calls.append(Thing(call.trunk_leg, day, at, None))
        if "recording" in ordered:
            term = naive_term(day, 1 + ordered.get("storage_year", 0))
            tenant.recordings.append(Thing(call.trunk_leg, day, at, term))
            self._record(tenant, call)

    def _record(self, tenant: Tenant, call: Call) -> None:
        retention = Retention({}, {tenant.name: tenant.zone}, {"master": master()})
        file = f"{tenant.name}/{tenant.day(call.begin):%Y/%m}/{call.trunk_leg}.wav"
        path = self.places.recordings / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        item = Recording(
            *(SYSTEMNAME, call.trunk_leg, call.linkedid, tenant.name, file, call.begin, "complete"), bytes=4
        )
        until = retention.until(item, self.index.service_events(tenant.name))
        self.index.keep([Recording(**{**_fields(item), "retain_until": until})])

    def _leave_message(self, tenant: Tenant, at: datetime) -> None:
        leave(
            self.directory / "spool",
            f"{tenant.name}-mailboxes/101/INBOX",
            origtime=str(int(at.timestamp())),
            callerid=tenant.phone,
            category="x",
        )
        tenant.message = Thing("x", tenant.day(at), at, None)

    def _hold(self, tenant: Tenant, at: datetime, kind: str, days: tuple[date, date]) -> None:
        call, first, last = "", None, None
        if kind == "call":
            if not tenant.calls:
                return
            call = self.chance.choice(tenant.calls).id
        elif kind == "days":
            first, last = days
        placed = Hold(0, tenant.name, "case", at, "test", first, last, call)
        number = Holds(self.store.database).place(placed)
        tenant.holds.append(Held(at, None, call, first or date.min, last or date.max, number))

    def _lift(self, tenant: Tenant, at: datetime, kind: str) -> None:
        for hold in tenant.holds:
            named = "call" if hold.call else "whole" if hold.is_whole else "days"
            if named == kind and hold.lifted is None:
                hold.lifted = at
                Holds(self.store.database).lift(hold.id, "closed", "test", at)

    def _run(self, at: datetime) -> None:
        ran = purge_due(self.store, tariffs(), at, self.places)
        self.faults += [f"{at}: {each.tenant}: {each.message}" for each in ran.failed]
        for tenant in self.tenants:
            tenant.run(at)
        self.runs += 1
        self._look(at)

    def _look(self, at: datetime) -> None:
        """Compare what is there with what must be."""
        files = {path.stem for path in self.places.recordings.rglob("*.wav")}
        secrets = Secrets.open(self.places.secrets_file)
        indexed: dict[str, set[str]] = {}
        for item in self.index.find():
            indexed.setdefault(item.tenant, set()).add(item.uniqueid)
        legs: dict[str, set[str]] = {}
        for leg in self.store.calls(Asked()):
            legs.setdefault(leg.tenant, set()).add(leg.uniqueid)
        everything: set[str] = set()
        for tenant in self.tenants:
            wanted = {thing.id for thing in tenant.recordings if thing.there}
            everything |= wanted
            self._compare(at, tenant, "recordings", indexed.get(tenant.name, set()), wanted)
            calls = {thing.id for thing in tenant.calls if thing.there}
            self._compare(at, tenant, "calls", legs.get(tenant.name, set()), calls)
            room = self.directory / f"spool/voicemail/{tenant.name}-mailboxes"
            told = {"message"} if (room / "101/INBOX/msg0000.wav").exists() else set()
            must = {"message"} if tenant.message is not None and tenant.message.there else set()
            self._compare(at, tenant, "message", told, must)
            if tenant.message is not None:
                known = {"secret"} if secrets.known_device(tenant.name, "101", "desk") else set()
                self._compare(at, tenant, "secrets", known, {"secret"} if tenant.secrets else set())
        if files != everything:
            self.faults.append(f"{at}: files differ: {sorted(files ^ everything)[:5]}")

    def _compare(self, at: datetime, tenant: Tenant, what: str, found: set[str], wanted: set[str]) -> None:
        self.checked += 1
        if found != wanted:
            early, late = sorted(wanted - found), sorted(found - wanted)
            self.faults.append(f"{at}: {tenant.name}: {what}: gone early {early[:3]}, there late {late[:3]}")


def _fields(item: Recording) -> dict[str, object]:
    return {name: getattr(item, name) for name in Recording.__slots__}
