"""`vpbx reconcile --carrier`: an operator's list against our calls."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from recorded_calls import SYSTEMNAME

from orchestrator.cli.main import root
from orchestrator.definitions import check
from orchestrator.errors import CallListUnreadable
from orchestrator.model.call import Leg
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
NOON = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
"""12:00 in Moscow."""
OWN, FAR, OTHER = "+74951112233", "+79161234567", "+79267654321"
HEADER = "Дата и время;Номер А;Номер Б;Длительность, сек;Стоимость, руб"


class Project:
    """The example project with calls of its trunk, and lists to compare with them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(EXAMPLES, path, ignore=shutil.ignore_patterns(".vpbx"))
        (path / ".vpbx").mkdir()
        self.store = SqlStore.open(f"sqlite:///{path}/.vpbx/vpbx.db")
        self._number = 0

    def call(
        self,
        after_s: float = 0,
        *,
        far: str = FAR,
        own: str = OWN,
        talk_s: float | None = 60,
        direction: str = "out",
        trunk: str = "main",
        setup_s: float = 5,
        estimated: bool = False,
    ) -> None:
        """Args: after_s: from noon to its begin. talk_s: None: never answered."""
        self._number += 1
        began = NOON + timedelta(seconds=after_s)
        answered = None if talk_s is None else began + timedelta(seconds=setup_s)
        ended = (answered or began) + timedelta(seconds=talk_s or setup_s)
        one, two = (far, own) if direction == "in" else (own, far)
        uniqueid = f"{SYSTEMNAME}-{self._number}.1"
        leg = Leg(
            *(SYSTEMNAME, uniqueid, f"{SYSTEMNAME}-{self._number}.0", "acme", direction, one, two),
            *("101", trunk, "admitted", began, answered, ended, 16, estimated),
        )
        self.store.post([], [leg], "listener", NOON)

    def compare(self, text: str | bytes, *options: str) -> Result:
        file = self.path.with_name("list.csv")
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return CliRunner().invoke(root, ["-C", str(self.path), "reconcile", "--carrier", str(file), *options])

    def told(self, text: str | bytes, *options: str) -> Mapping[str, Any]:
        done = self.compare(text, *options, "--json")
        assert done.exit_code in (0, 2), done.output
        found: Mapping[str, Any] = json.loads(done.stdout)
        assert found["equal"] == (done.exit_code == 0)
        return found

    def kinds(self, text: str | bytes, *options: str) -> list[str]:
        return [each["kind"] for each in self.told(text, *options)["differences"]]

    def trunk(self, lines: str) -> None:
        """Put lines into the trunk of platform.yaml."""
        file = self.path / "platform.yaml"
        file.write_text(file.read_text().replace("    auth: ip\n", f"    auth: ip\n    {lines}\n", 1))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def row(at: str = "05.10.2026 12:00:00", to: str = FAR, seconds: object = 60, cost: str = "2,30") -> str:
    return f"\n{at};{OWN};{to};{seconds};{cost}"


def test_equal_calls_are_equal_and_summed_by_trunk(project: Project) -> None:
    project.call()
    project.call(600, talk_s=61.9)
    done = project.compare(HEADER + row() + row("05.10.2026 12:10:00", seconds=61))
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1:] == [
        "trunk\tours_calls\ttheirs_calls\tours_min\ttheirs_min\tcost",
        "main\t2\t2\t2.02\t2.02\t4.60",
    ]


def test_what_one_side_lacks_is_told(project: Project) -> None:
    project.call()
    project.call(600)
    found = project.told(
        HEADER + row("05.10.2026 12:10:00") + row("05.10.2026 12:20:00"), "--period", "2026-10"
    )
    missing, foreign = found["differences"]
    assert missing["kind"] == "missing" and missing["ours"]["at"] == "2026-10-05T12:00:00+03:00"
    assert foreign["kind"] == "foreign" and foreign["theirs"]["line"] == 3
    assert found["totals"] == [
        {
            "trunk": "main",
            "ours": {"calls": 2, "seconds": 120},
            "theirs": {"calls": 2, "seconds": 120, "cost": "4.60"},
        }
    ]


