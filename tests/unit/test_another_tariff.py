"""The tariff of another operator, as docs/tariffs.md has it: computed by YAML alone, against a calculator."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import root

DOCS = Path(__file__).parents[2] / "docs" / "tariffs.md"
SCENARIO = """\
tenant: {tariff: office, employees: 12, time_zone: Europe/Moscow, activated_at: "2026-03-12 10:00"}
events:
EVENTS
until: "UNTIL"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tariff and its deck out of the page."""
    page = (
        DOCS.read_text("utf-8").partition("<!-- another tariff -->")[2].partition("<!-- /another tariff")[0]
    )
    tariff, deck = re.findall(r"```(?:yaml|csv)\n(.*?)```", page, re.DOTALL)
    for file, text in (("tariffs/office.yaml", tariff), ("decks/by-second.csv", deck)):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(text, "utf-8")
    return tmp_path


def entries(project: Path, *events: str, until: str = "2026-04-01") -> list[dict[str, Any]]:
    scenario = project / "scenario.yaml"
    text = SCENARIO.replace("EVENTS", "".join(f"  - {{{each}}}\n" for each in events) or "  []")
    scenario.write_text(text.replace("UNTIL", until), "utf-8")
    done = CliRunner().invoke(root, ["-C", str(project), "forecast", str(scenario), "--json"])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout)["entries"])


def call(at: str, seconds: int, to: str = "+74951234567") -> str:
    return f'at: "{at}", call: {{direction: out, to: "{to}", seconds: {seconds}}}'


def sms(at: str, segments: int) -> str:
    return f'at: "{at}", sms: {{to: "+79991234567", text: "{"я" * (67 * segments if segments > 1 else 1)}"}}'


def nets(found: list[dict[str, Any]], kind: str) -> list[int]:
    """Amounts without the VAT that comes on top."""
    return [each["amount_kop"] - each["vat_kop"] for each in found if each["kind"] == kind]


def test_there_is_no_trial_and_the_first_period_is_cut_to_the_first_of_the_month(project: Path) -> None:
    """600.00 x 20/31 = 387.10; (10 x 150.00 + 2 x 120.00) x 20/31 = 1122.58; then 600.00 and 1740.00."""
    found = entries(project, until="2026-04-02")
    assert nets(found, "subscription") == [38_710, 60_000]
    assert nets(found, "extra_employees") == [112_258, 174_000]
    assert [each["date"] for each in found] == ["2026-03-12"] * 2 + ["2026-04-01"] * 2


def test_minutes_by_the_second_are_taken_in_turn_and_anew_each_month(project: Path) -> None:
    """100 x 20/31 = 64.5: 65 minutes, 3900 s. 3660 s; 240 of 300 s, and 60 s at 1.80 a minute; none left.

    What costs nothing isn't listed.
    """
    found = entries(
        project,
        call("2026-03-14 10:00", 3660),
        call("2026-03-15 10:00", 300),
        call("2026-03-16 10:00", 10),
        call("2026-03-16 11:00", 61, to="+442079460000"),
        call("2026-04-02 10:00", 90),
        until="2026-04-03",
    )
    calls = [each for each in found if each["kind"] == "call"]
    assert nets(calls, "call") == [180, 30, 2400]
    assert [each.get("included", 0) for each in calls] == [240, 0, 0]
    assert calls[0]["rule"].startswith(
        "decision 7: 240 of 300 x 1 s included; 60 x 1 s x 1.80/min = 1.80 + VAT"
    )


def test_more_minutes_count_from_the_period_that_is_charged_by_the_new_prices(project: Path) -> None:
    """April has 100 minutes, May 200: 9000 s are 3000 s over in April and none over in May."""
    found = entries(
        project, call("2026-04-30 12:00", 9000), call("2026-05-01 12:00", 9000), until="2026-06-01"
    )
    assert nets(found, "call") == [3000 * 3]


def test_included_sms_are_segments(project: Path) -> None:
    """10 x 20/31 = 6.45: 7 segments. 4; 3 of 4, and one at 1.90."""
    found = entries(project, sms("2026-03-14 10:00", 4), sms("2026-03-14 11:00", 4))
    assert nets(found, "sms") == [190]


def test_auto_informing_is_by_the_second_with_a_minimum_and_not_included(project: Path) -> None:
    """5 s count 20: 0.40; 61 s: 1.22."""
    found = entries(
        project,
        'at: "2026-03-14 10:00", autoinform: {to: "+79991234567", seconds: 5}',
        'at: "2026-03-14 11:00", autoinform: {to: "+79991234567", seconds: 61}',
    )
    assert nets(found, "autoinform") == [40, 122]
