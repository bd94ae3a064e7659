"""`vpbx forecast`: what it prints, and how it says that a scenario can't be computed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import root

EXAMPLES = Path(__file__).parents[2] / "examples"
SCENARIO = EXAMPLES / "scenarios" / "first-months.yaml"


def vpbx(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(EXAMPLES), "forecast", *arguments])


def edited(directory: Path, old: str, new: str) -> str:
    text = SCENARIO.read_text("utf-8")
    assert old in text
    path = directory / "scenario.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    return str(path)


def test_the_example_is_what_a_calculator_makes_of_it() -> None:
    """31 January: 1000 + 1000. February: 500 x 18/28 = 321.43, 2 x 200 x 16/28 = 228.57, SMS 2.50, 2 minutes
    at 2.30 = 4.60, 2 minutes to Moscow at 1.50 = 3.00. 28 February: 1000 + 400 + 500 + 1000. 31 March: 1000 +
    400 + 1000. 2 May, after 30 April: the same anew; 2 June. VAT of 1000.00: support 10.00 x 22/122 = 1.80.
    """
    done = vpbx(str(SCENARIO), "--json")
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert data["version"] == 1
    assert data["total_kop"] == 200_000 + 32_143 + 22_857 + 250 + 460 + 300 + 290_000 + 3 * 240_000
    assert data["entries"][0] == {
        "date": "2026-01-31",
        "kind": "subscription",
        "item": "master",
        "quantity": 1,
        "amount_kop": 100_000,
        "licence_kop": 99_000,
        "support_kop": 1_000,
        "vat_kop": 180,
        "period_from": "2026-01-31",
        "period_to": "2026-02-28",
        "tariff_version": "2026-01",
        "rule": "decision 4: 1000.00 = 1000.00",
    }
    call = data["entries"][6]
    assert (call["kind"], call["item"], call["quantity"]) == ("call", "Россия, Москва", 2)
    assert (call["licence_kop"], call["support_kop"], call["vat_kop"], call["period_from"]) == (
        0,
        0,
        54,
        None,
    )
    assert [entry["item"] for entry in data["entries"][7:11]] == ["master", "", "analytics", "recording"]


def test_another_tariff_is_read_from_a_file_with_the_deck_of_its_project(tmp_path: Path) -> None:
    for folder in ("tariffs", "decks"):
        shutil.copytree(EXAMPLES / folder, tmp_path / folder)
    tariff = tmp_path / "tariffs" / "master.yaml"
    tariff.write_text(tariff.read_text("utf-8").replace('"1000.00"', '"900.00"'), "utf-8")
    cheaper = json.loads(vpbx(str(SCENARIO), "--json", "--tariff", str(tariff)).stdout)
    assert cheaper["entries"][0]["amount_kop"] == 90_000


def test_options_may_be_a_mapping(tmp_path: Path) -> None:
    scenario = edited(tmp_path, "options: [recording]", "options: {recording: 1, storage_year: 2}")
    entries = json.loads(vpbx(scenario, "--json").stdout)["entries"]
    assert (entries[2]["item"], entries[2]["quantity"], entries[2]["amount_kop"]) == (
        "storage_year",
        2,
        200_000,
    )


FAULTS = {
    "an option the tariff doesn't know": ("connect: analytics", "connect: analytix", 5, "unknown-option"),
    "an option connected twice": ("connect: analytics", "connect: recording", 5, "option-on"),
    "a count of what isn't counted": (
        ", connect: analytics",
        ", connect: analytics, quantity: 2",
        5,
        "option-quantity",
    ),
    "a quantity of nothing": ("employees: 9}", "employees: 9, quantity: 2}", 6, "event-kind"),
    "two things at once": ("employees: 9}", "employees: 9, connect: crm}", 6, "event-kind"),
    "nothing that happens": (", service: restore", "", 12, "event-kind"),
    "an event before the activation": ("2026-02-10 12:00", "2026-01-20 12:00", 5, "before-activation"),
    "out of order": ("2026-02-12 09:00", "2026-02-20 09:00", 7, "event-order"),
    "a restore after the 90th day": ("2026-05-02", "2026-07-11", 12, "purged"),
    "no date": ("2026-02-10 12:00", "2026-02-30 12:00", 5, "time"),
    "a negative number of seconds": (
        'seconds: 61}}\n  - {at: "2026-02-14 11',
        'seconds: -61}}\n  - {at: "2026-02-14 11',
        8,
        "integer",
    ),
    "an unknown key": ("connect: analytics", "conect: analytics", 5, "unknown-key"),
    "an unknown tariff": ("tariff: master", "tariff: mister", 3, "unknown-tariff"),
    "an end before the beginning": ('until: "2026-07-01"', 'until: "2025-07-01"', 13, "until"),
    "a number without a rate": ('"+74951234567"', '"+3584512345"', 9, "no-rate"),
}


@pytest.mark.parametrize(("old", "new", "line", "code"), FAULTS.values(), ids=FAULTS)
def test_a_scenario_that_cannot_be_is_shown_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, code: str
) -> None:
    scenario = edited(tmp_path, old, new)
    if code == "purged":
        Path(scenario).write_text(
            Path(scenario).read_text("utf-8").replace("2026-07-01", "2026-08-01"), "utf-8"
        )
    done = vpbx(scenario, "--json")
    assert done.exit_code == 1
    problems = json.loads(done.stdout)["problems"]
    assert (line, code) in [(problem["line"], problem["code"]) for problem in problems]
    assert all(problem["hint"] for problem in problems)
    shown = vpbx(scenario)
    assert shown.exit_code == 1
    assert f"{scenario}:{line}:" in shown.stdout


TARIFF_FAULTS = {
    "a negative price": ('price: "2.50"', 'price: "-2.50"', "decimal"),
    "a price with an exponent": ('price: "2.50"', "price: 2.5e0", "decimal"),
    "prices of the same day": (
        "options:\n  analytics",
        "changes:\n  - {version: a, starts_on: 2026-10-01}\n  - {version: b, starts_on: 2026-10-01}\n"
        "options:\n  analytics",
        "prices-overlap",
    ),
    "a version's name that is taken": (
        "options:\n  analytics",
        'changes:\n  - {version: "2026-01", starts_on: 2026-10-01}\noptions:\n  analytics',
        "version-twice",
    ),
    "a new price of no option": (
        "options:\n  analytics",
        'changes:\n  - {version: a, starts_on: 2026-10-01, options: {crn: "1"}}\noptions:\n  analytics',
        "unknown-option",
    ),
    "months and days": ("months: 1", "months: 1\n  days: 30", "billing-cycle"),
    "sold and included": ("- blf", "- blf\n    - crm", "function-twice"),
}


@pytest.mark.parametrize(("old", "new", "code"), TARIFF_FAULTS.values(), ids=TARIFF_FAULTS)
def test_a_tariff_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    for folder in ("tariffs", "decks"):
        shutil.copytree(EXAMPLES / folder, tmp_path / folder)
    tariff = tmp_path / "tariffs" / "master.yaml"
    text = tariff.read_text("utf-8")
    assert old in text
    tariff.write_text(text.replace(old, new, 1), "utf-8")
    done = vpbx(str(SCENARIO), "--json", "--tariff", str(tariff))
    assert done.exit_code == 1
    assert code in [problem["code"] for problem in json.loads(done.stdout)["problems"]]
