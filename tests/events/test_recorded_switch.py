"""Records that a real Asterisk 22.10.1 wrote: an answered call, and one cut off by SIGKILL after it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from recorded_calls import definitions

from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.model.call import Systemname
from orchestrator.reconciliation import reconcile
from orchestrator.storage.store import SqlStore
from orchestrator.storage.views import Asked

RECORDED = Path(__file__).parent / "asterisk-22.10"
SYSTEMNAME = Systemname("s0a1b2c3d4e5f607")


def record(directory: Path, name: str) -> AsteriskRecord:
    shutil.copy(RECORDED / f"{name}-cel.csv", directory / "vpbx-cel.csv")
    shutil.copy(RECORDED / "answered-cdr.csv", directory / "vpbx-cdr.csv")
    return AsteriskRecord(SYSTEMNAME, directory / "vpbx-cel.csv", directory / "vpbx-cdr.csv")


def test_an_answered_call_is_charged_on_its_own_leg_and_agrees_with_the_switchs_claim(
    store: SqlStore, tmp_path: Path
) -> None:
    written = record(tmp_path, "answered")
    events = [event for batch in written.events(None) for event in batch.rows]
    report = reconcile(store, written, definitions(), now=events[-1].at)
    assert (report.quarantined, report.foreign, report.legs, report.charged) == (0, 0, 1, 1)
    (charge,) = store.charges(Asked())
    assert charge.leg is not None
    assert charge.leg.cause == 16
    assert charge.facts["duration_s"] == 3
    claims = store.call(charge.leg.linkedid).claims
    assert [(claim.sequence, claim.billsec_s) for claim in claims] == [(0, 4), (1, 4), (3, 3)]


def test_a_call_cut_off_by_sigkill_is_closed_at_its_last_heartbeat(store: SqlStore, tmp_path: Path) -> None:
    written = record(tmp_path, "killed")
    last = [event for batch in written.events(None) for event in batch.rows][-1]
    report = reconcile(store, written, definitions(), now=last.at)
    assert (report.charged, report.open) == (1, 1)
    (cut_off,) = [leg for leg in store.calls(Asked()) if leg.ended_at is None]
    store.heartbeat(SYSTEMNAME, [(cut_off.uniqueid, cut_off.linkedid)], last.at + timedelta(seconds=100))
    restart = last.at + timedelta(seconds=110)
    report = reconcile(store, written, definitions(), now=restart, live=(), started_at=restart)
    assert (report.estimated, report.charged, report.open) == (1, 1, 0)
    assert store.charges(Asked())[0].facts["duration_s"] == 100


def test_the_record_cut_at_every_byte_reads_the_same(tmp_path: Path) -> None:
    written = record(tmp_path, "answered")
    whole = (tmp_path / "vpbx-cel.csv").read_bytes()
    expected = [event for batch in written.events(None) for event in batch.rows]
    for cut in range(0, len(whole), 3):
        (tmp_path / "vpbx-cel.csv").write_bytes(whole[:cut])
        first = list(written.events(None))
        with (tmp_path / "vpbx-cel.csv").open("ab") as file:
            file.write(whole[cut:])
        second = list(written.events(first[-1].position if first else None))
        assert [event for batch in first + second for event in batch.rows] == expected
        assert not any(batch.bad for batch in first + second)
