"""Recorded calls told again with faults: whatever comes, the ledger is the same to the byte.

A case takes some recordings of real calls (tests/events/recorded), breaks their AMI stream and their CEL
file, and plays both into the listener's own parts side by side. The reference is the unbroken record, once.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path

from sqlalchemy import Connection
from structlog.testing import capture_logs

from orchestrator import definitions as definition_files
from orchestrator.asterisk.connection import ByteFeed
from orchestrator.asterisk.events import EventReader, read_stream
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.asterisk.stream import Resync
from orchestrator.consumer import Consumer
from orchestrator.model.call import Charge, Systemname
from orchestrator.model.platform import Definitions
from orchestrator.ports import Posted
from orchestrator.reconciliation import reconcile
from orchestrator.storage import ledger
from orchestrator.storage.store import SqlStore

_TESTS = Path(__file__).parents[1]
RECORDED = _TESTS / "events/recorded"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
_END = b"\r\n\r\n"
_LINE = re.compile(rb'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*\n')


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded call. Args: messages: of the AMI stream, each with its end. lines: of the CEL file."""

    name: str
    systemname: Systemname
    messages: tuple[bytes, ...]
    lines: tuple[bytes, ...]
    claims: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """Args: names: recordings. told: what was broken, for the report. ami, cel: pieces as they come."""

    number: int
    names: tuple[str, ...]
    told: tuple[str, ...]
    ami: tuple[bytes, ...]
    cel: tuple[bytes, ...]
    rotate_at: int
    restart_at: int


@cache
def recordings() -> Mapping[str, Recording]:
    """Every recording by name."""
    found = {path.name.removesuffix(".ami"): _read(path) for path in sorted(RECORDED.glob("*.ami"))}
    assert found, f"no recordings in {RECORDED}"
    return found


def cases(seed: int, number: int) -> Iterator[Case]:
    """Seeded cases; every recording and every kind of fault comes up again and again."""
    chance = random.Random(seed)
    names = list(recordings())
    for place in range(number):
        chosen = (names[place % len(names)], *chance.sample(names, chance.randint(0, 2)))
        yield _case(place, tuple(dict.fromkeys(chosen)), chance)


