"""Reconciliation: every call of the record charged once, whatever happened to whom and when."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from recorded_calls import (
    BEGIN,
    SYSTEMNAME,
    Call,
    Row,
    csv_bytes,
    definitions,
    record_of,
    switch_record,
    tariff,
)

from orchestrator.accounts import Tariffs, take_events
from orchestrator.asterisk import record_file
from orchestrator.model.account import Activated
from orchestrator.model.call import LiveChannel
from orchestrator.model.platform import Definitions
from orchestrator.model.tariff import Rate
from orchestrator.reconciliation import GRACE, Report, reconcile
from orchestrator.storage.store import SqlStore, SqlUnit
from orchestrator.storage.views import Asked

NOW = BEGIN + timedelta(hours=12)
CUT_OFF = 8
"""Rows of an answered call that a killed switch had written: all up to the bridge."""


def write(directory: Path, *rows: Row) -> None:
    with (directory / "vpbx-cel.csv").open("ab") as file:
        file.write(csv_bytes(rows))


def bring_in(
    store: SqlStore,
    directory: Path,
    known: Definitions | None = None,
    *,
    now: datetime = NOW,
    live: Sequence[LiveChannel] | None = None,
    started_at: datetime | None = None,
) -> Report:
    return reconcile(
        store, switch_record(directory), known or definitions(), now=now, live=live, started_at=started_at
    )


def channel(call: Call) -> LiveChannel:
    return LiveChannel(call.trunk_leg, call.linkedid, "PJSIP/main-1", "Up", None)


def test_every_answered_outbound_call_is_charged_once(any_store: SqlStore, tmp_path: Path) -> None:
    calls = [
        Call(1, 61),
        Call(2, None),
        Call(3, 10, direction="in"),
        Call(4, None, decision="full"),
        Call(5, 0.2),
    ]
    write(tmp_path, *(row for call in calls for row in call.rows()))
    first, second = bring_in(any_store, tmp_path), bring_in(any_store, tmp_path)
    assert (first.charged, first.legs, first.open, first.unrated) == (2, 5, 0, 0)
    assert (second.rows, second.charged, second.known) == (0, 0, 0)
    posted = {charge.key: charge.amount_kop for charge in any_store.charges(Asked())}
    assert posted == {calls[0].key: 460, calls[4].key: 230}


def test_a_call_may_straddle_as_many_passes_as_it_has_records(store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 61)
    charged = []
    for row in call.rows():
        write(tmp_path, row)
        charged.append(bring_in(store, tmp_path).charged)
    assert sum(charged) == 1
    assert [row[0] for row in call.rows()][charged.index(1)] == "HANGUP"


def test_a_record_read_again_from_the_start_changes_nothing(store: SqlStore, tmp_path: Path) -> None:
    write(tmp_path, *Call(1, 61).rows(), *Call(2, 5).rows())
    bring_in(store, tmp_path)
    before = store.dump()
    lines = (tmp_path / "vpbx-cel.csv").read_bytes()
    (tmp_path / "vpbx-cel.csv").unlink()
    (tmp_path / "vpbx-cel.csv").write_bytes(b'"' + b"x" * 100 + b"\n" + lines)
    again = bring_in(store, tmp_path)
    assert (again.gaps, again.charged, again.known, again.quarantined) == (1, 0, 2, 1)
    assert store.dump() == before


def test_a_listener_that_posted_first_is_not_charged_again(store: SqlStore, tmp_path: Path) -> None:
    write(tmp_path, *Call(1, 61).rows())
    reconcile(store, switch_record(tmp_path), definitions(), now=NOW, path="listener")
    (tmp_path / "vpbx-cel.csv").rename(tmp_path / "elsewhere")
    write(tmp_path, *Call(2, 5).rows(), *Call(1, 61).rows())
    dearer = definitions(plan=tariff(Rate("7495", "Moscow", Decimal(9), date(2026, 1, 1)), version="2"))
    report = bring_in(store, tmp_path, dearer)
    assert (report.charged, report.known, report.unrated) == (1, 1, 0)
    assert {charge.path for charge in store.charges(Asked())} == {"listener", "reconciliation"}
    assert sorted(charge.amount_kop for charge in store.charges(Asked())) == [460, 900]


def test_a_call_without_a_rate_waits_until_the_deck_has_one(any_store: SqlStore, tmp_path: Path) -> None:
    abroad = Call(1, 61, to="+4930123456")
    write(tmp_path, *abroad.rows(), *Call(2, 61).rows())
    for _ in range(2):
        report = bring_in(any_store, tmp_path)
        assert report.unrated == 1
        assert abroad.trunk_leg in report.problems[0]
    assert any_store.call(abroad.linkedid).unrated[abroad.trunk_leg].startswith("deck sample")
    wider = tariff(
        Rate("7", "RU", Decimal(1), date(2026, 1, 1)), Rate("49", "Germany", Decimal(20), date(2026, 1, 1))
    )
    report = bring_in(any_store, tmp_path, definitions(plan=wider))
    assert (report.charged, report.unrated, report.problems) == (1, 0, [])
    assert bring_in(any_store, tmp_path).unrated == 0
    assert any_store.call(abroad.linkedid).charges[0].amount_kop == 4000


def test_a_call_of_a_tenant_that_is_gone_waits_for_its_file(store: SqlStore, tmp_path: Path) -> None:
    write(tmp_path, *Call(1, 61, tenant="gone").rows())
    assert bring_in(store, tmp_path).unrated == 1
    assert bring_in(store, tmp_path, definitions("acme", "gone")).charged == 1


def test_a_call_of_a_tenant_that_stays_though_its_file_is_gone_is_charged_by_its_service(
    any_store: SqlStore, tmp_path: Path
) -> None:
    plan = tariff()
    begun = Activated(plan.slug, "Europe/Moscow", 7)
    with any_store.billing() as unit:
        take_events(unit, "kept", [begun], BEGIN - timedelta(days=1), Tariffs({plan.slug: plan}), "apply")
        take_events(unit, "late", [begun], BEGIN + timedelta(days=1), Tariffs({plan.slug: plan}), "apply")
    write(tmp_path, *Call(1, 61, tenant="kept").rows(), *Call(2, 61, tenant="late").rows())
    report = bring_in(any_store, tmp_path)
    assert (report.charged, report.unrated) == (1, 1), "nobody served the other one then"
    [charge] = any_store.charges(Asked("kept"))
    assert charge.amount_kop == 460


def test_a_call_cut_off_by_a_crash_ends_at_its_last_heartbeat(any_store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 600)
    write(tmp_path, *call.rows()[:CUT_OFF])
    any_store.heartbeat(SYSTEMNAME, [(call.trunk_leg, call.linkedid)], call.answer + timedelta(seconds=130))
    crash = call.answer + timedelta(seconds=140)
    assert bring_in(any_store, tmp_path, live=None).open == 1
    assert bring_in(any_store, tmp_path, live=[], started_at=BEGIN, now=crash).open == 1
    report = bring_in(any_store, tmp_path, live=[], started_at=crash, now=crash + timedelta(seconds=1))
    assert (report.estimated, report.charged, report.open) == (1, 1, 0)
    (charge,) = any_store.charges(Asked())
    assert (charge.amount_kop, charge.facts["estimated"], charge.facts["duration_s"]) == (690, True, 130)
    assert bring_in(any_store, tmp_path, live=[], started_at=crash).estimated == 0


def test_a_crash_without_heartbeat_ends_the_call_at_its_last_record(store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 600)
    write(tmp_path, *call.rows()[:CUT_OFF])
    bring_in(store, tmp_path, live=[], started_at=NOW)
    assert store.charges(Asked())[0].facts["duration_s"] == 1


def test_an_unanswered_call_cut_off_is_closed_without_a_charge(store: SqlStore, tmp_path: Path) -> None:
    write(tmp_path, *Call(1, 600).rows()[:4])
    report = bring_in(store, tmp_path, live=[], started_at=NOW)
    assert (report.estimated, report.charged, report.open) == (1, 0, 0)


def test_a_live_call_is_never_closed(store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 600)
    write(tmp_path, *call.rows()[:CUT_OFF])
    report = bring_in(store, tmp_path, live=[channel(call)], started_at=NOW)
    assert (report.estimated, report.open) == (0, 1)


def test_a_leg_lost_on_a_running_switch_is_closed_only_after_the_grace(
    store: SqlStore, tmp_path: Path
) -> None:
    call = Call(1, 600)
    write(tmp_path, *call.rows()[:CUT_OFF])
    seen = call.answer + timedelta(microseconds=600)
    begun = BEGIN - timedelta(days=1)
    early = bring_in(store, tmp_path, live=[], started_at=begun, now=seen + GRACE - timedelta(seconds=1))
    assert early.open == 1
    assert bring_in(store, tmp_path, live=[], started_at=begun, now=seen + GRACE).estimated == 1


def test_the_exact_end_replaces_an_estimated_charge_by_reversal(any_store: SqlStore, tmp_path: Path) -> None:
    call = Call(1, 600)
    write(tmp_path, *call.rows()[:CUT_OFF])
    bring_in(any_store, tmp_path, live=[], started_at=NOW)
    write(tmp_path, *call.rows()[CUT_OFF:])
    assert bring_in(any_store, tmp_path).corrected == 1
    posted = {charge.key: charge.amount_kop for charge in any_store.charges(Asked())}
    assert posted == {call.key: 230, f"{call.key}/reversal": -230, f"{call.key}.corrected": 2300}
    (tmp_path / "vpbx-cel.csv").rename(tmp_path / "elsewhere")
    write(tmp_path, *call.rows(), *call.rows())
    again = bring_in(any_store, tmp_path)
    assert (again.corrected, again.unrated, any_store.verify().entries) == (0, 0, 3)


def test_other_exact_evidence_is_told_and_never_charged_over(store: SqlStore, tmp_path: Path) -> None:
    write(tmp_path, *Call(1, 61).rows())
    bring_in(store, tmp_path)
    before = store.dump()
    write(tmp_path, *Call(1, 30).rows())
    report = bring_in(store, tmp_path)
    assert (report.unrated, report.charged) == (1, 0)
    assert "another length" in report.problems[0]
    assert store.dump() == before


def test_damage_foreign_and_forged_records_stop_nothing(store: SqlStore, tmp_path: Path) -> None:
    with (tmp_path / "vpbx-cel.csv").open("wb") as file:
        file.write(csv_bytes(Call(9, 600, systemname="s9").rows()))
        file.write(b'"HANGUP","\xff\n')
        file.write(record_of([Call(1, 61)]))
    report = bring_in(store, tmp_path)
    assert (report.charged, report.quarantined, report.foreign) == (1, 1, len(Call(9, 600).rows()))


def test_two_passes_at_once_charge_once(any_store: SqlStore, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "vpbx-cel.csv").write_bytes(record_of(Call(number, 61) for number in range(400)))
    reports: list[Report] = []

    def one_pass() -> None:
        store = SqlStore.open(database_url)
        reports.append(bring_in(store, tmp_path))
        store.close()

    threads = [threading.Thread(target=one_pass) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.charged for report in reports) == any_store.verify().entries == 400
    assert sum(report.rows for report in reports) == 400 * len(Call(1, 61).rows())


class _Killed(Exception):
    pass


@pytest.mark.parametrize("method", ["keep_events", "events_of", "keep_legs", "standing", "post", "reached"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_pass_killed_at_any_point_is_made_good_by_the_next(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, after: int
) -> None:
    monkeypatch.setattr(record_file, "_CHUNK", 4096)
    calls = [Call(number, 61, begin=BEGIN + timedelta(seconds=number)) for number in range(30)]
    (tmp_path / "vpbx-cel.csv").write_bytes(record_of(calls))
    whole = SqlStore.open(f"sqlite:///{tmp_path}/whole.db")
    bring_in(whole, tmp_path)
    genuine, seen = getattr(SqlUnit, method), []

    def dies(self: SqlUnit, *given: object) -> object:
        seen.append(method)
        done = genuine(self, *given)
        if len(seen) == after + 1:
            raise _Killed
        return done

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        patched.setattr(SqlUnit, method, dies)
        bring_in(store, tmp_path)
    bring_in(store, tmp_path)
    assert store.dump() == whole.dump()
    whole.close()
