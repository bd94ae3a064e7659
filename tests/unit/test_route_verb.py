"""`vpbx route`: what it prints, the lines it names, and what it refuses."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import root
from orchestrator.cli.when import moment

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "schedules" / "project"
NUMBER, CALLER = "+73432223344", "+79035556677"


def route(*arguments: str, tenant: str = "clinic") -> Result:
    return CliRunner().invoke(root, ["-C", str(PROJECT), "route", "--tenant", tenant, *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = route(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    assert found["version"] == 1
    return found


def test_each_step_is_printed_with_what_it_decides_and_the_line_behind_it() -> None:
    result = route("--from", CALLER, "--to", NUMBER, "--at", "2026-11-28 23:30")
    assert result.output.splitlines() == [
        f"clinic: {CALLER} calls {NUMBER} on Sat 2026-11-28 23:30 Asia/Yekaterinburg",
        "step\tdecides\tbecause of",
        "numbers.73432223344.admit\ttakes a line of 14\ttenants/clinic.yaml:40",
        "numbers.73432223344.schedule\toffice is closed: Sat 2026-11-28 23:30\ttenants/clinic.yaml:31",
        "numbers.73432223344.closed\tnight-shift is open: Sat 2026-11-28 23:30\ttenants/clinic.yaml:35",
        "numbers.73432223344.closed.open.record\trecords from the answer on\ttenants/clinic.yaml:45",
        "numbers.73432223344.closed.open\tcalls +79161234567, by trunk main, shows +73432223344, "
        "2.30 a minute: answered\ttenants/clinic.yaml:45",
        "goes to: outside +79161234567, 2.30 a minute, Россия, мобильные",
    ]


@pytest.mark.parametrize(
    ("at", "line", "said"),
    [
        ("2026-12-31 14:00", 33, "office is open: Thu 2026-12-31 14:00, by its date"),
        ("2027-01-11 14:00", 33, "office is closed: Mon 2027-01-11 14:00, by its date"),
        ("2026-11-04 14:00", 32, "office is closed: Wed 2026-11-04 14:00, a day off"),
        ("2027-02-20 17:30", 31, "office is open: Sat 2027-02-20 17:30, a weekend day that is worked"),
        ("2026-11-26 14:00", 31, "office is open: Thu 2026-11-26 14:00"),
        ("2026-11-26T09:00:00+00:00", 31, "office is open: Thu 2026-11-26 14:00"),
    ],
)
def test_the_line_is_that_of_the_rule_that_holds(at: str, line: int, said: str) -> None:
    step = told("--from", CALLER, "--to", NUMBER, "--at", at)["steps"][1]
    assert (step["yaml"]["file"], step["yaml"]["line"], step["decided"]) == (
        "tenants/clinic.yaml",
        line,
        said,
    )


def test_what_a_phone_is_denied_is_the_platforms_line_where_the_tenant_has_none() -> None:
    found = told("--from", "101", "--to", "+4930123456")
    assert found["steps"][0]["yaml"] == {"file": "platform.yaml", "line": 38, "column": 17}
    assert found["end"] == {"kind": "refused", "name": None, "sip": 403, "text": "nobody: 403"}


def test_json_has_the_price_and_the_end() -> None:
    found = told("--from", "101", "--to", "89161112233", "--at", "2026-11-26 14:00")
    assert [(step["kind"], step["outcome"], step["price_per_minute"]) for step in found["steps"]] == [
        ("dial_class", "mobile", None),
        ("dial_out", "answered", "2.30"),
    ]
    assert (found["end"]["kind"], found["end"]["name"]) == ("outside", "+79161112233")


def test_a_number_of_the_platform_stays_on_the_switch() -> None:
    found = told("--from", "101", "--to", "+74012770001")
    assert "stays on the switch: tenant shop" in found["steps"][-1]["decided"]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--from", "109", "--to", "101"), "'109' is neither an employee", "did you mean"),
        (("--from", "101", "--to", "109"), "a phone of clinic that dials '109' reaches nothing", "did you"),
        (("--from", CALLER, "--to", "101"), "'101' is no number of tenant clinic", "known: "),
        (("--from", CALLER, "--to", "+74012770001"), "is no number of tenant clinic", "tenant shop"),
        (("--from", "101", "--to", "102", "--busy", "doctor"), "'doctor' is no employee", "`doctors`"),
    ],
)
def test_what_is_not_there_is_told_with_a_hint(arguments: tuple[str, ...], message: str, hint: str) -> None:
    error = route(*arguments).exception
    assert message in getattr(error, "message", "")
    assert hint in getattr(error, "hint", "")


def test_an_unknown_tenant_is_told_with_a_hint() -> None:
    error = route("--from", "101", "--to", "102", tenant="clinics").exception
    assert getattr(error, "hint", "") == "did you mean `clinic`?"


def disconnected(folder: Path, tenant: str) -> list[str]:
    """The call of 101 to the shop's number in a project where a tenant is disconnected."""
    project = Path(shutil.copytree(PROJECT, folder / "project"))
    file = project / "tenants" / f"{tenant}.yaml"
    file.write_text(file.read_text().replace("tariff: master", "tariff: master\nservice: disconnected"))
    return ["-C", str(project), "route", "--tenant", "clinic", "--from", "101", "--to", "+74012770001"]


