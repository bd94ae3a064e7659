"""What a failing or dead apply leaves in the journal, and what the next one makes of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.asterisk.apply import Accounts, apply
from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generation, Generations, Parcel
from orchestrator.asterisk.journal import Intent, Journal, Pending
from orchestrator.asterisk.manifest import Manifest, Origin
from orchestrator.asterisk.parcel import file_digest
from orchestrator.asterisk.phones import PhoneRows, phones_of
from orchestrator.asterisk.recovery import recover
from orchestrator.errors import ApplyFailed, DatabaseUnavailable
from orchestrator.project import SwitchPaths

DEAD_SWITCH = AmiSwitch(AmiLogin("127.0.0.1", 9, "control", ""))
"""A session that isn't open: whatever it is asked fails."""


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def never(manifest: Manifest, at: datetime) -> None:
    """No account may follow."""
    raise AssertionError(f"generation {manifest.number} was posted")


class Books:
    """Args: fails: as often the books can't be written. posted: generation and moment."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.posted: list[tuple[int, datetime]] = []

    def settle(self, manifest: Manifest, at: datetime) -> None:
        if self.fails:
            self.fails -= 1
            raise DatabaseUnavailable("the database does not answer")
        self.posted.append((manifest.number, at))


@pytest.fixture
def paths(tmp_path: Path) -> SwitchPaths:
    return SwitchPaths(tmp_path)


def parcel(number: int) -> Parcel:
    """A generation without tenants; each has another text in its dialplan."""
    text = f"; generation {number}\n".encode()
    manifest = Manifest(
        number=number,
        base=number - 1,
        origin=Origin(datetime.now(UTC), "anna", "apply"),
        source="",
        shared={"extensions.conf": file_digest(text)},
        blocks="",
        trunks="",
        marks={},
        tenants={},
    )
    return Parcel(manifest, {"extensions.conf": (text, 0o640)}, {})


def applied(paths: SwitchPaths, number: int) -> None:
    """An apply while the switch isn't running."""
    asyncio.run(apply(parcel(number), paths, paths.root, None, None))


def staged(paths: SwitchPaths, number: int, at: datetime | None = None, *, live: bool = False) -> Generation:
    """What an apply that dies leaves after it has noted its intent and swapped. Args: as of `Intent`."""
    generations = Generations(paths)
    made = generations.stage(parcel(number), paths.root)
    Journal(paths).begin(Intent(number - 1, number, at, live))
    generations.swap(made)
    return made


def live(paths: SwitchPaths) -> int:
    found = Generations(paths).live()
    return 0 if found is None else found.number


def spoil_intent(paths: SwitchPaths) -> None:
    """Nothing can be written where the intent is written first."""
    paths.root.joinpath(".apply.json.new").mkdir(parents=True)


@pytest.mark.parametrize("earlier", [0, 1], ids=["the first apply", "the same generation again"])
def test_an_apply_that_fails_with_nothing_to_go_back_to_does_not_block_the_next(
    paths: SwitchPaths, earlier: int
) -> None:
    if earlier:
        applied(paths, 1)
    with pytest.raises(ApplyFailed, match="no earlier configuration to go back to"):
        asyncio.run(apply(parcel(1), paths, paths.root, DEAD_SWITCH, None))
    assert Journal(paths).intent() is None
    assert asyncio.run(recover(paths, DEAD_SWITCH, never)) == ""


def test_what_a_dead_apply_left_is_undone(paths: SwitchPaths) -> None:
    applied(paths, 1)
    staged(paths, 2)
    assert asyncio.run(recover(paths, None, never)).endswith("is undone: generation 1 is live")
    assert (live(paths), Journal(paths).intent()) == (1, None)


def test_a_dead_apply_that_was_confirmed_stays(paths: SwitchPaths) -> None:
    applied(paths, 1)
    Generations(paths).confirm(staged(paths, 2))
    assert "died when all was done" in asyncio.run(recover(paths, DEAD_SWITCH, never))
    assert (live(paths), Journal(paths).intent()) == (2, None)


