"""Menus in the graph and the walk: keys, extensions, tries, and the lines that `vpbx route` names."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator import definitions
from orchestrator.cli.main import root
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.graph import PlayMenu
from orchestrator.routing.walk import Situation, find_entry, walk

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "menus" / "project"
LOADED = definitions.load(PROJECT)
HOTEL = compile_tenant(LOADED, LOADED.tenants["hotel"])
OPEN = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NUMBER, CALLER = "+74957770001", "+79035556677"


def steps(*pressed: str) -> list[str]:
    found = find_entry(HOTEL, "trunk", NUMBER, "RU")
    assert found is not None
    return [
        f"{each.step.id}: {each.outcome}" for each in walk(HOTEL, found[0], Situation(OPEN, pressed=pressed))
    ][1:]


@pytest.mark.parametrize(
    ("pressed", "passes"),
    [
        (("0",), ["menus.main: 0", "departments.desk: answered"]),
        (("1",), ["menus.main: 1", "menus.main.1.schedule: open", "employees.101: answered"]),
        (("101",), ["menus.main: extension", "dialled: 101", "employees.101: answered"]),
        (("1024",), ["menus.main: extension", "dialled: 1024", "employees.1024: answered"]),
        (("44",), ["menus.main: 44", "menus.main.44.hang_up: ended"]),
        (
            ("*", "200"),
            ["menus.main: star", "menus.main: extension", "dialled: 200", "departments.desk: answered"],
        ),
        (("2", "1"), ["menus.main: 2", "menus.late_desk: 1", "menus.late_desk.1.forward: answered"]),
        (
            ("2", "9", "0"),
            ["menus.main: 2", "menus.late_desk: 9", "menus.main: 0", "departments.desk: answered"],
        ),
        (("2",), ["menus.main: 2", "menus.late_desk: timeout", "end.no_answer: ended"]),
        ((), ["menus.main: timeout", "employees.203: answered"]),
        (("7", ""), ["menus.main: timeout", "employees.203: answered"]),
        (("", "7"), ["menus.main: invalid", "menus.late_desk: timeout", "end.no_answer: ended"]),
        (
            ("7", "300", "1"),
            ["menus.main: invalid", "menus.late_desk: 1", "menus.late_desk.1.forward: answered"],
        ),
        (("7", "103"), ["menus.main: invalid", "menus.late_desk: timeout", "end.no_answer: ended"]),
        (
            ("8", "266", "1"),
            ["menus.main: 8", "names.all: extension", "dialled: 101", "employees.101: answered"],
        ),
        (
            ("8", "255", "", "1"),
            ["menus.main: 8", "names.all: extension", "dialled: 204", "employees.204: answered"],
        ),
        (
            ("8", "864", "1"),
            ["menus.main: 8", "names.all: extension", "dialled: 204", "employees.204: answered"],
        ),
        (
            ("8", "54", "1"),
            ["menus.main: 8", "names.all: extension", "dialled: 205", "employees.205: answered"],
        ),
        (("8", "2667", "7", "7", "266"), ["menus.main: 8", "names.all: none", "end.no_answer: ended"]),
        (
            ("9", "255", "1"),
            ["menus.main: 9", "names.desk: extension", "dialled: 101", "employees.101: answered"],
        ),
        (("9", "864", "54", "", "1"), ["menus.main: 9", "names.desk: none", "end.no_answer: ended"]),
        (("0101",), ["menus.main: 0", "departments.desk: answered"]),
    ],
)
def test_a_menu_goes_by_what_is_pressed(pressed: tuple[str, ...], passes: list[str]) -> None:
    assert steps(*pressed) == ["numbers.74957770001.greeting: done", *passes]


def test_only_what_begins_something_longer_is_waited_after() -> None:
    main, late = HOTEL.steps["menus.main"].action, HOTEL.steps["menus.late_desk"].action
    assert isinstance(main, PlayMenu) and isinstance(late, PlayMenu)
    assert (main.more, main.longest) == (("1", "2", "4"), 4)
    assert (late.more, late.longest) == ((), 1)


def test_only_staff_and_departments_can_be_dialled() -> None:
    assert set(HOTEL.steps["dialled"].edges.values()) == {
        "employees.101",
        "employees.1024",
        "employees.203",
        "employees.204",
        "employees.205",
        "departments.desk",
    }


def route(*arguments: str) -> list[str]:
    asked = ("--tenant", "hotel", "--from", CALLER, "--to", NUMBER, "--at", "2026-11-26 12:00")
    result = CliRunner().invoke(root, ["-C", str(PROJECT), "route", *asked, *arguments])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def line(text: str) -> str:
    """Where the tenant's file has a text first."""
    lines = (PROJECT / "tenants/hotel.yaml").read_text().splitlines()
    return f"tenants/hotel.yaml:{next(n for n, each in enumerate(lines, 1) if text in each)}"


