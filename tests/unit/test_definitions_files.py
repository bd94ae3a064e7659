"""Files as a whole: what isn't readable text is one problem, quickly, and decks are read to the line."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.definitions import check, load
from orchestrator.definitions.deck import read_deck
from orchestrator.definitions.source import Source
from orchestrator.errors import DefinitionsInvalid
from orchestrator.model.tariff import Rate
from orchestrator.model.tenant import Recording, Target

EXAMPLES = Path(__file__).parents[2] / "examples"
TENANT = "tenants/beta.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "project"))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.yaml")


def _circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


FAULTS: dict[str, tuple[Callable[[Path], object], str, int, int]] = {
    "a directory": (_directory, "file-kind", 1, 1),
    "a pipe": (_pipe, "file-kind", 1, 1),
    "a link to nothing": (_dangling, "file-missing", 1, 1),
    "a link to itself": (_circle, "file-unreadable", 1, 1),
    "empty": (lambda path: path.write_bytes(b""), "yaml-empty", 1, 1),
    "not UTF-8": (
        lambda path: path.write_bytes("a: 1\nназвание: ".encode() + b"\xcf\xf0"),
        "not-utf-8",
        2,
        11,
    ),
    "UTF-16": (lambda path: path.write_bytes("version: 1".encode("utf-16")), "not-utf-8", 1, 1),
    "NUL": (lambda path: path.write_bytes(b"version: 1\nname: a\0b\n"), "control-character", 2, 8),
    "an escape sequence": (lambda path: path.write_bytes(b"# \x1b[2J\n"), "control-character", 1, 3),
    "a scalar of a megabyte": (lambda path: path.write_text("name: " + "x" * 1_000_000), "yaml-size", 1, 7),
    "larger than 1 MiB": (lambda path: path.write_bytes(b"#" * 1_048_577), "file-too-large", 1, 1),
    "half written": (lambda path: path.write_text("version: 1\nnumbers: {a: [b\n"), "yaml-syntax", 2, 14),
    "a scalar alone": (lambda path: path.write_text("acme\n"), "wrong-type", 1, 1),
    "a list": (lambda path: path.write_text("- a\n"), "wrong-type", 1, 1),
}


@pytest.mark.parametrize(("spoil", "code", "line", "column"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_cant_be_used_is_one_problem_within_a_second(
    spoil: Callable[[Path], object], code: str, line: int, column: int, project: Path
) -> None:
    spoil(project / TENANT)
    started = time.monotonic()
    definitions, problems = check(project)
    assert time.monotonic() - started < 1
    assert definitions is None
    assert [(str(each.position), each.code) for each in problems] == [(f"{TENANT}:{line}:{column}", code)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_problem(project: Path) -> None:
    (project / TENANT).chmod(0)
    assert [each.code for each in check(project)[1]] == ["file-unreadable"]


def test_a_deck_that_is_a_directory_is_a_problem_where_it_is_named(project: Path) -> None:
    _directory(project / "decks" / "multifon-business.csv")
    problems = check(project)[1]
    assert [(each.position.file, each.position.line, each.code) for each in problems] == [
        ("tariffs/master.yaml", 49, "file-kind")
    ]


def test_an_empty_directory_is_no_project(tmp_path: Path) -> None:
    assert [(str(each.position), each.code) for each in check(tmp_path)[1]] == [
        ("platform.yaml:1:1", "file-missing")
    ]


def test_tenants_that_are_a_file_are_a_problem(project: Path) -> None:
    shutil.rmtree(project / "tenants")
    (project / "tenants").write_text("")
    assert [(str(each.position), each.code) for each in check(project)[1]] == [
        ("tenants:1:1", "file-unreadable")
    ]


def test_a_file_named_yml_is_not_passed_over(project: Path) -> None:
    (project / "tenants" / "gamma.yml").write_text("version: 1\n")
    assert [(str(each.position), each.code) for each in check(project)[1]] == [
        ("tenants/gamma.yml:1:1", "file-name")
    ]


def test_leavings_of_editors_are_passed_over(project: Path) -> None:
    for name in (".#beta.yaml", "beta.yaml~", "README.md"):
        (project / "tenants" / name).write_text("{")
    assert check(project)[1] == ()


def test_a_broken_tariff_is_not_also_a_missing_one(project: Path) -> None:
    (project / "tariffs" / "master.yaml").write_text("version: [\n")
    assert [(each.position.file, each.code) for each in check(project)[1]] == [
        ("tariffs/master.yaml", "yaml-syntax")
    ]


def test_problems_of_all_files_come_at_once(project: Path) -> None:
    (project / "platform.yaml").write_text("{")
    (project / "tariffs" / "master.yaml").write_text("{")
    (project / TENANT).write_text("{")
    assert len({each.position.file for each in check(project)[1]}) == 3


def test_a_forwarding_circle_over_tenants_is_found(project: Path) -> None:
    acme, beta = project / "tenants" / "acme.yaml", project / TENANT
    acme.write_text(acme.read_text("utf-8").replace('"+79161234567"', '"+73432223344"'), "utf-8")
    beta.write_text(
        beta.read_text("utf-8").replace('{employee: "101"}', '{outside: "+74951112235"}'), "utf-8"
    )
    problems = check(project)[1]
    assert [(each.position.file, each.code) for each in problems] == [
        ("tenants/acme.yaml", "target-circle"),
        ("tenants/beta.yaml", "target-circle"),
    ]


def test_a_file_with_thousands_of_problems_is_told_quickly(project: Path) -> None:
    path = project / TENANT
    many = ", ".join(f'"{number}"' for number in range(100_000, 112_000))
    text = path.read_text("utf-8") + f"departments: {{all: {{title: x, members: [{many}]}}}}\n"
    path.write_text(text, "utf-8")
    started = time.monotonic()
    problems = check(project)[1]
    assert time.monotonic() - started < 2
    assert len(problems) == 101
    assert problems[-1].code == "too-many"


def test_thousands_of_distinct_items_are_read_quickly(project: Path) -> None:
    path = project / TENANT
    path.write_text(
        path.read_text("utf-8") + f"options: [{','.join(f'o{n}' for n in range(45_000))}]\n", "utf-8"
    )
    started = time.process_time()
    assert check(project)[1]
    assert time.process_time() - started < 3


def test_load_raises_all_problems(project: Path) -> None:
    (project / TENANT).write_text("{")
    with pytest.raises(DefinitionsInvalid) as raised:
        load(project)
    assert raised.value.problems == check(project)[1]


def test_the_example_is_read_as_it_is_written() -> None:
    definitions = load(EXAMPLES)
    acme, beta = definitions.tenants["acme"], definitions.tenants["beta"]
    assert [employee.extension for employee in acme.employees] == [str(101 + index) for index in range(7)]
    assert acme.departments[0].members == ("101", "102", "103")
    assert acme.recording == Recording()
    assert [did.target for did in acme.numbers] == [
        Target("department", "sales"),
        Target("employee", "101"),
        Target("outside", "+79161234567"),
    ]
    assert (acme.node, acme.trunk, acme.dial_classes) == ("pbx1", "main", ("local", "mobile", "national"))
    assert (beta.caller_id, beta.time_zone, beta.options) == ("+73432223344", "Asia/Yekaterinburg", {})
    assert definitions.line_limit(acme) == definitions.line_limit(beta) == 14
    assert definitions.unlocked(beta) == set(definitions.tariffs["master"].includes)
    assert definitions.unlocked(acme) - definitions.unlocked(beta) == {"recording"}
    assert definitions.tariffs["master"].vat_percent(date(2025, 12, 31)) == Decimal(20)
    assert definitions.tariffs["master"].vat_percent(date(2026, 1, 1)) == Decimal(22)
    assert str(acme.departments[0].position) == "tenants/acme.yaml:26:3"


def test_defaults_reach_tenants(project: Path) -> None:
    platform = project / "platform.yaml"
    text = platform.read_text("utf-8").replace("ring_timeout_s: 30", "ring_timeout_s: 20")
    platform.write_text(
        text.replace("dial_classes: [local, national, mobile]", "dial_classes: [mobile]"), "utf-8"
    )
    beta = load(project).tenants["beta"]
    assert beta.employees[0].ring_timeout_s == 20
    assert beta.dial_classes == ("mobile",)


HEADER = "prefix,destination,price,starts_on"


def test_a_deck_takes_defaults_and_keeps_money_exact() -> None:
    text = f'{HEADER},connect_fee\r\n+7495,"Россия, Москва",1.10,2026-01-01,\r\n\r\n'
    deck, problems = read_deck(Source("decks/a.csv", text, "0" * 64))
    assert not problems
    assert (deck.name, deck.version) == ("a", "0" * 12)
    assert deck.rates == (Rate("7495", "Россия, Москва", Decimal("1.10"), date(2026, 1, 1)),)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "deck-empty", 1, 1),
        (f"{HEADER}\n", "deck-empty", 1, 1),
        ("prefix;destination;price;starts_on\n7;a;1;2026-01-01\n", "deck-header", 1, 1),
        (f"{HEADER},price\n", "deck-column", 1, 36),
        (f"{HEADER},bonus\n", "deck-column", 1, 36),
        ("prefix,price,starts_on\n", "deck-column", 1, 1),
        (f'{HEADER}\n7,"a, b",x,2026-01-01\n', "deck-value", 2, 10),
        (f"{HEADER}\n7,a,1,2026-13-01\n", "deck-value", 2, 7),
        (f"{HEADER}\n7,,1,2026-01-01\n", "deck-value", 2, 3),
        (f"{HEADER}\n7,a,1\n", "deck-fields", 2, 5),
        (f"{HEADER}\n7,a,1,2026-01-01\n7,b,2,2026-01-01\n", "deck-twice", 3, 1),
        (",".join("x" * 1 for _ in range(100_000)), "deck-header", 1, 1),
    ],
)
def test_a_fault_in_a_deck_is_told_with_line_and_column(text: str, code: str, line: int, column: int) -> None:
    problems = read_deck(Source("decks/a.csv", text, "0" * 64))[1]
    assert [(each.code, each.position.line, each.position.column) for each in problems] == [
        (code, line, column)
    ]