def test_a_switch_that_does_not_take_the_generation_before_is_told_with_what_to_do(
    paths: SwitchPaths,
) -> None:
    applied(paths, 1)
    staged(paths, 2)
    with pytest.raises(ApplyFailed, match="did not take generation 1 again") as told:
        asyncio.run(recover(paths, DEAD_SWITCH, never))
    assert told.value.hint.startswith("restart the switch")
    assert Journal(paths).intent() == Intent(1, 2)


def test_a_generation_before_that_is_gone_is_not_taken_for_none(paths: SwitchPaths) -> None:
    applied(paths, 1)
    rows = PhoneRows(paths.phones)
    rows.write(phones_of("acme", "[d1]\ntype=endpoint\ncontext=acme-phones\n"))
    staged(paths, 3)
    with pytest.raises(ApplyFailed, match="generation 2 before it is gone") as told:
        asyncio.run(recover(paths, None, never))
    assert f"{paths.generations}/2" in told.value.hint and "apply.json" in told.value.hint
    assert (live(paths), list(rows.marks())) == (3, ["d1"])


def test_an_intent_that_cannot_be_noted_stops_the_apply_before_anything(paths: SwitchPaths) -> None:
    applied(paths, 1)
    spoil_intent(paths)
    with pytest.raises(ApplyFailed, match=r"apply\.json: Is a directory") as told:
        asyncio.run(apply(parcel(2), paths, paths.root, None, None))
    assert told.value.hint == "check space and rights there"
    assert (live(paths), [kept.number for kept in Generations(paths).all()]) == (1, [1])


def test_an_intent_that_cannot_be_noted_leaves_the_live_generation_alone(paths: SwitchPaths) -> None:
    applied(paths, 1)
    spoil_intent(paths)
    with pytest.raises(ApplyFailed, match=r"apply\.json"):
        asyncio.run(apply(parcel(1), paths, paths.root, None, None))
    assert [kept.number for kept in Generations(paths).all()] == [1]


def test_a_disk_that_refuses_the_swap_leaves_the_live_generation_and_no_journal(paths: SwitchPaths) -> None:
    applied(paths, 1)
    paths.root.joinpath(".etc.new").mkdir()
    with pytest.raises(ApplyFailed, match=r"can't make generation 2 live: .*; generation 1 is back") as told:
        asyncio.run(apply(parcel(2), paths, paths.root, None, None))
    assert told.value.hint == f"check space and rights in {paths.root}"
    assert (live(paths), Journal(paths).intent()) == (1, None)
    assert [kept.number for kept in Generations(paths).all()] == [1]


@pytest.mark.parametrize("text", ["", "[", "[]", "null", '{"before": "x", "after": 2}', "\x00"])
def test_a_damaged_intent_is_told_with_what_to_do(paths: SwitchPaths, text: str) -> None:
    (paths.root / "apply.json").write_text(text)
    with pytest.raises(ApplyFailed, match=r"apply\.json: damaged") as told:
        Journal(paths).intent()
    assert "remove it" in told.value.hint and "vpbx apply" in told.value.hint


@pytest.mark.parametrize("text", ["", "{}", '{"generation": 1, "before": 0, "within_s": 5, "deadline": "x"}'])
def test_a_damaged_note_of_what_waits_is_told_with_what_to_do(paths: SwitchPaths, text: str) -> None:
    (paths.root / "pending.json").write_text(text)
    with pytest.raises(ApplyFailed, match=r"pending\.json: damaged") as told:
        Journal(paths).pending()
    assert "remove it" in told.value.hint


