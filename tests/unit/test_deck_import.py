"""`vpbx deck import` and `vpbx rate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.asterisk.file_lock import LockHeld, file_lock
from orchestrator.cli import deck as deck_verb
from orchestrator.cli.main import root

EXAMPLES = Path(__file__).parents[2] / "examples"
HEADER = "prefix,destination,price,starts_on\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "project"))


def vpbx(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *arguments])


def imported(project: Path, text: str, *options: str) -> Result:
    prices = project.with_name("prices.csv")
    prices.write_text(text, "utf-8")
    return vpbx(project, "deck", "import", str(prices), *options)


def price(project: Path, at: str, to: str = "+74951234567", seconds: int = 61) -> dict[str, object]:
    asked = ("--tenant", "acme", "--to", to, "--seconds", str(seconds), "--at", at, "--json")
    done = vpbx(project, "rate", *asked)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_new_prices_count_from_their_date_and_the_old_ones_stay(project: Path) -> None:
    """2 started minutes: 2 x 1.65 the day before, 2 x 9.00 from 1 December on."""
    done = imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n", "--json")
    assert json.loads(done.stdout)["added"] == 1
    assert price(project, "2026-11-30 23:59")["amount_kop"] == 330
    assert price(project, "2026-12-01 00:00")["amount_kop"] == 1800


def test_the_same_price_list_changes_nothing_a_second_time(project: Path) -> None:
    deck = project / "decks" / "multifon-business.csv"
    imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n")
    before = deck.read_bytes()
    done = json.loads(imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n", "--json").stdout)
    assert (done["added"], done["changed"], done["unchanged"]) == (0, 0, 1)
    assert deck.read_bytes() == before


def test_a_price_that_may_have_been_charged_is_replaced_only_when_it_is_said(project: Path) -> None:
    again = f"{HEADER}7495,Москва,9.00,2025-01-01\n"
    refused = imported(project, again, "--json")
    assert refused.exit_code == 1
    assert [problem["code"] for problem in json.loads(refused.stdout)["problems"]] == ["deck-rate-known"]
    assert price(project, "2026-02-14 11:00")["amount_kop"] == 300
    assert json.loads(imported(project, again, "--replace", "--json").stdout)["changed"] == 1
    assert price(project, "2026-02-14 11:00")["amount_kop"] == 1800


def test_of_two_imports_at_once_one_waits_for_the_other(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads the deck and writes it whole: without a lock the first one's rates would be gone."""
    monkeypatch.setattr(deck_verb, "_WAIT_S", 0.1)
    before = (project / "decks" / "multifon-business.csv").read_bytes()
    with file_lock(project / ".vpbx" / "decks.lock", 1, "importing a deck"):
        refused = imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n")
    assert isinstance(refused.exception, LockHeld) or refused.exit_code == 1
    assert (project / "decks" / "multifon-business.csv").read_bytes() == before
    assert imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n").exit_code == 0


FAULTS = {
    "a negative price": ("7495,Москва,-1,2026-12-01\n", 3, "deck-value"),
    "a price with an exponent": ("7495,Москва,1e0,2026-12-01\n", 3, "deck-value"),
    "a decimal comma": ('7495,Москва,"1,50",2026-12-01\n', 3, "deck-value"),
    "the same prefix and date twice": ("7812,Петербург,2,2026-12-01\n", 3, "deck-twice"),
    "a field too many": ("7495,Москва,1,2026-12-01,60\n", 3, "deck-fields"),
    "quotes that don't close": ('7495,"Москва,1,2026-12-01\n', 3, "deck-line"),
}


@pytest.mark.parametrize(("row", "line", "code"), FAULTS.values(), ids=FAULTS)
def test_one_wrong_line_and_the_deck_stays_as_it_was(project: Path, row: str, line: int, code: str) -> None:
    deck = project / "decks" / "multifon-business.csv"
    before = deck.read_bytes()
    done = imported(
        project, f"{HEADER}7812,Петербург,2,2026-12-01\n{row}7813,Область,x,2026-12-01\n", "--json"
    )
    assert done.exit_code == 1
    found = [(problem["line"], problem["code"]) for problem in json.loads(done.stdout)["problems"]]
    assert (line, code) in found
    assert (4, "deck-value") in found
    assert deck.read_bytes() == before
    assert [path.name for path in deck.parent.iterdir()] == [deck.name]


def test_a_price_list_that_is_no_text_or_is_not_there_is_a_problem(project: Path) -> None:
    prices = project.with_name("prices.csv")
    prices.write_bytes(HEADER.encode() + b"7495,\xcc\xee\xf1\xea\xe2\xe0,1,2026-12-01\n")
    done = vpbx(project, "deck", "import", str(prices))
    assert done.exit_code == 1
    assert f"{prices}:2:6: not-utf-8" in done.stdout
    missing = vpbx(project, "deck", "import", str(project / "none.csv"))
    assert missing.exit_code == 1
    assert "file-unreadable" in missing.stdout


def test_a_deck_is_made_when_there_is_none(project: Path) -> None:
    done = imported(project, f"{HEADER}7495,Москва,9.00,2026-12-01\n", "--deck", "other")
    assert done.exit_code == 0
    assert (project / "decks" / "other.csv").read_text("utf-8").splitlines()[1].startswith("7495,")
    assert vpbx(project, "deck", "import", "x.csv", "--deck", "../other").exit_code == 2


def test_a_price_is_explained(project: Path) -> None:
    told = price(project, "2026-02-14 11:00", to="8 (495) 123-45-67")
    assert (told["to"], told["deck_prefix"], told["tariff"]) == ("+74951234567", "7495", "master 2026-01")
    assert told["rule"] == "decision 7: 2 x 60 s x 1.50/min = 3.00"
    shown = vpbx(project, "rate", "--tenant", "acme", "--to", "+74951234567", "--seconds", "61")
    assert "deck prefix\t7495" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("--tenant", "nobody", "--to", "+74951234567"), 1),
        (("--tenant", "acme", "--to", "101"), 2),
        (("--tenant", "acme", "--to", "+74951234567", "--at", "2026-02-30 11:00"), 2),
    ],
)
def test_what_has_no_price_is_told(project: Path, arguments: tuple[str, ...], exit_code: int) -> None:
    done = vpbx(project, "rate", *arguments, "--seconds", "61")
    assert done.exit_code == exit_code
    assert done.stdout == ""
