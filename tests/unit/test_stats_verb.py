"""`vpbx stats`: what it prints of stored calls, in which span, and what a purge leaves of them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from recorded_calls import SYSTEMNAME

from orchestrator.cli.main import root
from orchestrator.cli.stats_printed import Told, print_lines
from orchestrator.model.call import Leg, SwitchEvent
from orchestrator.reconciliation import make_up_inbound
from orchestrator.statistics.figures import Figures, Rung
from orchestrator.statistics.periods import NoTime, span
from orchestrator.statistics.report import Line, Report
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
MOSCOW = ZoneInfo("Europe/Moscow")
SALES, DIRECT = "+74951112233", "+74951112234"
DAY = datetime(2026, 9, 22, tzinfo=MOSCOW)
NOON = DAY.replace(hour=12)


class Calls:
    """Inbound calls as a switch reports them, put into a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._number = 0

    def add(
        self,
        began: datetime,
        *,
        tenant: str = "acme",
        caller: str = "",
        number: str = SALES,
        wait_s: float = 5,
        talk_s: float | None = None,
        employee: str = "101",
        step: str = "departments.sales",
        refused: str = "",
        keep: bool = True,
    ) -> None:
        """Args: talk_s: None: the caller gives up while the phone rings. keep: as reconciliation does."""
        self._number += 1
        own, phone = (f"{SYSTEMNAME}-{self._number}.{half}" for half in (1, 2))
        began = began.astimezone(UTC)
        connected = began + timedelta(seconds=wait_s)
        end = connected + timedelta(seconds=talk_s or 0)

        def event(uniqueid: str, kind: str, at: datetime, **facts: str) -> SwitchEvent:
            return SwitchEvent(SYSTEMNAME, uniqueid, own, kind, at, f"PJSIP/{uniqueid[-1]}", facts)

        events = [
            event(own, "CHAN_START", began),
            event(own, "vpbx.step", began, step=step),
            event(own, "HANGUP", end, hangupsource="PJSIP/1"),
        ]
        if not refused:
            events.append(event(phone, "vpbx.phone", began, tenant=tenant, employee=employee, step=step))
        if talk_s is not None:
            for each in (own, phone):
                facts = {"bridge_id": f"b{self._number}", "bridge_technology": "simple_bridge"}
                events += [
                    event(each, "BRIDGE_ENTER", connected, **facts),
                    event(each, "BRIDGE_EXIT", end, **facts),
                ]
        decision = refused or "admitted"
        leg = Leg(SYSTEMNAME, own, own, tenant, "in", caller, number, "", "main", decision, began, None, end)
        with self._store.reconciling() as unit:
            unit.keep_events(events)
            unit.keep_legs([leg])
            if keep:
                assert unit.keep_inbound(SYSTEMNAME, [own]) == 1


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    shutil.copytree(EXAMPLES, directory, ignore=shutil.ignore_patterns(".vpbx"))
    return directory


@pytest.fixture
def calls(project: Path) -> Calls:
    store = SqlStore.open(f"sqlite:///{project}/.vpbx/vpbx.db")
    return Calls(store)


def vpbx(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), "stats", *arguments, "--no-reconcile"])