class Bench:
    """Stores and record files for cases. Args: directory: an own one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._empty = directory / "empty.db"
        SqlStore.open(f"sqlite:///{self._empty}").close()
        self._references: dict[tuple[str, ...], str] = {}

    def reference(self, names: tuple[str, ...]) -> str:
        """The ledger of unbroken recordings, brought in once and in one pass."""
        key = tuple(sorted(names))
        if key not in self._references:
            self._references[key] = self.once(key)
        return self._references[key]

    def once(self, names: tuple[str, ...]) -> str:
        """The ledger of unbroken recordings, brought in now."""
        lines = b"".join(line for name in names for line in recordings()[name].lines)
        return self.play(Case(-1, names, (), (), (lines,), -1, -1))

    def play(self, case: Case) -> str:
        """The ledger after a case."""
        at = self._directory / "case"
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir()
        shutil.copyfile(self._empty, at / "vpbx.db")
        playing = _Playing(at, case)
        try:
            with capture_logs():
                return playing.run()
        finally:
            playing.store.close()


def ami_cut_at_every_byte(recording: Recording) -> tuple[int, list[int]]:
    """Read a stream in two chunks, cut at every byte. Returns: how many cuts, and those that changed it."""
    data = b"".join(recording.messages)
    with capture_logs():
        whole = read_stream([data], recording.systemname)[0]
        assert whole, "a recording tells events"
        cuts = range(len(data) + 1)
        changed = [
            cut for cut in cuts if read_stream([data[:cut], data[cut:]], recording.systemname)[0] != whole
        ]
    return len(cuts), changed


def cel_cut_at_every_byte(recording: Recording, directory: Path) -> tuple[int, list[int]]:
    """Read a file that was written up to every byte, then the rest of it. Returns: as above."""
    data, file = b"".join(recording.lines), directory / "cut.csv"
    record = AsteriskRecord(recording.systemname, file, directory / "none.csv")
    file.write_bytes(data)
    whole = [event for batch in record.events(None) for event in batch.rows]
    changed = []
    for cut in range(len(data) + 1):
        file.write_bytes(data[:cut])
        first = list(record.events(None))
        with file.open("ab") as grown:
            grown.write(data[cut:])
        second = list(record.events(first[-1].position if first else None))
        if [event for batch in first + second for event in batch.rows] != whole:
            changed.append(cut)
    return len(data) + 1, changed


@contextmanager
def without_deduplication() -> Iterator[None]:
    """A vpbx that has forgotten to ask whether a charge stands already: a second one gets another key."""
    posted, standing, serial = ledger.post, ledger.standing, count(1)

    def post(connection: Connection, charges: Sequence[Charge], path: str, at: datetime) -> Posted:
        there = standing(connection, [str(charge.key) for charge in charges])
        renamed = [
            replace(charge, key=replace(charge.key, kind=f"again-{next(serial)}"))
            if str(charge.key) in there
            else charge
            for charge in charges
        ]
        return posted(connection, renamed, path, at)

    ledger.post, ledger.standing = post, lambda _connection, _keys: {}
    try:
        yield
    finally:
        ledger.post, ledger.standing = posted, standing


class _Playing:
    """The listener's parts around one case's files."""

    def __init__(self, directory: Path, case: Case) -> None:
        self._case, self._directory = case, directory
        self._cel, self._cdr = directory / "vpbx-cel.csv", directory / "vpbx-cdr.csv"
        self._systemname = recordings()[case.names[0]].systemname
        self._asked = False
        self._listen()

    def run(self) -> str:
        case = self._case
        self._cdr.write_bytes(b"".join(recordings()[name].claims for name in case.names))
        for turn in range(max(len(case.ami), len(case.cel))):
            if turn == case.rotate_at and self._cel.exists():
                self._cel.rename(self._cel.with_name(f"{self._cel.name}.1"))
            if turn == case.restart_at:
                self.store.close()
                self._listen()
            if turn < len(case.cel):
                with self._cel.open("ab") as file:
                    file.write(case.cel[turn])
            if turn < len(case.ami):
                self._feed.feed(case.ami[turn])
            if self._asked:
                self._asked = False
                self._bring_in("listener")
        self._bring_in("reconciliation")
        self.store.verify()
        return self.store.dump()

    def _listen(self) -> None:
        """A listener that begins: nothing of the one before is left but the store."""
        self.store = SqlStore.open(f"sqlite:///{self._directory}/vpbx.db")
        consumer = Consumer(
            EventReader(self._systemname),
            _Fixed(),
            ask_reconcile=self._ask,
            call_ended=lambda _: None,
            on_resync=lambda: None,
            renew_recorders=lambda _: None,
            message_left=lambda: None,
            noted=lambda _event: None,
        )

        def take(message: object) -> bool:
            consumer.take(message)  # type: ignore[arg-type]
            return True

        self._feed = ByteFeed(take)
        consumer.take(Resync(NOW))

    def _ask(self) -> None:
        self._asked = True

    def _bring_in(self, path: str) -> None:
        record = AsteriskRecord(self._systemname, self._cel, self._cdr)
        reconcile(self.store, record, operator(), now=NOW, path=path)


@cache
def operator() -> Definitions:
    """The operator's definitions of the examples."""
    return definition_files.load(_TESTS.parent / "examples")


class _Fixed:
    def now(self) -> datetime:
        return NOW


def _case(number: int, names: tuple[str, ...], chance: random.Random) -> Case:
    messages = [message for name in names for message in recordings()[name].messages]
    lines = [line for name in names for line in recordings()[name].lines]
    told = []
    for faults, items in ((AMI_FAULTS, messages), (CEL_FAULTS, lines)):
        for kind in chance.sample(sorted(faults), chance.randint(1, 3)):
            if items:
                broken = faults[kind](items, chance, recordings()[names[0]].systemname)
                items[:] = [item for item in broken if item]
            told.append(kind)
    ami = _cut(b"".join(messages), chance, chance.randint(1, 12))
    cel = _cut(b"".join(lines), chance, chance.randint(1, 6))
    rotate_at = chance.randint(1, len(cel)) if chance.random() < 0.3 else -1
    if 0 <= rotate_at < len(cel):
        # Asterisk changes files between records, never within one.
        cel = _whole_before(cel, rotate_at)
    restart_at = chance.randint(1, 6) if chance.random() < 0.3 else -1
    return Case(number, names, tuple(told), tuple(ami), tuple(cel), rotate_at, restart_at)


Broken = Callable[[list[bytes], random.Random, str], list[bytes]]


