"""Statements on paper: what stands on every page, what a text in them can't do, what a PDF may not read."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from stated_books import DECEMBER, JANUARY, MADE, MOSCOW, fill, month_of, sides

from orchestrator.billing.statement import statement_of
from orchestrator.model.party import Party
from orchestrator.model.statement import PostedMonth, Statement
from orchestrator.papers.data import statement_json
from orchestrator.papers.html import statement_html
from orchestrator.papers.pdf import pdf_of
from orchestrator.papers.sheet import statement_csv
from orchestrator.papers.spreadsheet import Sum, spreadsheet
from orchestrator.papers.words import LANGUAGES, WORDS
from orchestrator.storage.store import SqlStore

PAGE_FEED = "\f"


@pytest.fixture
def december(store: SqlStore) -> Statement:
    fill(store)
    return month_of(store, DECEMBER)


def text_of(pdf: bytes, tmp_path: Path) -> list[str]:
    """The pages of a PDF as pdftotext reads them, spaces being spaces."""
    (tmp_path / "paper.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", str(tmp_path / "paper.pdf"), "-"]
    text = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    for found, instead in (("\N{NO-BREAK SPACE}", " "), ("\N{MINUS SIGN}", "-")):
        text = text.replace(found, instead)
    return text.rstrip(PAGE_FEED).split(PAGE_FEED)


def many(statement: Statement, lines: int) -> Statement:
    """A statement with so many lines: its own again and again."""
    repeated = [replace(statement.lines[n % len(statement.lines)], number=n + 1) for n in range(lines)]
    return replace(statement, lines=tuple(repeated))


def test_both_languages_have_the_same_words() -> None:
    assert {frozenset(WORDS[language]) for language in LANGUAGES} == {frozenset(WORDS["ru"])}
    for words in WORDS.values():
        assert all(words.values())


@pytest.mark.program
@pytest.mark.parametrize(("language", "page"), [("ru", "стр. {} из {}"), ("en", "page {} of {}")])
def test_a_pdf_has_the_sums_of_the_ledger_and_its_number_on_every_page(
    december: Statement, language: str, page: str, tmp_path: Path
) -> None:
    statement = many(december, 100)
    pages = text_of(pdf_of(statement_html(statement, sides(language))), tmp_path)
    assert len(pages) > 2
    for number, text in enumerate(pages, 1):
        assert page.format(number, len(pages)) in text
    whole = "\n".join(pages)
    point = "," if language == "ru" else "."
    apart = " " if language == "ru" else ","
    for amount_kop in (statement.charged_kop, statement.closing_kop):
        told = f"{Decimal(amount_kop) / 100:,.2f}".replace(",", apart)
        assert f"{told[:-3]}{point}{told[-2:]}" in whole
    heads = [text for text in pages if re.search(r"^ *№ +\w+ +\w+ +(Сотр\.|Ext\.)", text, re.MULTILINE)]
    calls = [text for text in pages if re.search(r" \+\d{11} ", text)]
    assert len(calls) > 1 and heads == calls


@pytest.mark.program
def test_every_page_of_a_draft_says_so(december: Statement, tmp_path: Path) -> None:
    draft = many(replace(december, draft=True), 60)
    for text in text_of(pdf_of(statement_html(draft, sides("ru"))), tmp_path):
        assert "ПРОЕКТ" in text
    for text in text_of(pdf_of(statement_html(many(december, 60), sides("ru"))), tmp_path):
        assert "ПРОЕКТ" not in text


def test_a_draft_is_marked_in_every_form(december: Statement) -> None:
    draft = replace(december, draft=True)
    assert "ПРОЕКТ" in statement_html(draft, sides("ru"))
    assert json.loads(statement_json(draft, sides("ru")))["draft"] is True
    rows = list(csv.DictReader(io.StringIO(statement_csv(draft, sides("ru"))[1:]), delimiter=";"))
    assert {row["draft"] for row in rows} == {"1"}


def test_what_customers_and_operators_write_stays_text(december: Statement) -> None:
    html = statement_html(december, replace(sides("ru"), customer=Party(name="<script>x</script>")))
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "<b>их</b>" not in html and "&lt;b&gt;их&lt;/b&gt;" in html
    assert re.search(r"(?i)\s(src|href)=|url\(", html) is None


def test_nothing_is_fetched_for_a_pdf(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "secret.css"
    secret.write_text("p { content: 'read' }")
    page = f'<link rel=stylesheet href="{secret.as_uri()}"><img src="{secret.as_uri()}"><img src="http://127.0.0.1:1/x">'
    page += '<img src="data:image/png;base64,xx">'
    assert pdf_of(f"<html><body>{page}<p>text</p></body></html>").startswith(b"%PDF-")
    assert len([each for each in caplog.messages if "disallowed protocol" in each]) == 4


def test_a_missing_pango_is_told_with_what_to_install() -> None:
    """The library itself can't be taken from under the tests; that it doesn't load can be."""
    program = (
        "import cffi\n"
        "def gone(*_, **__): raise OSError(\"cannot load library 'libgobject-2.0-0'\")\n"
        "cffi.FFI.dlopen = gone\n"
        "from orchestrator.errors import PdfUnavailable\n"
        "from orchestrator.papers.pdf import pdf_of\n"
        "try:\n"
        "    pdf_of('<p>x</p>')\n"
        "except PdfUnavailable as error:\n"
        "    print(error.message, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    assert "libgobject" in done.stdout
    assert "apt install libpango-1.0-0 libpangoft2-1.0-0" in done.stdout


def test_a_system_without_a_font_is_told_and_nothing_hangs(tmp_path: Path) -> None:
    (tmp_path / "fonts.conf").write_text('<?xml version="1.0"?><fontconfig></fontconfig>')
    program = (
        "from orchestrator.errors import PdfUnavailable\n"
        "from orchestrator.papers.pdf import pdf_of\n"
        "try:\n"
        "    pdf_of('<p>x</p>')\n"
        "except PdfUnavailable as error:\n"
        "    print(error.message, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "FONTCONFIG_FILE": str(tmp_path / "fonts.conf")},
    )
    assert "the system has none apt install" in done.stdout and "fonts-dejavu-core" in done.stdout


def test_a_spreadsheet_gets_a_mark_its_own_comma_and_no_formula() -> None:
    rows = [(Sum(-205), Decimal("2.30"), 7, "=1+1", "+79161112233", "+1-1", "a;b\r\nc", None, "-x", "@y")]
    russian = spreadsheet(("n",) * 10, rows, "ru")
    assert russian[0] == "\ufeff"
    assert russian.splitlines()[1] == "-2,05;2,30;7;'=1+1;+79161112233;'+1-1;\"a;b c\";;'-x;'@y"
    assert "-2.05,2.30,7" in spreadsheet(("n",) * 10, rows, "en")


def test_csv_and_json_add_up_to_the_statement(december: Statement) -> None:
    rows = list(csv.DictReader(io.StringIO(statement_csv(december, sides("en"))[1:])))
    charged = [row for row in rows if row["record"] in ("charge", "reversal")]
    assert sum(Decimal(row["amount"]) for row in charged) == Decimal(december.charged_kop) / 100
    told = json.loads(statement_json(december, sides("en")))
    assert told["version"] == 1
    assert sum(each["amount_kop"] for each in told["charges"]) == told["charged_kop"] == december.charged_kop
    balance_kop = told["opening_balance_kop"] + told["paid_kop"] - told["charged_kop"]
    assert balance_kop == told["closing_balance_kop"] == december.closing_kop


def test_a_month_without_anything_is_a_page_all_the_same() -> None:
    empty = statement_of(PostedMonth(0, ()), "acme", JANUARY, MOSCOW, MADE + timedelta(days=1))
    for language in LANGUAGES:
        html = statement_html(empty, sides(language))
        assert WORDS[language]["no_payments"] in html and WORDS[language]["no_calls"] in html
