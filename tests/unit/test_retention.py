"""A disconnected tenant's data goes after its term, and nothing else does."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from active_tenants import ACTIVATED, BEGUN, MOSCOW, moscow, take, tariffs
from left_messages import leave
from recorded_calls import SYSTEMNAME, Call, events_of
from sqlalchemy import Connection, select

from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.errors import EventRefused
from orchestrator.model.account import Purged
from orchestrator.model.hold import Hold
from orchestrator.model.recording import Recording
from orchestrator.model.service import ServiceDisconnected
from orchestrator.retention.amounts import Amount, kept_of
from orchestrator.retention.due import what_is_due
from orchestrator.retention.places import Places
from orchestrator.retention.run import purge_due
from orchestrator.secrets import Secrets
from orchestrator.storage import purge
from orchestrator.storage.database import Database
from orchestrator.storage.holds import Holds
from orchestrator.storage.messages import MessageIndex
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.schema import metadata
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

DOWN, LAST_MOMENT, GONE = moscow(2, 10, 18), moscow(5, 11, 23, 59), moscow(5, 12)
"""Disconnected on 10 February: 11 May is the 90th day after."""


def stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


class World:
    """Two tenants with calls, recordings and phones, acme disconnected; and a call between the two."""

    def __init__(self, store: SqlStore, directory: Path, *, is_there: bool = False) -> None:
        self.store = store
        spool = MailboxSpool(directory / "spool", SYSTEMNAME)
        self.places = Places(
            directory / "recordings",
            {SYSTEMNAME: directory / "monitor"},
            directory / "secrets.json",
            spools=[spool],
        )
        self.index = RecordingIndex(store.database)
        if is_there:
            return
        for tenant in ("acme", "beta"):
            take(store, BEGUN, ACTIVATED, tenant=tenant, by=tariffs())
            Secrets.open(self.places.secrets_file).device(tenant, "101", "desk")
            Secrets.open(self.places.secrets_file).pins([(tenant, "101")])
            leave(directory / "spool", f"{tenant}-mailboxes/101/INBOX", origtime=stamp(BEGUN))
        MessageIndex(store.database).add([kept.message for kept in spool.messages()])
        take(store, DOWN, ServiceDisconnected(), by=tariffs())
        self.calls = [
            Call(number, 61, tenant=tenant, systemname=SYSTEMNAME, begin=BEGUN)
            for tenant, numbers in (("acme", range(5)), ("beta", range(10, 13)))
            for number in numbers
        ]
        for call in self.calls:
            self.bring_in(call)
        self.record("acme", 0, date(2027, 1, 1))
        self.record("acme", 1, date(2026, 3, 1))
        self.record("beta", 10, date(2027, 1, 1))

    @classmethod
    def found(cls, store: SqlStore, directory: Path) -> World:
        """One that was made before."""
        return cls(store, directory, is_there=True)

    def state(self) -> object:
        """All that is left: rows of every table, and files."""
        left = {}
        with self.store.database.reading() as connection:
            for table in metadata.sorted_tables:
                names = [column.name for column in table.columns if column.name != "id"]
                rows = connection.execute(select(*(table.c[name] for name in names))).all()
                left[table.name] = sorted(map(repr, rows))
        files = {path.name for path in self.places.recordings.parent.rglob("*") if path.is_file()}
        known = Secrets.open(self.places.secrets_file).known("devices").keys()
        return left, sorted(each for each in files if not each.startswith("vpbx.db")), sorted(known)

    def bring_in(self, call: Call) -> None:
        events = events_of(call)
        leg = leg_of(gather(events)[call.trunk_leg])
        assert leg is not None
        usage = usage_of(leg)
        assert usage is not None
        master = compile_tariff(tariffs().terms("master", "Europe/Moscow").tariff)
        with self.store.reconciling() as unit:
            unit.keep_events(events)
        self.store.post([rate(usage, master, UTC)], [leg], "listener", BEGUN)
        self.store.heartbeat(SYSTEMNAME, [(leg.uniqueid, leg.linkedid)], BEGUN)

    def record(self, tenant: str, number: int, until: date) -> Recording:
        call = next(call for call in self.calls if call.number == number)
        file = f"{tenant}/2026/01/{call.trunk_leg}.wav"
        path = self.places.recordings / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        item = Recording(
            *(SYSTEMNAME, call.trunk_leg, call.linkedid, tenant, file, BEGUN, "complete"),
            bytes=4,
            retain_until=until,
        )
        self.index.keep([item])
        return item

    def run(self, at: datetime) -> None:
        ran = purge_due(self.store, tariffs(), at, self.places)
        assert ran.failed == ()

    def files(self) -> set[str]:
        return {path.parts[-4] for path in self.places.recordings.rglob("*.wav")}

    def legs(self, tenant: str) -> int:
        return len(self.store.calls(Asked(tenant)))


class Killed(BaseException):
    """The process died here."""


def open_world(directory: Path, made: str = "") -> World:
    """A world in a directory. Args: made: empty: it is there already."""
    store = SqlStore.open(f"sqlite:///{directory}/vpbx.db")
    return World(store, directory) if made else World.found(store, directory)


def copy_of(world: Path, to: Path) -> Path:
    shutil.copytree(world, to)
    return to


def die_at(patched: pytest.MonkeyPatch, step: int) -> list[str]:
    """Let the process die at a step. Returns: what it died of, filled when it does."""
    died: list[str] = []
    steps = itertools.count()

    def maybe(what: str) -> None:
        if next(steps) == step:
            died.append(what)
            raise Killed

    def unlink(self: Path, missing_ok: bool = False) -> None:
        maybe(f"before {self.name} goes")
        original_unlink(self, missing_ok=missing_ok)
        maybe(f"after {self.name} went")

    def rmtree(path: Path) -> None:
        maybe(f"before {path.name} goes")
        original_rmtree(path)

    @contextmanager
    def writing(self: Database) -> Iterator[Connection]:
        with original_writing(self) as connection:
            yield connection
            maybe("before a commit")
        maybe("after a commit")

    original_unlink, original_rmtree, original_writing = Path.unlink, shutil.rmtree, Database.writing
    patched.setattr(Path, "unlink", unlink)
    patched.setattr(shutil, "rmtree", rmtree)
    patched.setattr(Database, "writing", writing)
    return died


@pytest.fixture
def local_world(store: SqlStore, tmp_path: Path) -> World:
    """In SQLite alone: what doesn't turn on the kind of database."""
    return World(store, tmp_path)


