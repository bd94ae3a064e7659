"""A disconnected tenant's data goes after its term, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from active_tenants import ACTIVATED, BEGUN, moscow, take, tariffs
from left_messages import leave
from recorded_calls import SYSTEMNAME, Call, events_of

from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.calls.leg import gather, leg_of, usage_of
from orchestrator.errors import EventRefused
from orchestrator.model.account import Purged
from orchestrator.model.hold import Hold
from orchestrator.model.recording import Recording
from orchestrator.model.service import ServiceDisconnected
from orchestrator.retention.places import Places
from orchestrator.retention.run import purge_due
from orchestrator.secrets import Secrets
from orchestrator.storage import purge
from orchestrator.storage.holds import Holds
from orchestrator.storage.messages import MessageIndex
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

DOWN, LAST_MOMENT, GONE = moscow(2, 10, 18), moscow(5, 11, 23, 59), moscow(5, 12)
"""Disconnected on 10 February: 11 May is the 90th day after."""


class World:
    """Two tenants with calls, recordings and phones, acme disconnected; and a call between the two."""

    def __init__(self, store: SqlStore, directory: Path) -> None:
        self.store = store
        spool = MailboxSpool(directory / "spool", SYSTEMNAME)
        self.places = Places(
            directory / "recordings",
            {SYSTEMNAME: directory / "monitor"},
            directory / "secrets.json",
            spools=[spool],
        )
        self.index = RecordingIndex(store.database)
        for tenant in ("acme", "beta"):
            take(store, BEGUN, ACTIVATED, tenant=tenant, by=tariffs())
            Secrets.open(self.places.secrets_file).device(tenant, "101", "desk")
            Secrets.open(self.places.secrets_file).pins([(tenant, "101")])
            leave(directory / "spool", f"{tenant}-mailboxes/101/INBOX")
        MessageIndex(store.database).add([kept.message for kept in spool.messages()])
        take(store, DOWN, ServiceDisconnected(), by=tariffs())
        self.calls = [
            Call(number, 61, tenant=tenant, systemname=SYSTEMNAME)
            for tenant, numbers in (("acme", range(5)), ("beta", range(10, 13)))
            for number in numbers
        ]
        for call in self.calls:
            self.bring_in(call)
        self.record("acme", 0, date(2027, 1, 1))
        self.record("acme", 1, date(2026, 3, 1))
        self.record("beta", 10, date(2027, 1, 1))

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
        "purge begun: call legs: 5, recordings: 2, messages: 1",
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


@pytest.mark.parametrize("killed_in", ["drop_recordings", "drop_calls", "forget", "audit"])
def test_killed_in_the_middle_the_next_run_goes_on(
    world: World, killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files first, rows then, the state last; how much went is told as of the beginning."""

    class Killed(BaseException):
        pass

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
