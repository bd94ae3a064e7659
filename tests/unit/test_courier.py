"""Recordings sent to a real S3 server: nothing is lost, whatever the store, the network or a kill does."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from active_tenants import ACTIVATED, take, tariffs
from recorded_calls import SYSTEMNAME
from s3_server import KEYS, S3, Faults, proxy, s3_server

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.courier import FAILING_FROM, Courier, remove_copies
from orchestrator.daemon import Listener, UtcClock
from orchestrator.model.platform import RecordingStore
from orchestrator.model.recording import Recording
from orchestrator.model.service import ServiceDisconnected
from orchestrator.object_store import CopyMissing, ObjectStore, StoreUnavailable
from orchestrator.recording_files import RecordingDamaged, RecordingFiles
from orchestrator.retention.amounts import Amount, kept_of
from orchestrator.retention.places import Places
from orchestrator.retention.run import purge_due
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore
from orchestrator.writer import Writer

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Depot:
    """Args: store: where recordings are to go."""

    store: RecordingStore | None

    def wanted(self) -> RecordingStore | None:
        return self.store

    def open(self, url: str) -> ObjectStore:
        return ObjectStore(url, KEYS)


@dataclass
class World:
    """Some recordings on disk and in the index, and a courier."""

    store: SqlStore
    directory: Path
    depot: Depot
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.index = CopyIndex(self.store.database)
        self.courier = self.another_courier()

    def another_courier(self) -> Courier:
        """As after a restart."""
        return Courier(SYSTEMNAME, self.directory, lambda: self.store, self.depot, self.clock, every_s=0.01)

    def record(self, number: int, tenant: str = "acme", size: int = 2000) -> Recording:
        content = random.Random(number).randbytes(size)
        file = f"{tenant}/2026/11/{SYSTEMNAME}-{number}.1.wav"
        (self.directory / file).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / file).write_bytes(content)
        item = Recording(
            *(SYSTEMNAME, f"{SYSTEMNAME}-{number}.1", f"{SYSTEMNAME}-{number}.0", tenant, file),
            started_at=NOW + timedelta(seconds=number),
            state="complete",
            bytes=size,
            sha256=hashlib.sha256(content).hexdigest(),
            retain_until=date(2027, 11, 27),
        )
        RecordingIndex(self.store.database).keep([item])
        return item

    def round(self, after: timedelta = timedelta(0)) -> None:
        self.clock.at += after
        self.courier.round(self.index)

    def state(self, item: Recording) -> str:
        return self.index.of([item])[item.systemname, item.uniqueid].state

    def here(self, item: Recording) -> bool:
        return (self.directory / item.file).exists()

    def files(self, *items: Recording) -> RecordingFiles:
        return RecordingFiles(self.directory, self.index, self.depot, items)


def listener_with(courier: Courier) -> Listener:
    """A listener that doesn't run."""
    writer = Writer(lambda: pytest.fail("it doesn't run"), UtcClock())
    return Listener(
        "pbx1", SYSTEMNAME, lambda: AmiLogin("127.0.0.1", 1, "listen", "x"), writer, courier=courier
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as made:
        yield made


@pytest.fixture
def s3(server: S3) -> S3:
    server.empty()
    return server


@pytest.fixture
def world(store: SqlStore, tmp_path: Path, s3: S3) -> World:
    return World(store, tmp_path / "recordings", Depot(s3.wanted(keep_local_days=7)))


def test_a_recording_is_sent_read_back_and_leaves_this_machine_when_its_days_are_over(
    world: World, s3: S3
) -> None:
    item = world.record(1)
    content = (world.directory / item.file).read_bytes()
    world.round()
    assert s3.objects() == {f"calls/{item.file}": content}
    assert (world.state(item), world.here(item), world.courier.status.sent) == ("kept", True, 1)
    world.round(timedelta(days=6, hours=23))
    assert world.here(item)
    world.round(timedelta(hours=2))
    assert (world.state(item), world.here(item)) == ("away", False)
    kept = kept_of(world.store, Places(world.directory, {}, Path("none")), "acme")
    assert (kept.recordings, kept.away, kept.here, kept.differences) == (
        *(Amount(1, 2000), Amount(1, 2000), Amount()),
        (),
    )


def test_a_recording_that_is_away_is_fetched_and_checked(world: World, s3: S3, tmp_path: Path) -> None:
    world.depot.store = s3.wanted(keep_local_days=0)
    item = world.record(1)
    content = (world.directory / item.file).read_bytes()
    world.round()
    world.round(timedelta(seconds=1))
    assert not world.here(item)
    files = world.files(item)
    assert (files.place(item), files.fault(item)) == ("away", "")
    files.fetch(item, tmp_path / "out.wav")
    assert (tmp_path / "out.wav").read_bytes() == content
    other = replace(item, sha256="0" * 64)
    assert files.fault(other) == "in the store its content is another"
    with pytest.raises(RecordingDamaged):
        files.fetch(other, tmp_path / "other.wav")
    s3.store().remove(item.file)
    assert files.fault(item) == "in the store it isn't there"
    with pytest.raises(CopyMissing):
        files.fetch(item, tmp_path / "third.wav")
    assert sorted(path.name for path in tmp_path.glob("*.wav*")) == ["out.wav"]


def test_a_store_that_fails_half_the_time_has_everything_in_the_end(world: World, s3: S3) -> None:
    items = [world.record(number) for number in range(8)]
    contents = {f"calls/{item.file}": (world.directory / item.file).read_bytes() for item in items}
    faults = Faults(random.Random(3), rate=0.5)
    gone: set[str] = set()
    with proxy(s3, faults) as port:
        world.depot.store = s3.wanted(keep_local_days=0, port=port)
        for _ in range(200):
            world.round(timedelta(minutes=20))
            left = {f"calls/{item.file}" for item in items if not world.here(item)}
            if left > gone:
                there, gone = s3.objects(), left
                assert {name: there[name] for name in left} == {name: contents[name] for name in left}
            if all(world.state(item) == "away" for item in items):
                break
    assert s3.objects() == contents
    assert [world.state(item) for item in items] == ["away"] * 8
    assert faults.failed > 10
    assert world.courier.status.error == ""


def test_a_store_that_is_down_leaves_everything_here_and_is_told(world: World, s3: S3) -> None:
    items = [world.record(number) for number in range(8)]
    with proxy(s3, Faults(random.Random(1), down=True)) as port:
        world.depot.store = s3.wanted(keep_local_days=0, port=port)
        for _ in range(3):
            world.round(timedelta(hours=2))
        status = world.courier.status
        assert all(world.here(item) for item in items)
        assert (status.sent, status.waiting) == (0, 8)
        assert status.failures >= FAILING_FROM and "s3://" in status.error
    notes = [copy.note for copy in world.index.of(items).values()]
    assert any("500" in note for note in notes)
    figures = listener_with(world.courier).figures()
    assert (figures.recordings_waiting, figures.recordings_sent) == (8, 0)
    assert any(text.startswith("recordings are not sent to their store: s3://") for text in figures.problems)


def test_a_store_that_hangs_holds_nobody_but_the_courier(world: World, s3: S3) -> None:
    item = world.record(1)
    faults = Faults(random.Random(1), hangs=True)
    with proxy(s3, faults) as port:
        world.depot.store = s3.wanted(keep_local_days=0, port=port)
        world.courier.start()
        while not faults.seen:
            time.sleep(0.01)
        began = time.monotonic()
        assert not world.courier.stop(0.3)
        with world.store.database.writing():
            pass
        assert time.monotonic() - began < 5
    assert world.here(item)
    world.courier.stop(30)


@pytest.mark.parametrize("killed", ["before it is noted", "in the middle", "before it is read back", "after"])
def test_killed_while_it_sends_it_sends_once_more_and_leaves_no_orphan(
    world: World, s3: S3, killed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_arguments: object, **_named: object) -> None:
        raise Killed

    item = world.record(1, size=300_000)
    where = {
        "before it is noted": (CopyIndex, "add_missing"),
        "in the middle": (ObjectStore, "put"),
        "before it is read back": (ObjectStore, "compare"),
        "after": (CopyIndex, "keep"),
    }[killed]
    with monkeypatch.context() as patched:
        patched.setattr(*where, die)
        with pytest.raises(Killed):
            world.round()
    assert world.here(item)
    world.courier = world.another_courier()
    world.round(timedelta(seconds=1))
    assert list(s3.objects()) == [f"calls/{item.file}"]
    assert (world.state(item), world.here(item)) == ("kept", True)


def test_a_copy_that_was_lost_after_it_was_verified_is_sent_again_before_the_file_goes(
    world: World, s3: S3
) -> None:
    item = world.record(1)
    world.round()
    s3.store().remove(item.file)
    world.round(timedelta(days=8))
    assert (world.state(item), world.here(item)) == ("waiting", True)
    world.round(timedelta(seconds=1))
    assert (world.state(item), list(s3.objects())) == ("kept", [f"calls/{item.file}"])


def test_a_purge_removes_the_objects_and_is_done_when_they_are_gone(
    world: World, s3: S3, tmp_path: Path
) -> None:
    places = Places(world.directory, {}, tmp_path / "secrets.json")
    take(world.store, NOW, ACTIVATED, by=tariffs())
    gone, other = world.record(1), world.record(2, "beta")
    world.round()
    take(world.store, NOW + timedelta(days=1), ServiceDisconnected(), by=tariffs())
    at = NOW + timedelta(days=93)
    with proxy(s3, Faults(random.Random(1), down=True)) as port:
        ran = purge_due(world.store, tariffs(), at, places)
        assert (ran.waiting, ran.purged, world.here(gone)) == (("acme",), (), False)
        with pytest.raises(StoreUnavailable):
            remove_copies(world.index, world.directory, lambda _url: s3.store(port), at, within_s=5.0)
        assert purge_due(world.store, tariffs(), at, places).waiting == ("acme",)
    world.round()
    assert list(s3.objects()) == [f"calls/{other.file}"]
    [purged] = purge_due(world.store, tariffs(), at, places).purged
    assert (purged.tenant, world.store.accounts()["acme"].service.phase) == ("acme", "purged")
    assert world.index.of([gone]) == {}


def test_what_is_purged_while_it_is_sent_is_removed_again(
    world: World, s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    item = world.record(1)
    compare = ObjectStore.compare

    def purge(self: ObjectStore, name: str, size: int, sha256: str) -> str:
        over = datetime(2027, 11, 27, 9, tzinfo=UTC)
        purge_due(world.store, tariffs(), over, Places(world.directory, {}, tmp_path / "secrets.json"))
        return compare(self, name, size, sha256)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "compare", purge)
        world.round()
    assert (world.here(item), world.state(item)) == (False, "removing")
    world.round()
    assert s3.objects() == {}
    assert world.index.of([item]) == {}


def test_recordings_that_stay_here_are_not_touched(world: World, s3: S3) -> None:
    world.depot.store = None
    item = world.record(1)
    world.round()
    assert (world.index.of([item]), s3.objects(), world.files(item).place(item)) == ({}, {}, "here")