def test_a_tenant_that_is_disconnected_has_no_calls(tmp_path: Path) -> None:
    error = CliRunner().invoke(root, disconnected(tmp_path, "clinic")).exception
    assert "tenant clinic is disconnected" in getattr(error, "message", "")


def test_a_call_to_a_tenant_that_is_disconnected_leaves_by_the_trunk(tmp_path: Path) -> None:
    assert "by trunk main" in CliRunner().invoke(root, disconnected(tmp_path, "shop")).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--at", "fru 10:00"),
        ("--at", "2026-02-30 10:00"),
        ("--at", "2026-11-26"),
        ("--at", "25:00"),
        ("--busy", "102", "--no-answer", "102"),
        ("--lines-in-use", "-1"),
    ],
)
def test_a_wrong_call_is_refused_as_one(arguments: tuple[str, ...]) -> None:
    assert route("--from", "101", "--to", "102", *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "2026-11-26 07:00:30+03:00"),
        ("19:05", "2026-11-26 19:05:00+03:00"),
        ("sat 19:05", "2026-11-28 19:05:00+03:00"),
        ("Thu 07:00", "2026-11-26 07:00:00+03:00"),
        ("thu 06:59", "2026-12-03 06:59:00+03:00"),
        ("2026-12-31 19:05", "2026-12-31 19:05:00+03:00"),
        ("2026-12-31T16:05:00Z", "2026-12-31 19:05:00+03:00"),
    ],
)
def test_a_moment_is_local_and_a_day_of_the_week_is_the_next_one(text: str | None, expected: str) -> None:
    now = datetime(2026, 11, 26, 4, 0, 30, tzinfo=UTC)
    assert str(moment(text, now, ZoneInfo("Europe/Moscow"))) == expected


PREPAID = Path(__file__).parents[1] / "golden" / "rendering" / "prepaid" / "project"


def prepaid(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(PREPAID), "route", "--tenant", "delta", *arguments])


@pytest.mark.parametrize(
    ("call", "option", "ends"),
    [
        (("201", "89161234567"), ("--debt", "outgoing-barred"), "nobody: 403"),
        (("201", "89161234567"), ("--debt", "suspended"), "nobody: 403"),
        (("201", "89161234567"), ("--no-money",), "nobody: 403"),
        ((CALLER, "88121234567"), ("--debt", "suspended"), "nobody: 480"),
        ((CALLER, "88121234567"), ("--debt", "outgoing-barred"), "department first-line"),
        ((CALLER, "88121234567"), ("--no-money",), "department first-line"),
        (("201", "112"), ("--debt", "suspended", "--no-money"), "emergency"),
    ],
)
def test_what_a_debt_and_an_empty_account_do_to_a_call(
    call: tuple[str, str], option: tuple[str, ...], ends: str
) -> None:
    result = prepaid("--from", call[0], "--to", call[1], *option)
    assert result.exit_code == 0, result.output
    last = result.output.splitlines()
    assert last[-1].startswith(f"goes to: {ends}")
    if ends.startswith("nobody"):
        assert last[-2].endswith("\ttenants/delta.yaml:10")


def test_a_debt_from_which_nothing_follows_and_money_that_bounds_nothing_are_refused() -> None:
    for option, said in (
        (("--debt", "suspended"), "has no on_debt"),
        (("--no-money",), "bounds no call"),
    ):
        result = route("--from", "101", "--to", "89161234567", *option)
        assert result.exit_code == 1
        assert said in str(result.exception)
