"""docs/functions.md says what is there: each test it names exists, and each function can be switched off."""

from __future__ import annotations

import ast

from mutants.table import OFF, ROOT, functions


def test_every_function_names_tests_that_exist() -> None:
    rows = functions()
    assert len(rows) >= 20
    for row in rows:
        assert row.tests, f"{row.name}: no test on the real switch"
        for place, name in row.tests:
            tree = ast.parse((ROOT / place).read_text("utf-8"))
            known = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
            assert name in known, f"{row.name}: {place} has no {name}"


def test_every_function_stands_once_and_can_be_switched_off() -> None:
    """The other half is `make mutants`: without it its test goes red."""
    names = [row.name for row in functions()]
    assert len(set(names)) == len(names)
    assert set(OFF) == set(names), "tests/mutants/table.py says how each is switched off"


def test_what_switches_a_function_off_is_still_in_its_file() -> None:
    for name, change in OFF.items():
        for off in change.changes:
            assert off.stands_once_in((ROOT / off.file).read_text("utf-8")), f"{name}: {off}"