def told(project: Path, *arguments: str) -> dict[str, Any]:
    done = vpbx(project, *arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines(found: dict[str, Any], *names: str) -> dict[str, tuple[Any, ...]]:
    return {line["name"]: tuple(line[name] for name in names) for line in found["lines"]}


def test_figures_are_those_of_a_calculator(project: Path, calls: Calls) -> None:
    for wait_s, talk_s in ((5, 60), (20, 30), (20.000001, 10), (40, 100.5)):
        calls.add(NOON, wait_s=wait_s, talk_s=talk_s)
    calls.add(NOON, wait_s=15)
    calls.add(NOON, refused="full")
    calls.add(NOON, refused="blocked")
    total = told(project, "acme", "--from", "2026-09-22", "--to", "2026-09-22")["total"]
    assert total == {
        "tenant": "",
        "name": "",
        "calls": 5,
        "answered": 4,
        "voicemail": 0,
        "missed": 0,
        "abandoned": 1,
        "full": 1,
        "blocked": 1,
        "in_time": 2,
        "service_level_percent": 40.0,
        "wait_median_s": 20.0,
        "wait_p90_s": 40.0,
        "talk_s": 200.5,
        "again": 0,
        "again_callers": 0,
        "queued": 0,
        "queue_median_s": None,
        "queue_p90_s": None,
        "rung": None,
    }
    assert told(project, "acme", "--from", "2026-09-22", "--service-level", "40")["total"]["in_time"] == 4


def test_a_span_and_its_hours_are_local_and_a_date_at_its_end_is_whole(project: Path, calls: Calls) -> None:
    for began in (
        DAY - timedelta(seconds=1),
        DAY,
        NOON,
        DAY + timedelta(hours=24, seconds=-1),
        DAY + timedelta(1),
    ):
        calls.add(began)
    one_day = told(project, "acme", "--from", "2026-09-22", "--to", "2026-09-22", "--by", "hour")
    assert [line["name"] for line in one_day["lines"]] == [f"{hour:02}" for hour in range(24)]
    with_calls = {line["name"]: line["calls"] for line in one_day["lines"] if line["calls"]}
    assert with_calls == {"00": 1, "12": 1, "23": 1}
    assert one_day["spans"] == [
        {"tenant": "acme", "from": "2026-09-22T00:00:00+03:00", "to": "2026-09-23T00:00:00+03:00"}
    ]
    assert told(project, "acme", "--from", "2026-09-22", "--to", "2026-09-22T12:00")["total"]["calls"] == 1
    assert told(project, "acme", "--from", "2026-09-21T23:00", "--to", "2026-09-23")["total"]["calls"] == 5


def test_each_tenant_has_its_own_day(project: Path, calls: Calls) -> None:
    """23:00 in Moscow is the next day in Yekaterinburg, where beta is."""
    for tenant in ("acme", "beta"):
        calls.add(DAY.replace(hour=23), tenant=tenant)
    day = ("--from", "2026-09-22", "--to", "2026-09-22")
    assert {line["tenant"] for line in told(project, *day)["lines"]} == {"acme"}
    hours = told(project, "--from", "2026-09-21", "--to", "2026-09-24", "--by", "hour")
    assert {line["name"] for line in hours["lines"] if line["calls"]} == {"01", "23"}


def test_who_calls_again_is_counted_also_across_the_begin_of_the_span(project: Path, calls: Calls) -> None:
    calls.add(DAY - timedelta(hours=1), caller="+79035550001")
    calls.add(NOON, caller="+79035550001", number=DIRECT)
    calls.add(NOON, caller="+79035550002")
    calls.add(NOON + timedelta(hours=9), caller="+79035550002")
    calls.add(NOON, caller="")
    calls.add(NOON, caller="")
    day = ("acme", "--from", "2026-09-22", "--to", "2026-09-22")
    assert told(project, *day)["total"]["again"] == 2
    assert told(project, *day)["total"]["again_callers"] == 2
    assert told(project, *day, "--again-within", "9h")["total"]["again"] == 1
    assert lines(told(project, *day, "--by", "number"), "again") == {SALES: (1,), DIRECT: (1,)}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("tenant", {"": (3, 2, 0, 90.0)}),
        ("number", {SALES: (2, 1, 0, 60.0), DIRECT: (1, 1, 0, 30.0)}),
        ("department", {"sales": (2, 1, 0, 60.0), "": (1, 1, 0, 30.0)}),
        ("employee", {"101": (1, 1, 0, 60.0), "102": (1, 1, 0, 30.0), "": (1, 0, 0, 0.0)}),
    ],
)
def test_calls_are_grouped(
    project: Path, calls: Calls, by: str, expected: dict[str, tuple[Any, ...]]
) -> None:
    calls.add(NOON, talk_s=60)
    calls.add(NOON)
    calls.add(NOON, talk_s=30, number=DIRECT, employee="102", step="employees.102")
    found = told(project, "acme", "--from", "2026-09-22", "--by", by)
    assert lines(found, "calls", "answered", "missed", "talk_s") == expected
    if by == "employee":
        assert lines(found, "rung") == {"101": (2,), "102": (1,), "": (0,)}


def test_csv_has_a_line_for_each_group_and_no_total(project: Path, calls: Calls) -> None:
    calls.add(NOON, talk_s=1.25)
    done = vpbx(project, "acme", "--from", "2026-09-22", "--by", "employee", "--csv")
    [row] = csv.DictReader(io.StringIO(done.stdout))
    assert (row["tenant"], row["name"], row["calls"], row["talk_s"], row["rung"]) == (
        "acme",
        "101",
        "1",
        "1.25",
        "1",
    )


