"""YAML to a marked tree: what can't be used is refused quickly, with a problem and never an exception."""

from __future__ import annotations

import time

import pytest
import yaml

from orchestrator.definitions import marked
from orchestrator.definitions.marked import parse
from orchestrator.definitions.tree import MarkedList, MarkedMapping, MarkedText, position_of
from orchestrator.model.problem import Position

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghijk"
)

REFUSED = {
    "half-written flow mapping": ("a: {b: 1", "yaml-syntax", 1),
    "half-written quotes": ('a: 1\nb: "c\nd: 1\n', "yaml-syntax", 2),
    "half-written key": ("a: 1\nbcd\n", "yaml-syntax", 2),
    "tab for indentation": ("a:\n\tb: 1\n", "yaml-syntax", 2),
    "unknown escape": ('a: "\\q"', "yaml-syntax", 1),
    "code point beyond Unicode": ('a: "\\UFFFFFFFF"', "yaml-syntax", 1),
    "empty": ("", "yaml-empty", 1),
    "only comments": ("# nothing\n", "yaml-empty", 1),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3),
    "explicit tag": ("a: 1\nb: !!python/object/apply:os.system [ls]\n", "yaml-tag", 2),
    "non-specific tag": ("a: ! 1", "yaml-tag", 1),
    "merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", "yaml-merge", 3),
    "second document": ("a: 1\n---\nb: 2\n", "yaml-documents", 2),
    "list as a key": ("a: 1\n? [b]\n: 2\n", "yaml-key", 2),
    "alias of a list as a key": ("a: &a [b]\n*a : 2\n", "yaml-key", 1),
    "unknown alias": ("a: 1\nb: *c\n", "yaml-alias", 2),
    "alias inside what it names": ("a: &a\n  - *a\n", "yaml-alias", 2),
    "too many aliases": ("a: &a x\nb:\n" + "- *a\n" * 101, "yaml-alias", 103),
    "alias bomb": (BOMB, "yaml-size", 1),
    "deep list": ("[" * 100_000, "yaml-depth", 1),
    "deep mapping": ("\n".join(" " * level + "a:" for level in range(500)), "yaml-depth", 51),
    "depth through an alias": (f"a: &a {'[' * 30}{']' * 30}\nb: {'[' * 30}*a{']' * 30}\n", "yaml-depth", 1),
    "many values": ("- a\n" * 250_000, "yaml-size", 50_001),
    "long scalar": ("a: " + "x" * 1_000_000, "yaml-size", 1),
    "long key": ('"' + "x" * 5000 + '": 1', "yaml-size", 1),
    "escaped NUL": ('a: 1\nb: "\\0"\n', "control-character", 2),
    "escaped line separator": ('a: "\\L"\n', "control-character", 1),
    "a million brackets closed": ("[" * 500_000 + "]" * 500_000, "yaml-depth", 1),
}


@pytest.mark.parametrize(("text", "code", "line"), REFUSED.values(), ids=REFUSED)
def test_unusable_yaml_is_refused_at_its_line_within_a_second(text: str, code: str, line: int) -> None:
    started = time.process_time()
    _, problems = parse(text, "f.yaml")
    assert time.process_time() - started < 1
    assert [problem.code for problem in problems[:1]] == [code]
    if code != "yaml-size" or line > 1:
        assert problems[0].position.line == line
    assert problems[0].position.file == "f.yaml"


@pytest.mark.parametrize("name", [name for name, case in REFUSED.items() if case[1] not in ("yaml-syntax",)])
def test_pure_python_loader_refuses_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, code, _ = REFUSED[name]
    monkeypatch.setattr(marked, "LOADER", yaml.SafeLoader)
    _, problems = parse(text, "f.yaml")
    assert problems
    assert problems[0].code == code


def test_scalars_stay_text() -> None:
    tree, problems = parse("a: [0101, +74951112233, 12:30, no, 2.50, 1e3, 0x10, .nan, 2026-01-01]", "f.yaml")
    assert not problems
    assert isinstance(tree, MarkedMapping)
    items = tree.entries[0][1]
    assert isinstance(items, MarkedList)
    assert [item.text for item in items.items if isinstance(item, MarkedText)] == [
        *("0101", "+74951112233", "12:30", "no", "2.50", "1e3", "0x10", ".nan", "2026-01-01")
    ]


def test_every_value_knows_its_place() -> None:
    tree, _ = parse("# comment\nимя: Анна\nb:\n  - {c: 1}\n  - {d: [x, y]}\n", "f.yaml")
    assert tree is not None
    assert position_of(tree, ("имя",)) == Position("f.yaml", 2, 6)
    assert position_of(tree, ("b", 1, "d", 1)) == Position("f.yaml", 5, 13)
    assert position_of(tree, ("b", 7)) == Position("f.yaml", 4, 3)


def test_aliases_within_bounds_are_written_out() -> None:
    tree, problems = parse("a: &a [x, y]\nb: *a\n", "f.yaml")
    assert not problems
    assert isinstance(tree, MarkedMapping)
    assert tree.entries[0][1] == tree.entries[1][1]


def test_nothing_is_not_the_same_as_an_empty_text() -> None:
    tree, _ = parse("a:\nb: ~\nc: null\nd: ''\n", "f.yaml")
    assert isinstance(tree, MarkedMapping)
    values = [value for _, value in tree.entries if isinstance(value, MarkedText)]
    assert [value.is_nothing for value in values] == [True, True, True, False]