def _nothing(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    return items


def _twice(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """Some come again, at once or later."""
    made = list(items)
    for item in chance.sample(items, max(1, len(items) // 3)):
        made.insert(chance.randint(made.index(item) + 1, len(made)), item)
    return made


def _all_again(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    return [*items, *items]


def _shuffled(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    return chance.sample(items, len(items))


def _backwards(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    return items[::-1]


def _lost(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """A gap: a run of messages never comes."""
    begin = chance.randrange(len(items))
    return items[:begin] + items[begin + chance.randint(1, len(items)) :]


def _damaged(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """Bytes are missing inside a message, its end with them perhaps."""
    made = list(items)
    index = chance.randrange(len(made))
    begin = chance.randrange(len(made[index]))
    made[index] = made[index][:begin] + made[index][begin + chance.randint(1, 80) :]
    return made


def _forged_blocks(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """Whole messages of somebody's own between the genuine ones, and inside one."""
    made = list(items)
    for _ in range(chance.randint(1, 4)):
        forged = _forged(chance, chance.choice((systemname, "s0", "")))
        index = chance.randrange(len(made))
        cut = chance.choice((0, chance.randrange(len(made[index]))))
        made[index] = made[index][:cut] + b"\r\n\r\n" * bool(cut) + forged + made[index][cut:]
    return made


def _foreign_lines(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """Records of another switch."""
    made = list(items)
    for line in chance.sample(items, max(1, len(items) // 4)):
        made.insert(chance.randint(0, len(made)), line.replace(systemname.encode(), b"sffffffffffffffff"))
    return made


def _garbage_lines(items: list[bytes], chance: random.Random, systemname: str) -> list[bytes]:
    """Records that nobody can read: torn copies of genuine ones, and bytes of any kind."""
    made = list(items)
    for line in chance.sample(items, max(1, len(items) // 4)):
        torn = line[: chance.randint(1, len(line) - 2)]
        noise = bytes(chance.choice(b"\x00\xff,a7\n") for _ in range(chance.randint(1, 40)))
        made.insert(chance.randint(0, len(made)), chance.choice((torn, noise)) + b"\n")
    return made


AMI_FAULTS: Mapping[str, Broken] = {
    "ami whole": _nothing,
    "ami twice": _twice,
    "ami all again": _all_again,
    "ami reordered": _shuffled,
    "ami backwards": _backwards,
    "ami gap": _lost,
    "ami damaged": _damaged,
    "ami forged": _forged_blocks,
}
CEL_FAULTS: Mapping[str, Broken] = {
    "cel whole": _nothing,
    "cel twice": _twice,
    "cel all again": _all_again,
    "cel reordered": _shuffled,
    "cel backwards": _backwards,
    "cel foreign": _foreign_lines,
    "cel garbage": _garbage_lines,
}


def _forged(chance: random.Random, systemname: str) -> bytes:
    """A message as a caller could write it, also one who knew the systemname."""
    name = chance.choice(("HANGUP", "ANSWER", "LINKEDID_END", "vpbx.leg"))
    unique = f"{systemname or 'x'}-{chance.randint(1, 2_000_000_000)}.{chance.randint(0, 9)}"
    said = "tenant=acme&direction=out&from=+74951112233&to=+79161112233&decision=admitted"
    extra = {"vpbx.leg": f'{{"extra":"{said}"}}', "HANGUP": '{"hangupcause":16}'}.get(name, "")
    event = chance.choice(("CEL", "CEL", "Cdr", "Hangup"))
    headers = {
        "Event": event,
        "SystemName": systemname,
        "EventName": name,
        "Timestamp": f"{chance.randint(1, 2_000_000_000)}.000000",
        "Channel": "PJSIP/x-1",
        "UniqueID": unique,
        "LinkedID": unique,
        "BillableSeconds": "99999",
        "Extra": extra,
    }
    return "".join(f"{key}: {value}\r\n" for key, value in headers.items()).encode() + b"\r\n"


def _cut(data: bytes, chance: random.Random, pieces: int) -> list[bytes]:
    """The bytes in some pieces, cut anywhere."""
    places = sorted(chance.randint(0, len(data)) for _ in range(pieces - 1))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def _whole_before(pieces: Sequence[bytes], index: int) -> list[bytes]:
    """The same bytes, the first pieces ending where a record ends."""
    before, after = b"".join(pieces[:index]), b"".join(pieces[index:])
    end = after.find(b"\n") + 1
    return [b""] * (index - 1) + [before + after[:end], after[end:]]


def _read(path: Path) -> Recording:
    name = path.name.removesuffix(".ami")
    cel = path.with_name(f"{name}.cel.csv").read_bytes()
    messages = path.read_bytes().split(_END)
    lines = tuple(_LINE.findall(cel))
    assert b"".join(lines) == cel and not messages[-1], f"{name}: whole records, whole messages"
    return Recording(
        name,
        Systemname(lines[0].split(b",")[2].strip(b'"').decode()),
        tuple(message + _END for message in messages[:-1]),
        lines,
        path.with_name(f"{name}.cdr.csv").read_bytes(),
    )
