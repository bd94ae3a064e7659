"""`vpbx portability`, its table, and what is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import root
from orchestrator.definitions import check, load, portings
from orchestrator.errors import NotFound, PortabilityUnwritable
from orchestrator.model.least_cost import CostTable
from orchestrator.routing.least_cost import cost_rows

CASE = Path(__file__).parents[1] / "golden/rendering/least-cost/project"
HEAD = "Number,OwnerId,MNC,Route,RegionCode,PortDate\n"
ONE = "9161112233,mBeeline,99,D2599,77,2014-03-01T03:00:00+03:00\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CASE, tmp_path / "project"))


def vpbx(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *arguments])


def imported(project: Path, text: str | bytes, *options: str) -> Result:
    file = project.with_name("ported.csv")
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return vpbx(project, "portability", "import", str(file), *options)


def counted(project: Path, text: str, *options: str) -> tuple[int, ...]:
    done = imported(project, text, *options, "--json")
    assert done.exit_code == 0, done.output
    return tuple(
        json.loads(done.stdout)[name] for name in ("added", "changed", "unchanged", "removed", "kept")
    )


def shown(project: Path, number: str, *options: str) -> Mapping[str, object]:
    done = vpbx(project, "portability", "show", number, *options, "--json")
    assert done.exit_code == 0, done.output
    found: Mapping[str, object] = json.loads(done.stdout)
    return found


def holder(project: Path, number: str, *options: str) -> str:
    known = shown(project, number, *options)["known"]
    assert isinstance(known, list)
    return str(next((each["operator"] for each in known if each["holds"]), ""))


def test_the_same_file_again_changes_nothing_and_another_is_added(project: Path) -> None:
    assert counted(project, HEAD + ONE) == (1, 0, 0, 0, 0)
    before = (project / ".vpbx/portability.sqlite3").read_bytes()
    assert counted(project, HEAD + ONE) == (0, 0, 1, 0, 0)
    assert (project / ".vpbx/portability.sqlite3").read_bytes() == before
    assert counted(project, HEAD + ONE.replace("mBeeline", "mMTS")) == (0, 1, 0, 0, 0)
    assert counted(project, HEAD + "9162223344,mMTS,01,D2501,77,\n") == (1, 0, 0, 0, 1)


def test_replaced_what_is_not_in_the_file_goes(project: Path) -> None:
    counted(project, HEAD + ONE + "9162223344,mMTS,01,D2501,77,\n")
    assert counted(project, HEAD + ONE, "--replace") == (0, 0, 1, 1, 0)
    assert holder(project, "+79162223344") == ""


def test_every_wrong_line_is_told_and_nothing_is_brought_in(project: Path) -> None:
    counted(project, HEAD + ONE)
    wrong = [
        "916111223,mMTS,01,D2501,77,",
        "9161112299,m-MTS,01,D2501,77,",
        "9161112299,mMTS,01,D2501,77,yesterday",
        "9161112299,mMTS,01",
        "9161112299,,,,77,",
        "9161119999-9161110000,mMTS,01,D2501,77,",
        "9161112299,mMTS,01,D2501,a b,",
        '9161112299,"mMTS"x,01,D2501,77,',
    ]
    done = imported(
        project, HEAD + "9162223344,mMTS,01,D2501,77,\n" + "\n".join(wrong), "--replace", "--json"
    )
    found = json.loads(done.stdout)["problems"]
    assert done.exit_code == 1
    assert [(each["line"], each["code"].removeprefix("portability-")) for each in found] == [
        (3, "number"),
        (4, "code"),
        (5, "date"),
        (6, "fields"),
        (7, "code"),
        (8, "number"),
        (9, "region"),
        (10, "line"),
    ]
    assert all(each["hint"] for each in found)
    assert holder(project, "+79161112233") == "d2599 mbeeline 25099" and not holder(project, "+79162223344")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Number;Route", "header"),
        ("", "header"),
        ("Number,Number,Route", "header"),
        ("NumberFrom,Route", "column"),
        ("Nummber,Route", "column"),
        ("Number,PortDate", "column"),
    ],
)
def test_a_table_without_its_columns_is_refused(project: Path, header: str, code: str) -> None:
    done = imported(project, f"{header}\n{ONE}", "--json")
    [problem] = json.loads(done.stdout)["problems"]
    assert (problem["line"], problem["code"]) == (1, f"portability-{code}")


def test_two_lines_that_say_otherwise_are_told_and_two_that_say_the_same_are_one(project: Path) -> None:
    assert counted(project, HEAD + ONE + ONE) == (1, 0, 0, 0, 0)
    done = imported(project, HEAD + ONE + ONE.replace("mBeeline", "mMTS"), "--json")
    [problem] = json.loads(done.stdout)["problems"]
    assert (problem["line"], problem["code"]) == (3, "portability-twice")
    assert "line 2 " in problem["message"]


def test_more_wrong_lines_than_are_told_are_said_to_be_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portings, "MOST_TOLD", 2)
    done = imported(project, HEAD + "x,mMTS,01,D2501,77,\n" * 5, "--json")
    assert [each["line"] for each in json.loads(done.stdout)["problems"]] == [2, 3, 4]


def test_columns_come_in_any_order_and_case_and_others_are_passed_over(project: Path) -> None:
    table = "\N{ZERO WIDTH NO-BREAK SPACE}ROUTE,RowCount,numberfrom,NUMBERTO\nD2501,1,9161110000,9161119999\n"
    done = imported(project, table)
    assert done.exit_code == 0 and "`RowCount`" in done.stderr
    assert holder(project, "89161112233") == "d2501"
    assert not holder(project, "+79161120000")


def test_a_file_of_another_encoding_is_read_where_it_is_ascii(project: Path) -> None:
    table = "Number,OrgName,Route\n9161112233,Билайн,D2599\n".encode("cp1251")
    assert imported(project, table).exit_code == 0
    assert imported(project, b"Number,Route\n9161112233,\xcc\n").exit_code == 1


def test_a_number_has_its_dates(project: Path) -> None:
    later = "9161112233,mMTS,01,D2501,77,2026-12-01\n"
    assert counted(project, HEAD + ONE + later)[0] == 2
    for at, operator in (
        ("2026-11-30 23:59", "d2599"),
        ("2026-12-01 00:00", "d2501"),
        ("2014-03-01 02:59", ""),
    ):
        assert holder(project, "+79161112233", "--at", at).partition(" ")[0] == operator


def test_the_order_goes_by_who_has_the_number_and_without_a_route_by_its_digits(project: Path) -> None:
    table = (
        ONE + "9161112244,mMTS,01,D2501,77,\n9161112255,mTele2,20,D2520,77,\n9161112266,mYota,11,D2511,77,\n"
    )
    imported(project, HEAD + table)
    said = {
        number: vpbx(project, "portability", "show", f"+7916111{number}").stdout.splitlines()[-1]
        for number in ("2233", "2244", "2255", "2266", "2277")
    }
    assert {number: line.partition(": by ")[2] for number, line in said.items()} == {
        "2233": "route mbeeline: second-way 1.20, main no price",
        "2244": "route mmts: main 1.10, second-way 1.20",
        "2255": "its own digits: second-way 1.30, main 2.00",
        "2266": "route 25011: second-way 1.20, main no price",
        "2277": "its own digits: second-way 1.30, main 2.00",
    }


def test_a_number_that_is_none_is_told(project: Path) -> None:
    done = vpbx(project, "portability", "show", "nobody")
    assert isinstance(done.exception, NotFound) and done.exception.hint


def test_the_dialplan_has_the_order_of_each_operator(project: Path) -> None:
    [table] = load(project).costs.values()
    assert [row for row in cost_rows(table) if row[0].startswith("ported.")] == [
        ("ported.25011", "second_way.main"),
        ("ported.mbeeline", "second_way.main"),
        ("ported.mmts", "main.second_way"),
    ]
    assert isinstance(table, CostTable) and table.code_of(("d2501", "mmts")) == "mmts"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    deck: decks/main.csv\n", "", "routes-without-deck"),
        ('{mMTS: "+7910"}', '{mMTS: "+1"}', "route-without-price"),
        ('{mMTS: "+7910"}', '{m-MTS: "+7910"}', "route"),
        ('{mMTS: "+7910"}', '{mMTS: "7910"}', "prefix"),
        ('{mMTS: "+7910"}', '{mMTS: "+7910", mmts: "+7910"}', "duplicate-key"),
    ],
)
def test_wrong_routes_are_told_at_their_line(project: Path, old: str, new: str, code: str) -> None:
    file = project / "platform.yaml"
    file.write_text(file.read_text().replace(old, new, 1))
    [problem] = check(project)[1]
    line = file.read_text().splitlines()[problem.position.line - 1]
    assert (problem.code, "routes:" in line, bool(problem.hint)) == (code, True, True)


def test_a_damaged_table_is_made_anew_only_by_replacing_it(project: Path) -> None:
    table = project / ".vpbx/portability.sqlite3"
    table.parent.mkdir()
    table.write_bytes(b"no table " * 1000)
    told = imported(project, HEAD + ONE)
    assert isinstance(told.exception, PortabilityUnwritable) and "--replace" in told.exception.hint
    assert vpbx(project, "portability", "show", "+79161112233").exit_code == 1
    anew = imported(project, HEAD + ONE, "--replace")
    assert anew.exit_code == 0 and "restart the switch" in anew.stderr
    assert holder(project, "+79161112233")


def test_a_table_that_is_in_use_is_not_taken_for_a_damaged_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(project, HEAD + ONE)
    monkeypatch.setattr("orchestrator.asterisk.porting_table._BUSY_S", 0.1)
    base = sqlite3.connect(project / ".vpbx/portability.sqlite3", isolation_level=None)
    base.execute("BEGIN IMMEDIATE")
    try:
        assert imported(project, HEAD + ONE.replace("mBeeline", "mMTS"), "--replace").exit_code == 1
    finally:
        base.close()
    assert holder(project, "+79161112233").startswith("d2599 mbeeline")