@pytest.fixture
def world(any_store: SqlStore, tmp_path: Path) -> World:
    return World(any_store, tmp_path)


def test_nothing_goes_before_the_91st_day(world: World) -> None:
    before = (world.legs("acme"), world.store.dump())
    world.run(LAST_MOMENT)
    assert (world.legs("acme"), world.store.dump()) == before
    assert world.store.accounts()["acme"].service.phase == "disconnected"


def test_a_recording_whose_own_term_ends_first_goes_first(world: World) -> None:
    world.run(moscow(2, 28, 23, 59))
    assert len(world.index.find("acme")) == 2
    world.run(moscow(3, 1))
    assert [item.retain_until for item in world.index.find("acme")] == [date(2027, 1, 1)]
    assert len(list(world.places.recordings.rglob("*.wav"))) == 2
    assert world.store.audit_lines("acme")[0].what == "recordings removed: 1, bytes: 4"
    assert len(world.index.find("beta")) == 1


def test_all_of_the_tenant_goes_and_the_ledger_and_others_stay(world: World) -> None:
    ledger = world.store.dump()
    linkedids = {call.tenant: call.linkedid for call in world.calls}
    world.run(GONE)
    assert world.store.dump() == ledger
    assert (world.legs("acme"), world.legs("beta")) == (0, 3)
    assert world.files() == {"beta"}
    assert not (world.places.recordings / "acme").exists()
    assert world.index.find("acme") == []
    assert world.store.call(linkedids["beta"]).events
    secrets = Secrets.open(world.places.secrets_file)
    assert secrets.known_device("acme", "101", "desk") is None
    assert secrets.known_device("beta", "101", "desk") is not None
    assert (secrets.known_pin("acme", "101"), bool(secrets.known_pin("beta", "101"))) == (None, True)
    assert [kept.message.tenant for spool in world.places.spools for kept in spool.messages()] == ["beta"]
    index = MessageIndex(world.store.database)
    assert (len(index.of_tenant("acme")), len(index.of_tenant("beta"))) == (0, 1)
    with world.store.database.reading() as connection:
        for table in ("switch_event", "heartbeat", "call_leg"):
            left = connection.exec_driver_sql(f"SELECT DISTINCT linkedid FROM {table}").scalars().all()
            assert set(left) == {call.linkedid for call in world.calls if call.tenant == "beta"}, table
    account = world.store.accounts()["acme"]
    assert (account.service.phase, account.due) == ("purged", None)
    assert world.store.service_events("acme")[0].what == Purged()
    assert [line.what for line in world.store.audit_lines("acme")] == [
        "purged: call legs: 5, recordings: 2, messages: 1, secrets: 2",
        "purge begun: call legs: 5, recordings: 2, messages: 1, secrets: 2",
    ]
    world.store.verify()


