"""Statistics of calls that a real Asterisk 22.10.1 recorded, against figures computed by hand."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recorded_calls import definitions

from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.calls.inbound import inbound_calls
from orchestrator.calls.leg import gather, leg_of
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.inbound import InboundCall
from orchestrator.reconciliation import reconcile
from orchestrator.storage.store import SqlStore

RECORDED = Path(__file__).parent / "statistics"
SYSTEMNAME = Systemname("s0409ef92837c72e4")
ANY_DAY = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

ANSWERED, BUSY, GIVEN_UP, PASSED_ON, DEPARTMENT, TRANSFERRED, FORWARDED, LEFT_QUEUE = range(8)
EXPECTED = (
    # outcome, wait and talk in microseconds, employee, department
    ("answered", 509_320, 603_118, "101", ""),
    ("missed", 10_525, 0, "102", ""),
    ("abandoned", 50_178, 0, "101", ""),
    ("answered", 423_926, 403_514, "102", ""),
    ("answered", 325_292, 502_610, "103", "sales"),
    # 3.365332 - 2.862968 with 101, and 5.273536 - 4.071523 with 102
    ("answered", 15_873, 502_364 + 1_202_013, "101", ""),
    ("answered", 206_306, 302_994, "", ""),
    ("abandoned", 51_680, 0, "", "sales"),
)


def record(directory: Path) -> AsteriskRecord:
    shutil.copy(RECORDED / "calls.cel.csv", directory / "vpbx-cel.csv")
    return AsteriskRecord(SYSTEMNAME, directory / "vpbx-cel.csv", directory / "vpbx-cdr.csv")


def events_of(written: AsteriskRecord) -> list[SwitchEvent]:
    return [event for batch in written.events(None) for event in batch.rows]


def short(calls: Sequence[InboundCall]) -> tuple[tuple[str, int, int, str, str], ...]:
    return tuple((c.outcome, c.wait_us, c.talk_us, c.employee, c.department) for c in calls)


@pytest.fixture
def calls(store: SqlStore, tmp_path: Path) -> list[InboundCall]:
    written = record(tmp_path)
    reconcile(store, written, definitions(), now=events_of(written)[-1].at)
    return store.inbound_calls("acme")


def test_each_call_has_its_outcome_wait_talk_and_who_answered(calls: list[InboundCall]) -> None:
    assert short(calls) == EXPECTED


def test_talk_after_a_transfer_is_of_who_talked(calls: list[InboundCall]) -> None:
    assert [(phone.employee, phone.talk_us) for phone in calls[TRANSFERRED].phones] == [
        ("101", 502_364),
        ("102", 1_202_013),
    ]


def test_all_who_were_rung_are_known(calls: list[InboundCall]) -> None:
    rung = [[(phone.employee, phone.department) for phone in call.phones] for call in calls]
    assert rung[PASSED_ON] == [("101", ""), ("102", "")]
    assert rung[LEFT_QUEUE] == [("101", "sales"), ("102", "sales"), ("103", "sales"), ("103", "sales")]
    assert rung[FORWARDED] == []
    answered = [phone.employee for phone in calls[DEPARTMENT].phones if phone.answered_at is not None]
    assert answered == ["103"]


def test_the_order_of_events_and_repeated_ones_change_nothing(tmp_path: Path) -> None:
    events = events_of(record(tmp_path))
    legs = [leg for facts in gather(events).values() if (leg := leg_of(facts)) is not None]
    shuffled = [*events, *events[::3]]
    random.Random(5).shuffle(shuffled)
    found = sorted(inbound_calls(legs, shuffled), key=lambda call: call.began_at)
    assert short(found) == EXPECTED


@pytest.mark.parametrize("rows", [1, 7])
def test_a_record_that_comes_in_bit_by_bit_leaves_the_same_rows(
    store: SqlStore, tmp_path: Path, rows: int, calls: list[InboundCall]
) -> None:
    lines = (RECORDED / "calls.cel.csv").read_bytes().splitlines(keepends=True)
    other = SqlStore.open(f"sqlite:///{tmp_path}/other.db")
    growing = tmp_path / "growing"
    growing.mkdir()
    now = calls[-1].ended_at
    for at in range(0, len(lines), rows):
        with (growing / "vpbx-cel.csv").open("ab") as file:
            file.writelines(lines[at : at + rows])
        record_ = AsteriskRecord(SYSTEMNAME, growing / "vpbx-cel.csv", growing / "vpbx-cdr.csv")
        reconcile(other, record_, definitions(), now=now, path="listener" if at % 2 else "reconciliation")
    assert other.inbound_calls("acme") == store.inbound_calls("acme")
    other.close()


def test_a_call_that_a_crash_cut_off_is_counted_to_its_last_known_second(
    store: SqlStore, tmp_path: Path
) -> None:
    """All of the first call's rows but those from its end on."""
    lines = (RECORDED / "calls.cel.csv").read_bytes().splitlines(keepends=True)
    (tmp_path / "vpbx-cel.csv").write_bytes(b"".join(lines[:10]))
    written = AsteriskRecord(SYSTEMNAME, tmp_path / "vpbx-cel.csv", tmp_path / "vpbx-cdr.csv")
    last = events_of(written)[-1].at
    reconcile(store, written, definitions(), now=last)
    assert store.inbound_calls("acme") == []
    leg = next(leg for leg in store.legs([events_of(written)[0].uniqueid]).values())
    store.heartbeat(SYSTEMNAME, [(leg.uniqueid, leg.linkedid)], last + timedelta(seconds=9))
    restart = last + timedelta(seconds=20)
    reconcile(store, written, definitions(), now=restart, live=(), started_at=restart)
    [call] = store.inbound_calls("acme")
    assert (call.outcome, call.wait_us, call.talk_us, call.employee) == (
        "answered",
        509_320,
        9_000_000,
        "101",
    )
    (tmp_path / "vpbx-cel.csv").write_bytes(b"".join(lines[:15]))
    reconcile(store, written, definitions(), now=restart)
    assert short(store.inbound_calls("acme")) == EXPECTED[:1]


def test_figures_of_the_recorded_calls(store: SqlStore, calls: list[InboundCall]) -> None:
    rows = list(store.inbound_rows("acme", *ANY_DAY))
    assert [(row.outcome, row.wait_us, row.talk_us, row.employee, row.department) for row in rows] == list(
        EXPECTED
    )
    assert {(each.employee, each.calls, each.talk_us) for each in store.rung("acme", *ANY_DAY)} == {
        ("101", 7, 603_118 + 502_364),
        ("102", 5, 403_514 + 1_202_013),
        ("103", 2, 502_610),
    }
    assert store.inbound_tenants() == ["acme"]
    assert calls[-1].number == "+74951112233"
