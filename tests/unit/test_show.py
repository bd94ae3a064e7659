"""`vpbx show` of a project whose switch doesn't run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.asterisk.answers import registration
from orchestrator.cli.main import main, root
from orchestrator.project import Project
from orchestrator.secrets import Secrets

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copied = shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    platform = copied / "platform.yaml"
    platform.write_text(platform.read_text().replace("127.0.0.1:5038", "127.0.0.1:1"))
    return copied


def shown(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), "show", *arguments])


def test_a_tenant_is_drawn_whole(project: Path) -> None:
    result = shown(project, "acme")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "acme  ООО «Акме Инструмент»"
    for line in (
        "  service:     active",
        "  tariff:      master 2026-01, Мастер коммуникаций",
        "  options:     recording",
        "  lines:       14, in use: unknown",
        "  caller ID:   +74951112233",
        "  may dial:    local, mobile, national; emergency numbers always",
        "  recording:   on, kept 1 year, not announced",
        "  trunk:       main",
        "  switch:      not running, or not answering: nothing has been applied yet",
        "+74951112233\tdepartment sales, Отдел продаж",
        "+74951112234\temployee 101, Анна Соколова",
        "+74951112235\toutside +79161234567",
        "sales\tОтдел продаж\t200\tall\t30 s\t\t101, 102, 103",
        "103\tЕкатерина Лебедева\t30 s\tdesk\tnot applied yet\t\t\t",
        "\t\t\tmobile\tnot applied yet\t\t\t",
        "106\tСергей Фёдоров\t45 s\tdesk\tnot applied yet\t\t\t",
    ):
        assert line in lines
    assert "\x1b" not in result.output
    assert not (project / ".vpbx").exists()


def test_a_switch_that_does_not_run_is_no_error(project: Path) -> None:
    Secrets.open(Project(project).secrets_file).devices([("beta", "101", "desk")])
    result = shown(project, "beta")
    assert result.exit_code == 0
    assert (
        "switch:      not running, or not answering: nothing listens for AMI at 127.0.0.1:1" in result.output
    )
    assert "101\tАндрей Белов\t30 s\tdesk\tunknown\t" in result.output
    data = json.loads(shown(project, "beta", "--json").output)
    assert data["version"] == 1 and data["switch"]["asked"] is False
    assert data["lines"] == {"limit": 14, "given": 14, "in_use": None}
    assert data["employees"][0]["devices"][0]["registered"] is None
    assert data["recording"] == {
        "on": False,
        "kept_years": None,
        "store": None,
        "announce": None,
        "announce_outbound": None,
    }


def test_an_unknown_tenant_is_one_line_and_a_hint(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["-C", str(project), "show", "acne"])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "vpbx: error: no tenant 'acne'\nhint: did you mean `acme`?\n"


def test_a_contact_that_is_asked_has_a_round_trip_and_one_that_does_not_answer_has_none() -> None:
    told = {"URI": "sip:a@192.0.2.1", "ViaAddress": "192.0.2.1:5060", "RegExpire": "1790000000"}
    near = registration({**told, "Status": "Reachable", "RoundtripUsec": "2400"})
    assert (near.reachable, near.round_trip_ms) == (True, 2.4)
    assert near.expires_at is not None and near.expires_at.isoformat() == "2026-09-21T14:13:20+00:00"
    gone = registration({**told, "Status": "Unreachable", "RoundtripUsec": "2400"})
    assert (gone.reachable, gone.round_trip_ms) == (False, None)
    silent = registration({**told, "Status": "NonQualified", "RoundtripUsec": "N/A"})
    assert (silent.reachable, silent.round_trip_ms) == (None, None)


def test_schedules_and_overflow_are_drawn_where_there_are_any() -> None:
    project = EXAMPLES.parent / "tests/golden/rendering/schedules/project"
    lines = shown(project, "clinic").output.splitlines()
    for line in (
        "+73432223345\trefused with 480",
        "+73432223344\tby schedule office (open: employee 101, Регистратура; closed: by schedule night-shift "
        "(open: outside +79161234567; closed: refused with 486))",
        "employee 101\tno answer\tdepartment doctors, Врачи",
        "department doctors\tany\toutside +79161234568",
        "office\tmon-fri 09:00-18:00; sat 10:00-14:00, 15:00-17:00\tru\t2026-12-31 09:00-15:00; "
        "2027-01-11 closed",
    ):
        assert line in lines
    assert "overflow" not in shown(EXAMPLES, "beta").output
    data = json.loads(shown(project, "clinic", "--json").output)
    assert data["numbers"][0]["closed"]["open"] == {"to": "outside", "name": "+79161234567"}
    assert data["employees"][1]["overflow"]["any"]["to"] == "schedule"
    assert [each["name"] for each in data["schedules"]] == ["night-shift", "office", "unused"]