def test_a_second_run_does_nothing(world: World) -> None:
    world.run(GONE)
    audit = world.store.audit_lines("acme")
    world.run(GONE + timedelta(days=1))
    assert world.store.audit_lines("acme") == audit


def test_a_call_with_another_tenant_goes_with_the_last_of_them(world: World) -> None:
    """acme's own channel of it goes now."""
    call = world.calls[0]
    shared = Call(50, 30, tenant="beta", systemname=SYSTEMNAME)
    leg = leg_of(gather(events_of(shared))[shared.trunk_leg])
    assert leg is not None
    world.store.post([], [replace(leg, linkedid=call.linkedid)], "listener", BEGUN)
    world.run(GONE)
    events = world.store.call(call.linkedid).events
    assert events
    assert call.trunk_leg not in {event.uniqueid for event in events}


def test_killed_at_any_step_the_next_run_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each removal of a file and each transaction in turn, before it is done and after."""
    first = tmp_path / "first"
    prepared = open_world(first, "made")
    prepared.store.close()
    undisturbed = open_world(copy_of(first, tmp_path / "undisturbed"))
    undisturbed.run(GONE)
    wanted = undisturbed.state()
    undisturbed.store.close()
    kills = 0
    for step in range(1000):
        world = open_world(copy_of(first, tmp_path / str(step)))
        with monkeypatch.context() as patched:
            died = die_at(patched, step)
            with suppress(Killed):
                world.run(GONE)
        kills += bool(died)
        world.run(GONE)
        assert world.state() == wanted, f"killed at step {step}: {died}"
        world.store.verify()
        world.store.close()
        if not died:
            break
    assert kills > 20


@pytest.mark.parametrize("killed_in", ["drop_recordings", "drop_calls", "forget", "audit"])
def test_killed_in_the_middle_the_next_run_goes_on(
    world: World, killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files first, rows then, the state last; how much went is told as of the beginning."""

    owner: type = Secrets if killed_in == "forget" else purge.TenantData
    name = "drop_calls" if killed_in == "audit" else killed_in
    original = getattr(owner, name)
    calls = 0

    def die(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if killed_in == "audit" and calls == 1:
            return original(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        with pytest.raises(Killed):
            world.run(GONE)
    assert world.store.accounts()["acme"].service.phase == "disconnected"
    world.run(GONE)
    assert (world.legs("acme"), world.files()) == (0, {"beta"})
    assert world.store.accounts()["acme"].service.phase == "purged"
    assert "call legs: 5, recordings: 2" in world.store.audit_lines("acme")[0].what
    world.store.verify()


def test_what_a_legal_hold_keeps_stays(world: World) -> None:
    held = world.index.find("acme")[0].uniqueid
    Holds(world.store.database).place(Hold(0, "acme", "court", BEGUN, "olga", call=held))
    world.run(GONE)
    assert [item.uniqueid for item in world.index.find("acme")] == [held]
    assert world.files() == {"acme", "beta"}


def test_what_the_switch_still_had_of_an_unfinished_recording_goes_too(world: World, tmp_path: Path) -> None:
    call = world.calls[2]
    (tmp_path / "monitor").mkdir()
    raw = tmp_path / "monitor" / "r1-left.raw"
    raw.write_bytes(b"sound")
    world.index.keep([Recording(SYSTEMNAME, call.trunk_leg, call.linkedid, "acme", "r1.wav", BEGUN)])
    world.run(GONE)
    assert not raw.exists()


def test_a_purged_tenant_may_be_activated_anew(world: World) -> None:
    with pytest.raises(EventRefused):
        take(world.store, GONE, ACTIVATED, by=tariffs())
    world.run(GONE)
    taken = take(world.store, GONE, ACTIVATED, by=tariffs())
    assert (taken.account.service.phase, taken.account.events) == ("trial", 4)


def test_recordings_of_an_active_tenant_go_by_their_own_term(local_world: World) -> None:
    local_world.run(moscow(12, 31, 23, 59))
    assert len(local_world.index.find("beta")) == 1
    local_world.run(moscow(1, 1, year=2027))
    assert local_world.index.find("beta") == []
    assert not (local_world.places.recordings / "beta").exists()
    assert [line.what for line in local_world.store.audit_lines("beta")] == [
        "recordings removed: 1, bytes: 4"
    ]
    assert local_world.store.accounts()["beta"].service.phase == "trial"
    assert local_world.legs("beta") == 3


def test_a_hold_on_everything_keeps_the_purge_off_until_it_is_lifted(local_world: World) -> None:
    number = Holds(local_world.store.database).place(Hold(0, "acme", "court", BEGUN, "olga"))
    before = local_world.legs("acme"), len(local_world.index.find("acme"))
    assert purge_due(local_world.store, tariffs(), GONE, local_world.places).held == ("acme",)
    assert (local_world.legs("acme"), len(local_world.index.find("acme"))) == before
    assert local_world.store.accounts()["acme"].service.phase == "disconnected"
    Holds(local_world.store.database).lift(number, "closed", "olga", GONE)
    local_world.run(GONE)
    assert (local_world.legs("acme"), local_world.index.find("acme")) == (0, [])
    assert local_world.store.accounts()["acme"].service.phase == "purged"


def test_what_a_hold_on_one_call_kept_goes_when_it_is_lifted(world: World) -> None:
    held = world.calls[0]
    number = Holds(world.store.database).place(Hold(0, "acme", "court", BEGUN, "olga", call=held.linkedid))
    world.run(GONE)
    assert world.store.accounts()["acme"].service.phase == "purged"
    assert [leg.uniqueid for leg in world.store.calls(Asked("acme"))] == [held.trunk_leg]
    assert {event.linkedid for event in world.store.call(held.linkedid).events} == {held.linkedid}
    assert [item.uniqueid for item in world.index.find("acme")] == [held.trunk_leg]
    assert [kept.message.tenant for spool in world.places.spools for kept in spool.messages()] == ["beta"]
    later = GONE + timedelta(days=5)
    take(world.store, later, ACTIVATED, by=tariffs())
    fresh = Call(70, 30, begin=later, tenant="acme", systemname=SYSTEMNAME)
    world.bring_in(fresh)
    Holds(world.store.database).lift(number, "closed", "olga", later)
    world.run(later + timedelta(days=1))
    assert world.index.find("acme") == []
    assert [leg.uniqueid for leg in world.store.calls(Asked("acme"))] == [fresh.trunk_leg]
    assert "what was on hold goes" in world.store.audit_lines("acme")[0].what


def test_a_hold_on_days_keeps_the_messages_of_these_days_alone(local_world: World, tmp_path: Path) -> None:
    day = BEGUN.astimezone(MOSCOW).date()
    leave(tmp_path / "spool", "acme-mailboxes/102/INBOX", origtime=stamp(BEGUN + timedelta(days=3)))
    (tmp_path / "spool/voicemail/acme-mailboxes/101/greet.wav").write_bytes(b"RIFF")
    Holds(local_world.store.database).place(Hold(0, "acme", "court", BEGUN, "olga", day, day))
    local_world.run(GONE)
    left = [kept.message for spool in local_world.places.spools for kept in spool.messages("acme")]
    assert [message.mailbox for message in left] == ["101"]
    room = tmp_path / "spool/voicemail/acme-mailboxes"
    assert sorted(path.name for path in room.rglob("*") if path.is_file()) == ["msg0000.txt", "msg0000.wav"]


def test_what_would_go_is_told_and_then_goes(local_world: World) -> None:
    held = local_world.index.find("acme")[0]
    number = Holds(local_world.store.database).place(
        Hold(0, "acme", "court", BEGUN, "olga", call=held.uniqueid)
    )
    before = local_world.state()
    items = what_is_due(local_world.store, local_world.places, GONE)
    assert local_world.state() == before
    told = [(each.what, each.number, each.bytes, each.held_by) for each in items]
    assert told == [
        ("recordings", 1, 4, ()),
        ("recordings", 1, 4, (number,)),
        ("messages", 1, items[2].bytes, ()),
        ("call legs", 4, None, ()),
        ("call legs", 1, None, (number,)),
        ("secrets", 2, None, ()),
    ]
    assert {(each.tenant, each.rule, each.since) for each in items} == {("acme", "decision 11", GONE)}
    local_world.run(GONE)
    left = [
        (each.what, each.number, each.held_by)
        for each in what_is_due(local_world.store, local_world.places, GONE)
    ]
    assert left == [("recordings", 1, (number,)), ("call legs", 1, (number,))]
    soon = what_is_due(local_world.store, local_world.places, moscow(1, 1, year=2027))
    assert ("beta", "decision 10", 1) in {(each.tenant, each.rule, each.number) for each in soon}


def test_calls_that_are_nobodys_go_with_a_purge_when_they_are_old(world: World) -> None:
    code = Call(90, None, tenant="", systemname=SYSTEMNAME, begin=GONE - timedelta(days=40))
    fresh = Call(91, None, tenant="", systemname=SYSTEMNAME, begin=GONE - timedelta(days=5))
    for call in (code, fresh):
        with world.store.reconciling() as unit:
            unit.keep_events([event for event in events_of(call) if event.kind != "vpbx.leg"])
    world.run(GONE)
    with world.store.database.reading() as connection:
        left = set(connection.exec_driver_sql("SELECT linkedid FROM switch_event").scalars())
    assert (code.linkedid in left, fresh.linkedid in left) == (False, True)


def test_how_much_is_kept_is_told_with_what_differs(local_world: World) -> None:
    kept = kept_of(local_world.store, local_world.places, "acme")
    assert (kept.recordings, kept.here, kept.messages.number) == (Amount(2, 8), Amount(2, 8), 1)
    entries = len(local_world.store.charges(Asked("acme")))
    assert (kept.calls, kept.ledger, kept.differences) == (5, entries, ())
    [first, second] = local_world.index.find("acme")
    (local_world.places.recordings / first.file).unlink()
    (local_world.places.recordings / second.file).write_bytes(b"RIFF-")
    (local_world.places.recordings / "acme/odd.wav").write_bytes(b"")
    assert kept_of(local_world.store, local_world.places, "acme").differences == (
        "1 file(s) that the index doesn't have, the first acme/odd.wav",
        f"1 recording(s) whose file is gone, the first {first.file}",
        f"1 file(s) of another size than indexed, the first {second.file}",
    )
