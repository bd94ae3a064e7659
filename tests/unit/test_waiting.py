"""Queues of departments in the walk, `vpbx route`, `show`, the picture and plans."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator import definitions
from orchestrator.cli.main import root
from orchestrator.planning.facts import facts_of
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.draw import draw
from orchestrator.routing.waiting import place_text, time_text
from orchestrator.routing.walk import Situation, find_entry, walk

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "departments" / "project"
LOADED = definitions.load(PROJECT)
OFFICE = LOADED.tenants["office"]
GRAPH = compile_tenant(LOADED, OFFICE)
NUMBER, CALLER = "+74951230005", "+79035556677"
AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def ends(told: dict[str, str], waiting: int = 0) -> tuple[str, int]:
    """What becomes of a call to the department with a queue, and which place it waits in."""
    found = find_entry(GRAPH, "trunk", NUMBER, "RU")
    assert found is not None
    situation = Situation(AT, told=told, waiting={"first-line": waiting})
    passed = next(p for p in walk(GRAPH, found[0], situation) if p.step.id == "departments.first_line")
    return passed.outcome, passed.place


@pytest.mark.parametrize(
    ("told", "waiting", "expected"),
    [
        ({}, 0, ("answered", 0)),
        ({"101": "busy"}, 0, ("answered", 0)),
        ({"101": "busy", "102": "no_answer"}, 0, ("no_answer", 0)),
        ({"101": "busy", "102": "busy"}, 0, ("no_answer", 1)),
        ({"101": "busy", "102": "unavailable"}, 1, ("no_answer", 2)),
        ({"101": "busy", "102": "busy"}, 2, ("busy", 0)),
        ({"101": "unavailable", "102": "unavailable"}, 0, ("unavailable", 0)),
        ({"first-line": "busy"}, 0, ("busy", 0)),
    ],
)
def test_a_caller_waits_while_everybody_is_busy_and_not_in_a_full_queue(
    told: dict[str, str], waiting: int, expected: tuple[str, int]
) -> None:
    assert ends(told, waiting) == expected


def test_nobody_waits_for_himself() -> None:
    found = find_entry(GRAPH, "phone", "205", "RU")
    assert found is not None
    for told, expected in (({"102": "unavailable"}, "busy"), ({"102": "busy"}, "no_answer")):
        passed = list(walk(GRAPH, found[0], Situation(AT, told=told, caller="101")))
        assert [each.outcome for each in passed if each.step.id == "departments.first_line"] == [expected]


def vpbx(*arguments: str) -> Any:
    result = CliRunner().invoke(root, ["-C", str(PROJECT), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def route(*arguments: str) -> dict[str, Any]:
    call = ("--tenant", "office", "--from", CALLER, "--to", NUMBER, "--busy", "101", "--busy", "102")
    found: dict[str, Any] = json.loads(vpbx("route", *call, *arguments, "--json"))
    return found


def test_route_says_how_long_the_caller_waits_and_the_line_that_decides() -> None:
    found = route()
    step = next(each for each in found["steps"] if each["id"] == "departments.first_line")
    assert step["decided"].endswith(
        "; everybody is busy: waits as number 1 of 2 at most, for 60 s: no answer"
    )
    assert step["yaml"]["line"] == 1 + line_of("longest_s: 60")
    assert found["end"]["sip"] == 480
    full = route("--waiting", "first-line=2")
    step = next(each for each in full["steps"] if each["id"] == "departments.first_line")
    assert step["decided"].endswith("; everybody is busy, and 2 wait already: busy")
    assert (full["end"]["kind"], full["end"]["name"]) == ("employee", "104")


def line_of(text: str) -> int:
    lines = (PROJECT / "tenants/office.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines) if text in line)


@pytest.mark.parametrize(
    ("given", "said"), [("sales=1", "no department 'sales' with a queue"), ("first-line=x", "sales=3")]
)
def test_route_refuses_a_queue_that_is_not_there_or_no_count(given: str, said: str) -> None:
    call = ("--tenant", "office", "--from", CALLER, "--to", NUMBER, "--waiting", given)
    result = CliRunner().invoke(root, ["-C", str(PROJECT), "route", *call])
    assert result.exit_code in (1, 2)
    assert said in f"{result.output}{result.exception}"


def test_show_the_picture_and_plans_have_the_queue() -> None:
    shown = json.loads(vpbx("show", "office", "--json"))
    [queue] = [each["waiting"] for each in shown["departments"] if each["waiting"]]
    assert queue == {
        "most": 2,
        "longest_s": 60,
        "music": "says in ru: Пожалуйста подождите",
        "position": True,
        "time": True,
        "repeat_s": 10,
    }
    assert "2 for 60 s" in vpbx("show", "office")
    assert "2 wait, 60 s" in draw(GRAPH, OFFICE)
    facts = dict(facts_of(LOADED, OFFICE))
    assert facts["departments/first-line/waiting/longest"] == "60 s"
    assert facts["departments/first-line/waiting/told"] == "position, time, every 10 s"


def test_there_are_words_for_every_place_and_minute() -> None:
    [waits] = [s.action.waits for s in GRAPH.steps.values() if getattr(s.action, "waits", None)]
    assert [each.say for each in waits.places] == [place_text(1, "ru"), place_text(2, "ru")]
    assert [each.say for each in waits.minutes] == [time_text(0, "ru"), time_text(1, "ru")]
    for language in ("ru", "en"):
        assert len({place_text(number, language) for number in range(1, 51)}) == 50
        assert len({time_text(minutes, language) for minutes in range(61)}) == 61


@pytest.mark.parametrize(
    ("minutes", "ending"),
    [
        (1, "одна минута."),
        (2, "две минуты."),
        (4, "четыре минуты."),
        (5, "пять минут."),
        (11, "одиннадцать минут."),
        (12, "двенадцать минут."),
        (21, "двадцать одна минута."),
        (53, "пятьдесят три минуты."),
        (60, "шестьдесят минут."),
    ],
)
def test_russian_minutes_are_counted_as_they_should_be(minutes: int, ending: str) -> None:
    assert time_text(minutes, "ru").removeprefix("Примерное время ожидания: ") == ending
