"""`vpbx statement`: months that are over, files that are whole or not there, all tenants at once."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from stated_books import fill

from orchestrator.cli.main import root
from orchestrator.errors import NotFound, PaperUnwritable, PeriodRefused
from orchestrator.model.payment import Payment
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
DECEMBER = "2025-12"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example platform with a ledger; nothing here changes it."""
    made = tmp_path_factory.mktemp("stated") / "project"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns(".vpbx"))
    (made / ".vpbx").mkdir()
    store = SqlStore.open(f"sqlite:///{made}/.vpbx/vpbx.db")
    fill(store)
    paid_at = datetime(2025, 12, 5, tzinfo=UTC)
    store.pay(Payment("gone", "7", 100, paid_at, "olga"), paid_at)
    store.close()
    return made


def vpbx(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), "statement", *arguments])


def this_month() -> str:
    return datetime.now(ZoneInfo("Europe/Moscow")).strftime("%Y-%m")


def test_json_is_what_the_ledger_says(project: Path) -> None:
    told = json.loads(vpbx(project, "acme", "--period", DECEMBER, "--json").stdout)
    since = ("--since", "2025-12-01", "--until", "2026-01-01")
    listed = CliRunner().invoke(root, ["-C", str(project), "charges", "list", "acme", *since, "--json"])
    charges = json.loads(listed.stdout)["charges"]
    paid = [each for each in charges if each["key"].startswith("payment/")]
    assert told["charged_kop"] == sum(each["amount_kop"] for each in charges if each not in paid)
    assert told["paid_kop"] == -sum(each["amount_kop"] for each in paid)
    assert (told["operator"]["inn"], told["customer"]["name"]) == ("7700000009", "ООО «Акме Инструмент»")
    assert told == json.loads(vpbx(project, "acme", "--period", DECEMBER, "--format", "json").stdout) | {
        "made_at": told["made_at"]
    }


@pytest.mark.parametrize(("language", "said"), [("ru", "Выписка по услуге"), ("en", "Statement of the")])
def test_html_goes_to_stdout_in_either_language(project: Path, language: str, said: str) -> None:
    done = vpbx(project, "acme", "--period", DECEMBER, "--lang", language)
    assert done.exit_code == 0
    assert said in done.stdout and done.stdout.endswith("</html>\n")


def test_a_month_that_is_not_over_is_refused_and_its_draft_is_marked(project: Path) -> None:
    refused = vpbx(project, "acme", "--period", this_month())
    assert isinstance(refused.exception, PeriodRefused)
    assert "isn't over for acme" in refused.exception.message and "--draft" in refused.exception.hint
    assert refused.stdout == ""
    draft = vpbx(project, "acme", "--period", this_month(), "--draft")
    assert draft.exit_code == 0 and "ПРОЕКТ" in draft.stdout
    over = vpbx(project, "acme", "--period", DECEMBER, "--draft")
    assert "ПРОЕКТ" not in over.stdout


