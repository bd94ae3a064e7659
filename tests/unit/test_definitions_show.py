"""Problems as people see them: the caret under the place, whatever the line is made of."""

from __future__ import annotations

import unicodedata

import pytest

from orchestrator.definitions.show import excerpt, show
from orchestrator.model.problem import Position, Problem


def under(line: str, caret: str) -> str:
    """What a terminal shows above the caret."""
    column = 0
    for char in line:
        if column == len(caret) - 1:
            return char
        column += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return ""


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("name: X", 7),
        ("\t\tname:\tX", 9),
        ("имя: Анна, тип: X", 17),
        ("電話番号: X", 7),
        ("a" * 500 + "X" + "b" * 500, 501),
        ("я" * 99 + "X", 100),
        ("X" + "b" * 500, 1),
    ],
)
def test_the_caret_stands_under_the_place(line: str, column: int) -> None:
    shown, caret = excerpt(line, column)
    assert under(shown, caret) == "X"
    assert len(shown) < 130


def test_a_column_past_the_line_is_shown_after_it() -> None:
    assert excerpt("a: ", 40) == ("a:", "   ^")


def test_terminal_sequences_are_not_passed_on() -> None:
    assert "\x1b" not in excerpt("name: \x1b[2J", 7)[0]


@pytest.mark.parametrize(
    "line",
    [
        "secret: hunter2",
        '  secret: "hunter2"',
        "main: {auth: registration, secret: hunter2, username: u}",
        "password: hunter2",
        "database: postgresql://user:hunter2@host/name",
    ],
)
def test_a_secret_written_out_is_masked(line: str) -> None:
    assert "hunter2" not in excerpt(line, 3)[0]


def test_a_reference_to_a_secret_is_shown() -> None:
    assert excerpt("secret: env:TRUNK_SECRET", 1)[0] == "secret: env:TRUNK_SECRET"


def test_a_problem_is_a_block() -> None:
    problem = Problem(Position("a.yaml", 2, 4), "b", "choice", "`x` is not a codec", "known: alaw")
    assert show([problem], lambda _: "a: 1\nb: x\n") == (
        "a.yaml:2:4: choice: `x` is not a codec\n    b: x\n       ^\n    hint: known: alaw\n"
    )


def test_a_problem_of_a_file_that_cant_be_read_is_one_line() -> None:
    problem = Problem(Position("a.yaml"), "", "file-missing", "there is no file a.yaml")
    assert show([problem], lambda _: None) == "a.yaml:1:1: file-missing: there is no file a.yaml\n"
