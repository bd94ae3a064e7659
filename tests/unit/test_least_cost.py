"""The order of trunks by cost, and what is refused."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definitions import check, load
from orchestrator.definitions.checks import least_cost
from orchestrator.model.least_cost import cost_table
from orchestrator.model.tariff import Deck, Rate
from orchestrator.routing.least_cost import cost_rows

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "prefix,destination,price,starts_on\n"
SECOND = """  second:
    auth: ip
    address: 127.0.0.2:5080
    match: [127.0.0.2]
"""


def deck(prices: dict[str, str], connect_fee: str = "0") -> Deck:
    fee, day = Decimal(connect_fee), date(2026, 1, 1)
    rates = [Rate(prefix, "x", Decimal(price), day, connect_fee=fee) for prefix, price in prices.items()]
    return Deck("d", "v", tuple(rates))


def test_the_longest_prefix_of_each_deck_decides() -> None:
    table = cost_table(("a", "b"), {"a": deck({"7": "1", "79": "3"}), "b": deck({"7": "2"})})
    assert table.order_of("+74951112233") == ("a", "b")
    assert table.order_of("+79161112233") == ("b", "a")
    assert table.price_of("a", "+79161112233") == (Decimal(3), Decimal(0))


def test_same_prices_go_by_connect_fee_then_by_name() -> None:
    same = {"7": "1"}
    assert cost_table(("b", "a"), {"a": deck(same), "b": deck(same)}).order_of("+7495") == ("a", "b")
    dearer = {"a": deck(same, "0.5"), "b": deck(same)}
    assert cost_table(("b", "a"), dearer).order_of("+7495") == ("b", "a")


def test_a_trunk_without_a_price_comes_last() -> None:
    table = cost_table(("a", "b", "c"), {"b": deck({"7": "9"}), "c": deck({"1": "1"})})
    assert table.order_of("+7495") == ("b", "a", "c")
    assert table.order_of("+49") == ("a", "b", "c")


def test_a_prefix_that_changes_nothing_is_left_out() -> None:
    table = cost_table(("a", "b"), {"a": deck({"7": "1", "79": "1.5", "791": "3"}), "b": deck({"7": "2"})})
    assert cost_rows(table) == [("791", "b.a"), ("any", "a.b")]


_PRICES = st.dictionaries(st.text("17", min_size=1, max_size=4), st.sampled_from(["1", "2", "3"]), max_size=8)


@given(_PRICES, _PRICES, st.text("17", min_size=1, max_size=6))
def test_the_table_says_what_the_decks_say(one: dict[str, str], two: dict[str, str], digits: str) -> None:
    def price(prices: dict[str, str]) -> tuple[bool, str]:
        found = [prices[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in prices]
        return not found, "".join(found[:1])

    table = cost_table(("a", "b"), {"a": deck(one), "b": deck(two)})
    assert table.order_of(f"+{digits}") == (("a", "b") if price(one) <= price(two) else ("b", "a"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The examples; a second trunk, and acme goes by cost."""
    made = shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    match = "    match: [127.0.0.1]\n"
    write(made, "platform.yaml", match, f"{match}    deck: decks/main.csv\n")
    write(made, "platform.yaml", "\ntrunks:\n", f"\ntrunks:\n{SECOND}")
    write(
        made,
        "tenants/acme.yaml",
        "tariff: master",
        "tariff: master\ntrunk_order: least_cost\ntrunks: [main, second]",
    )
    (made / "decks/main.csv").write_text(HEAD + "7,x,1,2026-01-01\n")
    return made


def write(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new, 1))


def problems(project: Path) -> list[tuple[str, str]]:
    """Of each problem the code and the text of its line."""
    found = []
    for problem in check(project)[1]:
        lines = (project / problem.position.file).read_text().splitlines()
        found.append((problem.code, lines[problem.position.line - 1].strip()))
    return found


def test_what_is_right_is_taken(project: Path) -> None:
    assert list(load(project).costs) == [("main", "second")]


def test_least_cost_without_a_deck_is_refused(project: Path) -> None:
    write(project, "platform.yaml", "    deck: decks/main.csv\n", "")
    assert problems(project) == [("least-cost-without-deck", "trunk_order: least_cost")]


def test_a_deck_with_several_dates_of_a_prefix_is_refused(project: Path) -> None:
    (project / "decks/main.csv").write_text(HEAD + "7,x,1,2026-01-01\n7,x,2,2026-02-01\n")
    assert problems(project) == [("deck-dates", "deck: decks/main.csv")]


def test_a_deck_that_is_not_there_is_refused_at_the_trunk(project: Path) -> None:
    (project / "decks/main.csv").unlink()
    assert "deck: decks/main.csv" in [line for _, line in problems(project)]


def test_more_prefixes_than_a_switch_holds_are_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(least_cost, "MOST_PREFIXES", 0)
    assert problems(project) == [("least-cost-too-many", "trunk_order: least_cost")]