def test_in_a_pipe_it_is_a_plain_table_with_a_total(project: Path, calls: Calls) -> None:
    calls.add(NOON, talk_s=3725)
    calls.add(NOON, employee="102", step="employees.102")
    done = vpbx(project, "acme", "--from", "2026-09-22", "--by", "employee")
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        [
            "employee",
            "calls",
            "answered",
            "missed",
            "abandoned",
            "full",
            "≤20s %",
            "wait",
            "90%",
            "talk",
            "again",
            "rung",
        ],
        ["101", "1", "1", "0", "0", "0", "100.0", "0:05", "0:05", "1:02:05", "0", "1"],
        ["102", "1", "0", "0", "1", "0", "0.0", "", "", "0:00", "0", "1"],
        ["total", "2", "1", "0", "1", "0", "50.0", "0:05", "0:05", "1:02:05", "0", ""],
    ]


@pytest.mark.parametrize(
    ("columns", "name", "has_bars"), [(130, "101 Анна Соколова", True), (80, "101", False)]
)
def test_a_terminal_shows_names_and_bars_as_far_as_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: int,
    name: str,
    has_bars: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    found = Report(
        "employee",
        (
            Line("acme", "101", Figures(calls=5, answered=3, missed=2), 5),
            Line("acme", "102", Figures(calls=10, abandoned=10), 10),
        ),
        Figures(calls=15, answered=3, missed=2, abandoned=10),
    )
    print_lines(Told(found, "acme", (), 20, "24h", {("acme", "101"): "Анна Соколова"}))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert all(len(line) <= columns for line in shown)
    _, first, second, _ = shown
    assert first.startswith(f"{name} ")
    assert (first.count("█") > 0) == has_bars
    assert abs(2 * first.count("█") - second.count("█")) <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("acme", "--from", "yesterday"), "neither a date"),
        (("acme", "--again-within", "2 weeks"), "12h or 7d"),
        (("acme", "--json", "--csv"), "exclude"),
        (("nobody",), "nobody"),
    ],
)
def test_what_it_is_not_asked_well_it_says(project: Path, arguments: Sequence[str], words: str) -> None:
    done = vpbx(project, *arguments)
    assert done.exit_code != 0
    assert words in done.output + str(done.exception)


def test_without_dates_it_is_today() -> None:
    now = datetime(2026, 9, 22, 21, 30, tzinfo=UTC)
    found = span(None, None, now, MOSCOW)
    assert (str(found.since), str(found.until)) == ("2026-09-23 00:00:00+03:00", "2026-09-24 00:00:00+03:00")
    with pytest.raises(NoTime):
        span("soon", None, now, MOSCOW)


def test_calls_from_before_are_made_up_for_out_of_their_events(store: SqlStore) -> None:
    calls = Calls(store)
    calls.add(NOON, talk_s=9, keep=False)
    calls.add(NOON, keep=False)
    calls.add(NOON)
    assert len(store.inbound_calls("acme")) == 1
    assert make_up_inbound(store, SYSTEMNAME) == 2
    assert make_up_inbound(store, SYSTEMNAME) == 0
    assert [call.outcome for call in store.inbound_calls("acme")] == ["answered", "abandoned", "abandoned"]


def test_every_database_tells_the_same(any_store: SqlStore) -> None:
    calls = Calls(any_store)
    calls.add(NOON, talk_s=9, caller="+79035550001")
    calls.add(NOON + timedelta(seconds=1), step="employees.102", employee="102")
    calls.add(NOON + timedelta(days=1))
    day = (DAY, DAY + timedelta(days=1))
    rows = list(any_store.inbound_rows("acme", *day))
    assert [(row.outcome, row.wait_us, row.talk_us, row.employee, row.department) for row in rows] == [
        ("answered", 5_000_000, 9_000_000, "101", "sales"),
        ("abandoned", 5_000_000, 0, "102", ""),
    ]
    assert any_store.rung("acme", *day) == [Rung("acme", "101", 1, 9_000_000), Rung("acme", "102", 1, 0)]
    assert len(any_store.inbound_calls("acme")) == 3


def test_a_purge_takes_a_tenants_calls_and_phones_and_nobody_elses(any_store: SqlStore) -> None:
    calls = Calls(any_store)
    for tenant in ("acme", "beta"):
        calls.add(NOON, tenant=tenant, talk_s=9, caller="+79035550001")
    data = TenantData(any_store.database)
    while data.drop_calls(Scope("acme", MOSCOW), 1):
        pass
    assert any_store.inbound_tenants() == ["beta"]
    with any_store.database.reading() as connection:
        for table in ("inbound_call", "rung_phone"):
            left = connection.exec_driver_sql(f"SELECT tenant FROM {table}").scalars().all()
            assert left == ["beta"]
