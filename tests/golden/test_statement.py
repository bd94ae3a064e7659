"""A small ledger and exactly what its papers say. `--update-goldens` writes them anew; read the diff."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from stated_books import DECEMBER, JANUARY, fill, month_of, sides

from orchestrator.billing.transfer import transfer_of
from orchestrator.model.statement import Statement
from orchestrator.papers.data import statement_json
from orchestrator.papers.html import statement_html
from orchestrator.papers.sheet import statement_csv
from orchestrator.papers.sides import Sides
from orchestrator.papers.transfer_sheet import transfers_csv
from orchestrator.storage.store import SqlStore

HERE = Path(__file__).parent / "statement"


def _transfer(statement: Statement, sides: Sides) -> str:
    return transfers_csv([(transfer_of(statement), sides)], sides.language)


FORMS: Mapping[str, Callable[[Statement, Sides], str]] = {
    "html": statement_html,
    "csv": statement_csv,
    "json": statement_json,
    "upd.csv": _transfer,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("month", [DECEMBER, JANUARY], ids=str)
def test_a_ledger_makes_exactly_these_papers(
    store: SqlStore, month: object, language: str, form: str, update_goldens: bool
) -> None:
    fill(store)
    draft = month == JANUARY and form == "html" and language == "en"
    statement = month_of(store, JANUARY if month == JANUARY else DECEMBER, draft=draft)
    text = FORMS[form](statement, sides(language))
    expected = HERE / f"acme-{month}.{language}.{form}"
    if update_goldens:
        HERE.mkdir(exist_ok=True)
        expected.write_text(text, "utf-8", newline="")
    with expected.open(encoding="utf-8", newline="") as file:
        assert text == file.read()