def test_route_says_what_is_pressed_and_names_the_line_of_the_key() -> None:
    told = route("--press", "7,44")
    greeting = "answers and plays: says in ru: Гостиница Волна, здравствуйте."
    assert f"numbers.74957770001.greeting\t{greeting}\t{line('greeting:')}" in told
    assert f"menus.main\tmenu main: 7 is pressed, 44 is pressed\t{line('44')}" in told
    assert told[-1] == "goes to: nobody: 486"
    nothing = "nothing is pressed, nothing is pressed, that was the last try"
    assert f"menus.main\tmenu main: {nothing}\t{line('timeout:')}" in route()


def test_route_refuses_keys_that_no_phone_has() -> None:
    asked = ("--tenant", "hotel", "--from", CALLER, "--to", NUMBER, "--press", "1,a")
    result = CliRunner().invoke(root, ["-C", str(PROJECT), "route", *asked])
    assert result.exit_code == 2
    assert "'a': keys are digits and *" in result.output


def test_show_and_plan_tell_menus(tmp_path: Path) -> None:
    result = CliRunner().invoke(root, ["-C", str(PROJECT), "show", "hotel", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["numbers"][0]["greeting"] == "says in ru: Гостиница Волна, здравствуйте."
    [late, main] = found["menus"]
    assert main["digits"]["9"] == {"to": "by_name", "name": "desk"}
    assert late["digits"]["9"] == {"to": "menu", "name": "main"}
    assert (main["extension"], main["dial_extension"], main["timeout"]["name"]) == ("300", True, "203")
    result = CliRunner().invoke(root, ["-C", str(PROJECT), "show", "hotel"])
    assert "main\t300\tsays in ru: Нажмите один, два или внутренний номер.\t*\tmenu main" in result.output
    assert "\t\t\ttimeout\temployee 203, Вера" in result.output


def test_who_is_offered_is_said_by_name_in_the_language_of_the_name() -> None:
    said = {extension: prompt.text for extension, prompt in HOTEL.offers.items()}
    assert said["204"] == "says in ru: Анна Щукина. Нажмите один."
    assert said["205"] == "says in en: Bob Li. Press one."
    assert len(HOTEL.spoken) == len(HOTEL.offers) + 4


def test_route_says_what_was_spelled() -> None:
    told = route("--press", "8,255,-,1")
    assert "names.all\ta name of all is spelled: 255, nothing, 1: one is taken\ttenants/hotel.yaml:1" in told


@pytest.mark.parametrize(
    ("press", "reaches", "code"),
    [
        ('["2", "9", "101"]', "employee 101", 0),
        ('["7", "0"]', "department desk", 0),
        ("[]", "employee 101", 1),
    ],
)
def test_an_expectation_says_what_is_pressed(tmp_path: Path, press: str, reaches: str, code: int) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    file = project / "tenants/hotel.yaml"
    expected = f'call: "{NUMBER}", from: "{CALLER}", press: {press}, reaches: {reaches}'
    file.write_text(f"{file.read_text()}\nexpects:\n  - {{{expected}}}\n")
    assert CliRunner().invoke(root, ["-C", str(project), "test"]).exit_code == code