@pytest.mark.parametrize("more", [(), ("--draft",)])
def test_a_month_that_has_not_begun_has_no_draft_either(project: Path, more: tuple[str, ...]) -> None:
    for who in ("acme", "--all"):
        done = vpbx(project, who, "--period", "2099-01", "-o", str(project / "none"), *more)
        assert isinstance(done.exception, PeriodRefused)
        assert not (project / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("acme", "--period", "2025-13"), "2026-10"),
        (("acme", "--period", "December"), "2026-10"),
        (("acme",), "--period"),
        (("--period", DECEMBER), "--all"),
        (("acme", "--all", "--period", DECEMBER), "--all"),
        (("--all", "--period", DECEMBER), "-o"),
        (("acme", "--period", DECEMBER, "--format", "doc"), "doc"),
        (("acme", "--period", DECEMBER, "--format", "upd-csv", "--draft"), "no draft"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(project: Path, arguments: tuple[str, ...], told: str) -> None:
    done = vpbx(project, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.output


def test_a_tenant_that_nobody_knows_is_not_found(project: Path) -> None:
    done = vpbx(project, "acmee", "--period", DECEMBER)
    assert isinstance(done.exception, NotFound) and "acme" in done.exception.hint


def test_a_tenant_without_an_entry_has_a_statement_of_nothing(project: Path) -> None:
    told = json.loads(vpbx(project, "beta", "--period", DECEMBER, "--json").stdout)
    assert (told["charges"], told["closing_balance_kop"], told["time_zone"]) == ([], 0, "Asia/Yekaterinburg")


def test_all_tenants_of_the_ledger_are_written_to_a_directory(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "papers"
    done = vpbx(project, "--all", "--period", DECEMBER, "--format", "csv", "-o", str(out))
    assert (done.exit_code, done.stdout) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["acme-2025-12.csv", "gone-2025-12.csv"]
    assert (out / "acme-2025-12.csv").stat().st_mode & 0o777 == 0o640


def test_a_tenant_whose_file_is_gone_is_called_by_its_name(project: Path) -> None:
    told = json.loads(vpbx(project, "gone", "--period", DECEMBER, "--json").stdout)
    assert (told["customer"]["name"], told["time_zone"]) == ("gone", "Europe/Moscow")
    assert (told["paid_kop"], told["closing_balance_kop"]) == (100, 100)


def test_a_transfer_document_adds_up_to_the_ledger_and_says_what_it_lacks(
    project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "upd.csv"
    done = vpbx(project, "--all", "--period", DECEMBER, "--format", "upd-csv", "--lang", "en", "-o", str(out))
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    charged = json.loads(vpbx(project, "acme", "--period", DECEMBER, "--json").stdout)["charged_kop"]
    assert sum(Decimal(row["amount_with_tax"]) for row in rows) * 100 == charged
    for row in rows:
        amounts = [Decimal(row[name]) for name in ("amount_without_tax", "tax_amount", "amount_with_tax")]
        assert amounts[0] + amounts[1] == amounts[2]
        assert Decimal(row["document_total"]) * 100 == charged
    assert {(row["document_number"], row["document_date"], row["status"]) for row in rows} == {
        ("acme-2025-12", "2025-12-31", "1")
    }
    assert {row["seller_inn"] for row in rows} == {"7700000009"}
    assert "1 of its entries came after the month's end" in done.stderr
    assert (
        "customer.inn isn't known"
        in vpbx(project, "beta", "--period", DECEMBER, "--format", "upd-csv").stderr
    )


def test_a_charge_that_is_due_and_not_made_is_told(project: Path) -> None:
    assert "vpbx billing run" in vpbx(project, "acme", "--period", "2026-02").stderr
    assert "vpbx billing run" not in vpbx(project, "acme", "--period", DECEMBER).stderr


def test_a_statement_that_cannot_be_written_is_refused_and_the_old_one_stays(
    project: Path, tmp_path: Path
) -> None:
    missing = vpbx(project, "acme", "--period", DECEMBER, "-o", str(tmp_path / "no" / "paper.html"))
    assert isinstance(missing.exception, PaperUnwritable)
    assert str(tmp_path / "no" / "paper.html") in missing.exception.message
    (tmp_path / "file").write_text("old")
    in_file = vpbx(project, "--all", "--period", DECEMBER, "-o", str(tmp_path / "file"))
    assert isinstance(in_file.exception, PaperUnwritable)
    assert (tmp_path / "file").read_text() == "old"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)], check=True, timeout=10)
    yield place
    subprocess.run(["umount", str(place)], check=True, timeout=10)


@pytest.mark.root
@pytest.mark.parametrize("many", [False, True])
def test_on_a_full_disk_nothing_is_half_written(project: Path, small_disk: Path, many: bool) -> None:
    (small_disk / "acme-2025-12.html").write_text("old")
    (small_disk / "ballast").write_bytes(b"x" * 8192)
    target = small_disk if many else small_disk / "acme-2025-12.html"
    done = vpbx(project, *(["--all"] if many else ["acme"]), "--period", DECEMBER, "-o", str(target))
    assert isinstance(done.exception, PaperUnwritable)
    assert "No space left" in done.exception.message and "acme-2025-12.html" in done.exception.message
    assert sorted(path.name for path in small_disk.iterdir()) == ["acme-2025-12.html", "ballast"]
    assert (small_disk / "acme-2025-12.html").read_text() == "old"


@pytest.mark.program
def test_a_pdf_is_written_whole(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "paper.pdf"
    done = vpbx(project, "acme", "--period", DECEMBER, "--format", "pdf", "-o", str(target))
    assert done.exit_code == 0, done.output
    assert target.read_bytes().startswith(b"%PDF-") and target.read_bytes().rstrip().endswith(b"%%EOF")