def test_what_is_noted_is_read_again(paths: SwitchPaths) -> None:
    journal = Journal(paths)
    for deadline in (None, datetime(2026, 3, 2, 12, tzinfo=UTC)):
        journal.wait_for_confirmation(Pending(4, 3, 120, deadline))
        assert journal.pending() == Pending(4, 3, 120, deadline)
    journal.confirmed()
    assert journal.pending() is None
    for intent in (Intent(3, 4), Intent(3, 4, NOON), Intent(3, 4, NOON, live=True)):
        journal.begin(intent)
        assert journal.intent() == intent


def test_accounts_follow_once_a_generation_is_live(paths: SwitchPaths) -> None:
    applied(paths, 1)
    books = Books()
    asyncio.run(apply(parcel(2), paths, paths.root, None, None, Accounts(NOON, books.settle)))
    assert (books.posted, live(paths), Journal(paths).intent()) == ([(2, NOON)], 2, None)


def test_no_account_follows_an_apply_that_goes_back(paths: SwitchPaths) -> None:
    applied(paths, 1)
    with pytest.raises(ApplyFailed):
        asyncio.run(apply(parcel(2), paths, paths.root, DEAD_SWITCH, None, Accounts(NOON, never)))
    assert live(paths) == 1


def test_books_that_cannot_be_written_leave_the_generation_live_and_are_written_by_the_next_verb(
    paths: SwitchPaths,
) -> None:
    applied(paths, 1)
    books = Books(fails=2)
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(apply(parcel(2), paths, paths.root, None, None, Accounts(NOON, books.settle)))
    assert (live(paths), Journal(paths).intent()) == (2, Intent(1, 2, NOON, live=True))
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(recover(paths, None, books.settle))
    assert Journal(paths).intent() == Intent(1, 2, NOON, live=True)
    assert asyncio.run(recover(paths, None, books.settle)).endswith("died when all was done: it is live")
    assert (books.posted, live(paths), Journal(paths).intent()) == ([(2, NOON)], 2, None)
    assert asyncio.run(recover(paths, None, never)) == ""


@pytest.mark.parametrize("seen", ["as live", "as confirmed on the switch"])
def test_accounts_follow_a_dead_apply_that_the_switch_had_whole(paths: SwitchPaths, seen: str) -> None:
    applied(paths, 1)
    made = staged(paths, 2, NOON, live=seen == "as live")
    if seen != "as live":
        Generations(paths).confirm(made)
    books = Books()
    asyncio.run(recover(paths, DEAD_SWITCH, books.settle))
    assert (books.posted, live(paths), Journal(paths).intent()) == ([(2, NOON)], 2, None)


def test_no_account_follows_a_dead_apply_that_is_undone(paths: SwitchPaths) -> None:
    applied(paths, 1)
    staged(paths, 2, NOON)
    assert asyncio.run(recover(paths, None, never)).endswith("is undone: generation 1 is live")


def test_a_confirmation_that_died_is_ended_and_its_generation_does_not_go_back(paths: SwitchPaths) -> None:
    applied(paths, 1)
    staged(paths, 2, NOON, live=True)
    Journal(paths).wait_for_confirmation(Pending(2, 1, 120, NOON))
    books = Books()
    asyncio.run(recover(paths, None, books.settle))
    assert books.posted == [(2, NOON)]
    assert (Journal(paths).pending(), Journal(paths).intent()) == (None, None)


def test_a_generation_that_accounts_were_to_follow_and_that_is_gone_is_told(paths: SwitchPaths) -> None:
    applied(paths, 1)
    Journal(paths).begin(Intent(1, 2, NOON, live=True))
    with pytest.raises(ApplyFailed, match="died before its service events were posted") as told:
        asyncio.run(recover(paths, None, never))
    assert "apply.json" in told.value.hint


def test_an_intent_of_a_vpbx_that_knew_no_accounts_is_undone_as_ever(paths: SwitchPaths) -> None:
    applied(paths, 1)
    staged(paths, 2)
    (paths.root / "apply.json").write_text('{"before": 1, "after": 2}')
    assert asyncio.run(recover(paths, None, never)).endswith("is undone: generation 1 is live")