def test_a_call_that_was_not_answered_is_not_expected(project: Project) -> None:
    project.call(talk_s=None)
    project.call(300, talk_s=None)
    project.call(600)
    text = HEADER + row("05.10.2026 12:05:00", seconds=0) + row("05.10.2026 12:10:00")
    assert project.kinds(text, "--period", "2026-10") == []


def test_an_unanswered_call_that_they_count_is_told(project: Project) -> None:
    project.call(talk_s=None)
    assert project.kinds(HEADER + row()) == ["unanswered"]


def test_an_answered_call_that_they_have_as_unanswered_is_told(project: Project) -> None:
    project.call()
    assert project.kinds(HEADER + row(seconds=0)) == ["length"]


def test_a_call_twice_in_the_list_is_told_with_both_lines(project: Project) -> None:
    project.call()
    (found,) = project.told(HEADER + row() + row())["differences"]
    assert (found["kind"], found["line_before"], found["theirs"]["line"]) == ("repeated", 2, 3)


@pytest.mark.parametrize(("seconds", "kinds"), [(59, []), (61, []), (62, ["length"]), (45, ["length"])])
def test_lengths_may_be_a_second_apart(project: Project, seconds: int, kinds: list[str]) -> None:
    project.call()
    assert project.kinds(HEADER + row(seconds=seconds)) == kinds


def test_lengths_counted_in_other_steps_are_told_as_such(project: Project) -> None:
    for number, talk_s in enumerate((50, 61, 125)):
        project.call(number * 600, talk_s=talk_s)
    text = HEADER + "".join(
        row(f"05.10.2026 12:{minute}0:00", seconds=length) for minute, length in ((0, 60), (1, 120), (2, 180))
    )
    found = project.told(text)["differences"]
    assert [(each["kind"], each["increment_s"]) for each in found] == [("increment", 60)] * 3
    assert project.kinds(text, "--increment", "60") == []
    project.trunk("call_list: {increment_s: 60}")
    assert project.kinds(text) == []


@pytest.mark.parametrize(("apart_s", "kinds"), [(60, []), (-60, []), (61, ["foreign", "missing"])])
def test_begins_may_be_as_far_apart_as_within_says(project: Project, apart_s: int, kinds: list[str]) -> None:
    project.call()
    at = (NOON + timedelta(hours=3, seconds=apart_s)).strftime("%d.%m.%Y %H:%M:%S")
    assert sorted(project.kinds(HEADER + row(at), "--period", "2026-10")) == kinds
    assert project.kinds(HEADER + row(at), "--within", "5m", "--period", "2026-10") == []


def test_each_call_is_paired_once_and_with_the_nearest(project: Project) -> None:
    project.call(0, talk_s=30)
    project.call(40, talk_s=35)
    (found,) = project.told(HEADER + row("05.10.2026 12:00:41", seconds=35), "--period", "2026-10")[
        "differences"
    ]
    assert found["ours"]["seconds"] == 30


def test_calls_of_one_number_at_one_time_are_told_apart_by_length(project: Project) -> None:
    project.call(0, talk_s=30)
    project.call(1, talk_s=300)
    text = HEADER + row(seconds=300) + row("05.10.2026 12:00:01", seconds=30)
    assert project.kinds(text) == []


@pytest.mark.parametrize("apart", [timedelta(seconds=-130), timedelta(hours=1)])
def test_the_clock_of_the_list_is_found_and_told(project: Project, apart: timedelta) -> None:
    text = HEADER
    for number in range(12):
        project.call(number * 300, far=f"+7916000{number:04}")
        at = NOON + timedelta(hours=3, seconds=number * 300) + apart
        text += row(at.strftime("%d.%m.%Y %H:%M:%S"), f"+7916000{number:04}")
    done = project.compare(text)
    assert done.exit_code == 0, done.output
    assert ("ahead of" if apart > timedelta() else "behind") in done.stderr
    assert ("--time-zone" in done.stderr) == (apart == timedelta(hours=1))


def test_a_few_calls_apart_are_no_clock(project: Project) -> None:
    project.call()
    assert sorted(project.kinds(HEADER + row("05.10.2026 12:03:00"), "--period", "2026-10")) == [
        "foreign",
        "missing",
    ]


