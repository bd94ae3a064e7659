"""`vpbx test`, and apply's own look: calls that don't reach what an operator expects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from rendered_cases import HERE

from orchestrator.cli.main import root

FLOW = HERE / "schedules" / "project"
CLINIC, CALLER, NIGHT_DUTY = "+73432223344", "+79035556677", "+79161234567"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return shutil.copytree(FLOW, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))


def expect(project: Path, *lines: str) -> None:
    """Give the clinic these expectations."""
    file = project / "tenants/clinic.yaml"
    text = file.read_text()
    file.write_text(text + "\nexpects:\n" + "".join(f"  - {{{line}}}\n" for line in lines))


def run(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *arguments])


def call(at: str, reaches: str, more: str = "") -> str:
    when = f'at: "{at}", ' if at else ""
    return f'call: "{CLINIC}", from: "{CALLER}", {when}reaches: {reaches}{more}'


MET = (
    call("2026-11-25 12:00", "employee 101"),
    call("2026-11-25 12:00", "employee", ', busy: ["101"]'),
    call("2026-11-28 23:30", f"outside {NIGHT_DUTY}"),
    call("2026-11-28 23:30", "refused", ", lines_in_use: 14"),
    'call: "102", from: "101", reaches: employee 102',
    'call: "102", from: "101", reaches: {employee: "102"}',
    'call: "112", from: "101", reaches: emergency 112',
    'call: "*46", from: "101", reaches: code',
)


def test_calls_that_reach_what_is_expected_pass(project: Path) -> None:
    expect(project, *MET)
    done = run(project, "test")
    assert (done.exit_code, done.output) == (0, f"{len(MET)} expectation(s), 0 not met\n")
    told = json.loads(run(project, "test", "clinic", "--json").output)
    assert [each["passed"] for each in told["results"]] == [True] * len(MET)
    assert told["results"][0]["steps"][0] == "numbers.73432223344.admit"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            call("2026-11-25 12:00", "refused"),
            "expected refused, reaches employee 101 (numbers.73432223344.admit",
        ),
        (call("2026-11-25 12:00", "employee 102"), "expected employee 102, reaches employee 101"),
        (call("", "employee 101"), "its way asks the hour"),
        ('call: "999", from: "101", reaches: employee 102', "expected employee 102, reaches nothing"),
    ],
)
def test_a_call_that_goes_elsewhere_fails_with_its_way_and_stops_an_apply(
    project: Path, line: str, told: str
) -> None:
    expect(project, *MET, line)
    done = run(project, "test")
    assert done.exit_code == 1
    assert told in " ".join(done.output.split())
    assert f"{len(MET) + 1} expectation(s), 1 not met" in done.output
    refused = run(project, "apply")
    assert refused.exit_code == 1
    assert str(refused.exception).startswith("tenants/clinic.yaml:")
    assert told in str(refused.exception)
    assert not (project / ".vpbx/switch").exists(), "nothing was written"


def test_results_are_written_as_junit_xml(project: Path, tmp_path: Path) -> None:
    expect(project, *MET, call("2026-11-25 12:00", "refused"))
    file = tmp_path / "results.xml"
    assert run(project, "test", "--junit", str(file)).exit_code == 1
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(MET) + 1), "1")
    cases = suite.findall("testcase")
    assert {case.get("classname") for case in cases} == {"clinic"}
    [failed] = [case for case in cases if case.find("failure") is not None]
    assert failed.get("file") == "tenants/clinic.yaml"
    assert "reaches employee 101" in str(failed.find("failure").get("message"))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (call("someday", "refused"), "time"),
        (call("sat 19:05", "everybody"), "reaches"),
        (f'from: "{CALLER}", reaches: refused', "missing-key"),
        (f'call: "rm -rf", from: "{CALLER}", reaches: refused', "dialled"),
        (call("sat 19:05", "refused", ", weather: fine"), "unknown-key"),
    ],
)
def test_an_expectation_that_says_nothing_is_refused_with_its_place(
    project: Path, line: str, code: str
) -> None:
    expect(project, line)
    done = run(project, "validate", "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == [code]


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ('call: "102", from: "109", reaches: refused', "unknown-caller", True),
        ('call: "102", from: anonymos, reaches: refused', "unknown-caller", True),
        ('call: "102", from: "101", reaches: refused, busy: [doctor]', "unknown-who", True),
        ('call: "102", from: "101", reaches: refused, no_answer: ["102", "109"]', "unknown-who", True),
        ('call: "102", from: "101", reaches: refused, unreachable: ["+7"]', "unknown-who", False),
        ('call: "102", from: "101", reaches: refused, "on": [night]', "unknown-switch", False),
    ],
)
def test_a_name_that_nobody_has_is_refused_with_its_place(
    project: Path, line: str, code: str, hint: bool
) -> None:
    expect(project, call("2026-11-25 12:00", "refused"), line)
    [problem] = json.loads(run(project, "validate", "--json").output)["problems"]
    text = (project / problem["file"]).read_text().splitlines()
    assert (problem["code"], problem["line"]) == (code, len(text))
    name = text[-1][problem["column"] - 1 :]
    assert name.strip('"').startswith(("109", "anonymos", "doctor", "+7", "night"))
    assert bool(problem["hint"]) >= hint


def test_nothing_is_pressed_and_then_a_key(tmp_path: Path) -> None:
    project = shutil.copytree(HERE / "menus" / "project", tmp_path / "menus")
    file = project / "tenants/hotel.yaml"
    common = 'call: "+74957770001", from: "+79035556677"'
    lines = (
        f'{common}, press: ["-", "0"], reaches: department desk',
        f'{common}, press: ["-", "-", "0"], reaches: employee 203',
    )
    file.write_text(file.read_text() + "\nexpects:\n" + "".join(f"  - {{{line}}}\n" for line in lines))
    done = run(project, "test")
    assert (done.exit_code, done.output) == (0, "2 expectation(s), 0 not met\n")