LISTS = {
    "cp1251, semicolons": (HEADER + row()).encode("cp1251"),
    "a byte order mark": (HEADER + row()).encode("utf-8-sig"),
    "commas, English": f"Start time,From,To,Duration\n2026-10-05 12:00:00,{OWN},{FAR},60",
    "tabs, day and time apart": (f"Дата\tВремя\tА-номер\tБ-номер\tМинут\n05.10.26\t12:00\t{OWN}\t{FAR}\t1"),
    "quotes, minutes and seconds": (
        f'"Начало";"Кому звонили";"Длительность"\n"05.10.2026 12:00:00";"{FAR}";"1:00"'
    ),
    "lines above the header": (
        f"ООО «Связь»;;\nДоговор 12;;\n\nstarted;to;seconds\n2026-10-05T12:00:00;{FAR};60"
    ),
    "an offset": f"started;to;seconds\n2026-10-05T09:00:00Z;{FAR};60",
    "other forms of numbers": "started;from;to;seconds\n05.10.2026 12:00:00;84951112233;9161234567;00:01:00",
    "time of answer": f"answer time;to;billsec\n05.10.2026 12:00:05;{FAR};59,6",
    "a direction": (
        f"Начало;Направление;Номер А;Номер Б;Длительность\n05.10.2026 12:00:00;Исходящий;;{FAR};60"
    ),
    "a destination in place of a direction": (
        f"Начало;Направление;Номер А;Номер Б;Длительность\n05.10.2026 12:00:00;Россия моб.;{OWN};{FAR};60"
    ),
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_are_read_as_operators_write_them(project: Project, text: str | bytes) -> None:
    project.call()
    done = project.compare(text, "--within", "0s")
    assert done.exit_code == 0, done.output


def test_columns_and_zone_come_from_the_trunk_or_the_command(project: Project) -> None:
    project.call()
    text = f"Когда;Во сколько;Адресат;Сколько\n05.10.2026;09:00:00;{FAR};60"
    assert project.compare(text).exit_code == 1
    options = ["--column", "started=Когда + Во сколько", "--column", "to=Адресат", "--time-zone", "UTC"]
    assert project.kinds(text, *options, "--column", "duration=Сколько") == []
    project.trunk(
        "call_list: {columns: {started: Когда + Во сколько, to: Адресат, duration: Сколько}, time_zone: UTC}"
    )
    assert check(project.path)[1] == ()
    assert project.kinds(text, "--trunk", "main") == []


def test_inbound_calls_are_told_by_the_number_called(project: Project) -> None:
    project.call(direction="in")
    text = f"started;from;to;seconds\n05.10.2026 12:00:00;{FAR};{OWN};60"
    assert project.kinds(text) == []
    assert sorted(project.kinds(text.replace(FAR, OTHER), "--period", "2026-10")) == ["foreign", "missing"]


@pytest.mark.parametrize(("ours", "theirs"), [("", FAR), (FAR, "anonymous")])
def test_a_caller_that_one_side_does_not_know_is_found_by_the_number_called(
    project: Project, ours: str, theirs: str
) -> None:
    project.call(direction="in", far=ours)
    assert project.kinds(f"started;from;to;seconds\n05.10.2026 12:00:00;{theirs};{OWN};60") == []


def test_an_emergency_call_is_one(project: Project) -> None:
    project.call(direction="emergency", far="112")
    assert project.kinds(HEADER + row(to="112")) == []


def test_lines_that_cannot_be_read_stop_no_others(project: Project) -> None:
    project.call()
    text = HEADER + row("31.02.2026 12:00:00") + row(to="abc") + row(seconds="long") + row(cost="free")
    text += "\nИтого;3" + f'\n05.10.2026 12:00:00;"{OWN};{FAR};60;2' + row()
    found = project.told(text, "--period", "2026-10")
    assert [each["line"] for each in found["unread"]] == [2, 3, 4, 5, 6, 7]
    assert "quotes" in found["unread"][5]["reason"] and "2 fields" in found["unread"][4]["reason"]
    assert found["differences"] == [] and found["paired"] == 1


def test_calls_outside_the_period_are_passed_over(project: Project) -> None:
    month = timedelta(days=26, hours=12)
    project.call((month - timedelta(seconds=1)).total_seconds())
    project.call((month + timedelta(seconds=20)).total_seconds())
    text = HEADER + row("31.10.2026 23:59:59") + row("01.11.2026 00:00:20") + row("01.11.2026 09:00:00")
    found = project.told(text, "--period", "2026-10")
    assert (found["paired"], found["outside"], found["differences"]) == (1, 2, [])


def test_only_the_trunk_asked_for_is_compared(project: Project) -> None:
    file = project.path / "platform.yaml"
    file.write_text(
        file.read_text().replace(
            "trunks:\n", "trunks:\n  second: {auth: ip, address: 127.0.0.2:5080, match: [127.0.0.2]}\n", 1
        )
    )
    project.call()
    project.call(600, trunk="second")
    assert project.kinds(HEADER + row(), "--trunk", "main", "--period", "2026-10") == []
    assert project.kinds(HEADER + row(), "--period", "2026-10") == ["missing"]
    assert project.compare(HEADER, "--trunk", "third").exit_code == 1


def test_a_spreadsheet_has_sums_and_differences(project: Project) -> None:
    project.call(estimated=True)
    done = project.compare(HEADER + row(seconds=90) + "\nИтого", "--csv")
    assert done.exit_code == 2
    rows = list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff")), delimiter=";"))
    assert [(each["record"], each["line"]) for each in rows] == [
        ("total", ""),
        ("length", "2"),
        ("unread", "3"),
    ]
    assert (rows[0]["theirs_min"], rows[0]["cost"], rows[1]["to"]) == ("1,50", "2,30", FAR)
    assert "crash" in rows[1]["note"]


@pytest.mark.parametrize(
    "options",
    [
        ["--within", "soon"],
        ["--period", "2026-13"],
        ["--column", "when=Начало"],
        ["--time-zone", "Mars"],
        ["--csv", "--json"],
        ["--statistics"],
    ],
)
def test_what_makes_no_sense_is_refused(project: Project, options: list[str]) -> None:
    assert project.compare(HEADER, *options).exit_code == 2
    assert "Error" in project.compare(HEADER, *options).stderr


def test_options_of_a_list_need_one(project: Project) -> None:
    done = CliRunner().invoke(root, ["-C", str(project.path), "reconcile", "--period", "2026-10"])
    assert done.exit_code == 2 and "--carrier" in done.stderr


@pytest.mark.parametrize("text", ["", "a;b\n1;2"])
def test_a_list_without_its_columns_is_an_error(project: Project, text: str) -> None:
    assert project.compare(text).exit_code == 1


def test_a_list_that_is_not_there_is_an_error(project: Project) -> None:
    done = CliRunner().invoke(root, ["-C", str(project.path), "reconcile", "--carrier", "nowhere.csv"])
    assert done.exit_code == 1 and isinstance(done.exception, CallListUnreadable)


def test_every_database_has_the_same_calls(any_store: SqlStore) -> None:
    began, answered, ended = (NOON + timedelta(seconds=each) for each in (0, 4.5, 65))
    for number, (direction, trunk, end) in enumerate(
        [
            ("out", "main", ended),
            ("in", "main", ended),
            ("out", "", ended),
            ("sip", "", ended),
            ("out", "main", None),
        ]
    ):
        leg = Leg(
            *(SYSTEMNAME, f"u-{number}", "l", "acme", direction, OWN, FAR, "101", trunk, "admitted"),
            *(began, answered, end),
        )
        any_store.post([], [leg], "listener", NOON)
    day = timedelta(days=1)
    found = list(any_store.trunk_calls((), NOON - day, NOON + day, of_answer=True))
    assert [(each.uniqueid, each.direction, each.far, each.near, each.seconds) for each in found] == [
        ("u-0", "out", FAR, OWN, 60),
        ("u-1", "in", OWN, FAR, 60),
    ]
    assert {each.at for each in found} == {int(answered.timestamp())}
    assert list(any_store.trunk_calls(("other",), NOON - day, NOON + day, of_answer=False)) == []
